import { join } from 'node:path'
import { exitCodeOf, Failure, type Fault } from '../core/failure.ts'
import type { Host, Instance } from '../core/instance.ts'
import type { Phase, RecipeCloud, RecipeInput, RoleFacts } from '../core/recipe.ts'
import type { Resource } from '../core/resource.ts'
import type { Role, RunListEntry } from '../core/role.ts'
import { assets, type Assets } from './assets.ts'
import { bounded, RECIPE_LIMIT_MS } from './bounded.ts'
import { callRecipe, stuckRecipe } from './call.ts'
import { failureAt, failureOf, faultsOf } from './faults.ts'
import { judgeParams, readParams } from './params.ts'
import type { LoadedRecipe, RecipeBook } from './recipes.ts'
import type { ReadSecret } from './secrets.ts'
import { tracked } from './tracked.ts'

/** An entry of a run list with its recipe loaded and its params parsed: ready to be asked for resources, as often as needed. */
export interface Step {
  readonly entry: RunListEntry
  readonly recipe: LoadedRecipe
  readonly params: unknown
  readonly phase: Phase
}

/** Loads the recipes of a role's run list and parses their params; secrets are read only when all params are found right.
 *  @throws Failure with the faults of all entries; `secret.missing` */
export async function loadRunList(role: Role, book: RecipeBook, readSecret: ReadSecret): Promise<readonly Step[]> {
  const { steps, faults } = await inspectRunList(role, book)
  if (faults.length > 0) throw failureOf(faults)
  const result: Step[] = []
  for (const step of steps) result.push({ ...step, params: await readParams(step.entry, step.recipe, book.source, readSecret) })
  return result
}

/** As loadRunList, with stand-ins for secrets, and telling the faults instead of failing: the steps are those without any. */
export async function inspectRunList(role: Role, book: RecipeBook): Promise<{ readonly steps: readonly Step[]; readonly faults: readonly Fault[] }> {
  const steps: Step[] = []
  const faults: Fault[] = []
  for (const entry of role.runList) {
    try {
      const recipe = await book.load(entry.recipe, entry.place)
      steps.push({ entry, recipe, params: judgeParams(entry, recipe, book.source), phase: recipe.definition.phase ?? 'prepare' })
    } catch (error) {
      if (!(error instanceof Failure) || exitCodeOf(error) !== 78) throw error
      faults.push(...faultsOf(error, entry.place))
    }
  }
  return { steps, faults }
}

export interface Planning {
  readonly steps: readonly Step[]
  readonly role: Role
  /** The provisioning repository. Absolute, on the host. */
  readonly source: string
  /** The run directory, as resources name it: the health directory is below. */
  readonly run: string
  readonly instance: Instance
  readonly host: Host
  readonly cloud: RecipeCloud
  readonly bootId: string
  /** What should be so while the instance serves, or when it leaves. */
  readonly which: 'resources' | 'departed'
  /** Only the steps of this phase. Default: of both. */
  readonly phase?: Phase | undefined
}

/** What one step of a run list asks for. */
export interface PlannedStep {
  readonly step: Step
  readonly resources: readonly PlannedResource[]
  /** The keys of the instance that its recipe read; grows when its resources read more, later. */
  readonly reads: ReadonlySet<keyof Instance>
}

export interface PlannedResource {
  readonly resource: Resource
  /** For complaints, e.g. 'recipe nginx (roles/web.yaml:7)'. */
  readonly origin: string
  readonly phase: Phase
  readonly recipe: string
  readonly reads: ReadonlySet<keyof Instance>
}

/** Asks every recipe for its resources, in the order of the run list; for `departed`, in reverse.
 *  @throws Failure of a resource or template, with the entry's place; `recipe.threw`, `recipe.invalid`, `recipe.stuck` */
export function planResources(planning: Planning): readonly PlannedResource[] {
  return planSteps(planning).flatMap(step => step.resources)
}

/** As planResources, by step: a recipe that asks for nothing may have read the instance to decide so. */
export function planSteps(planning: Planning): readonly PlannedStep[] {
  const chosen = planning.steps.filter(step => planning.phase === undefined || step.phase === planning.phase)
  const ordered = planning.which === 'departed' ? chosen.toReversed() : chosen
  const result = planEach(ordered, planning)
  const early = planning.which === 'departed' ? [] : earlyReads(result)
  if (early.length > 0) throw failureOf(early)
  return result
}

/** A guard against recipes that loop costs a thread: one for all, and none where all come with the program. */
function planEach(steps: readonly Step[], planning: Planning): readonly PlannedStep[] {
  const find = assets(planning.source)
  if (steps.every(step => step.recipe.path === undefined)) return steps.map(step => planStep(step, planning, find))
  const result: PlannedStep[] = []
  const ended = bounded(RECIPE_LIMIT_MS, () => {
    for (const step of steps) result.push(planStep(step, planning, find))
  })
  if (ended.stuck) throw stuckRecipe(steps[result.length] as Step, planning, RECIPE_LIMIT_MS)
  return result
}

/** Asks one recipe. @throws as planResources, but for `recipe.stuck` */
export function planStep(step: Step, planning: Planning, find: Assets = assets(planning.source)): PlannedStep {
  const { entry, recipe, phase } = step
  const reads = new Set<keyof Instance>()
  const input: RecipeInput = {
    params: step.params,
    instance: tracked(planning.instance, reads),
    host: planning.host,
    role: roleFacts(planning.role, planning.run),
    cloud: planning.cloud,
    asset: find(recipe),
    bootId: planning.bootId,
  }
  const origin = `recipe ${recipe.name} (${entry.place.file}:${entry.place.line})`
  const resources = callRecipe(step, planning, input).map(resource => ({ resource, origin, phase, recipe: recipe.name, reads }))
  return { step, resources, reads }
}

export function roleFacts(role: Role, run: string): RoleFacts {
  return { name: role.name, health: { file: role.health.file, directory: join(run, 'health') } }
}

/** A recipe that prepares must not read an address that is taken only when the instance is activated. */
export function earlyReads(planned: readonly PlannedStep[]): readonly Fault[] {
  const taker = planned.find(({ step, resources }) => step.recipe.name === 'eip' || resources.some(one => one.resource.kind === 'address'))
  if (!taker) return []
  return planned.flatMap(({ step, reads }): Fault[] => {
    const key = (['publicIp', 'publicHostname'] as const).find(name => reads.has(name))
    if (key === undefined || step.phase === 'activate') return []
    const message = `recipe ${step.recipe.name} reads instance.${key} while it prepares, and recipe ${taker.step.recipe.name} takes the address only afterwards`
    return [{ place: step.entry.place, message, hint: "Give the recipe `phase: 'activate'`.", code: 'recipe.invalid' }]
  })
}
