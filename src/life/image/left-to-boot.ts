import type { Resource, ResourceId } from '../../core/resource.ts'
import type { PlannedResource, PlannedStep } from '../../roles/planned.ts'
import { secretReferences } from '../../roles/secrets.ts'

/** A step of the run list that an image can't have. */
export interface Left {
  readonly step: PlannedStep
  /** e.g. 'left to boot: recipe motd reads instance.id' */
  readonly reason: string
}

/** What belongs to an instance, whatever the phase of the recipe that asks for it. */
const OF_AN_INSTANCE: readonly string[] = ['address', 'registry']

/** Parts a run list in what an image may have and what waits for the instance: what activates, what reads the instance, of which there is none
 *  yet, what needs a secret, and what waits for changes of any of these.
 *  @param steps asked with a stand-in for the instance */
export function leftToBoot(steps: readonly PlannedStep[]): { readonly baked: readonly PlannedResource[]; readonly left: readonly Left[] } {
  const reasons = new Map<PlannedStep, string>()
  for (const step of steps) {
    const why = ownReason(step)
    if (why !== undefined) reasons.set(step, why)
  }
  for (let known = -1; known < reasons.size; ) {
    known = reasons.size
    for (const step of steps) {
      const cause = reasons.has(step) ? undefined : causeLeft(step, steps.filter(other => !reasons.has(other)))
      if (cause !== undefined) reasons.set(step, `${nameOf(step)} waits for ${cause}`)
    }
  }
  return {
    baked: steps.filter(step => !reasons.has(step)).flatMap(({ resources }) => resources),
    left: steps.flatMap(step => (reasons.has(step) ? [{ step, reason: `left to boot: ${reasons.get(step)}` }] : [])),
  }
}

/** The resources of a boot, each of which knows why a bake would have left it, for when it changed and somebody asks what is worth baking. */
export function namingLeft(steps: readonly PlannedStep[]): readonly PlannedResource[] {
  let reasons: ReadonlyMap<PlannedStep, string> | undefined
  const reasonOf = (step: PlannedStep): string | undefined => (reasons ??= new Map(leftToBoot(steps).left.map(one => [one.step, one.reason]))).get(step)
  return steps.flatMap(step => step.resources.map(one => ({ ...one, whyLeft: () => reasonOf(step) ?? everyBoots(one.resource) })))
}

/** What an image has, and a boot does all the same. */
function everyBoots({ kind, unguarded }: Resource): string | undefined {
  if (kind === 'service') return 'services are started by the boot'
  return unguarded ? 'runs in every boot' : undefined
}

function ownReason(planned: PlannedStep): string | undefined {
  const { step, resources, reads } = planned
  if (step.phase === 'activate' || resources.some(({ resource }) => OF_AN_INSTANCE.includes(resource.kind))) return `${nameOf(planned)} activates`
  if (secretReferences(step.entry.params).length > 0) return `${nameOf(planned)} needs a secret`
  if (reads.size > 0) return `${nameOf(planned)} reads ${[...reads].map(key => `instance.${key}`).join(', ')}`
  return undefined
}

/** What this step waits for that none of the others brings. */
function causeLeft({ resources }: PlannedStep, others: readonly PlannedStep[]): ResourceId | undefined {
  const there = new Set(others.flatMap(other => other.resources.map(({ resource }) => resource.id)))
  return resources.flatMap(({ resource }) => resource.triggers?.flatMap(({ on }) => on) ?? []).find(id => !there.has(id))
}

function nameOf({ step }: PlannedStep): string {
  return `recipe ${step.recipe.name}`
}
