import type { Fault } from '../core/failure.ts'
import type { PlannedStep } from './planned.ts'

/** An instance has one public address, and has it only once it is activated: what a run list asks against that. */
export function addressFaults(planned: readonly PlannedStep[]): readonly Fault[] {
  return [...earlyReads(planned), ...rivals(planned)]
}

function earlyReads(planned: readonly PlannedStep[]): readonly Fault[] {
  const taker = planned.find(({ step, resources }) => step.recipe.name === 'eip' || resources.some(one => one.resource.kind === 'address'))
  if (!taker) return []
  return planned.flatMap(({ step, reads }): Fault[] => {
    const key = (['publicIp', 'publicHostname'] as const).find(name => reads.has(name))
    if (key === undefined || step.phase === 'activate') return []
    const message = `recipe ${step.recipe.name} reads instance.${key} while it prepares, and recipe ${taker.step.recipe.name} takes the address only afterwards`
    return [{ place: step.entry.place, message, hint: "Give the recipe `phase: 'activate'`.", code: 'recipe.invalid' }]
  })
}

/** Each would part the other from the instance, at every boot. With a guard they may be meant for different instances. */
function rivals(planned: readonly PlannedStep[]): readonly Fault[] {
  const [first, ...others] = planned.flatMap(({ step, resources }) => resources
    .filter(({ resource: { kind, onlyIf, notIf, props } }) => kind === 'address' && !onlyIf && !notIf && (props as { state?: string }).state !== 'absent')
    .map(({ resource, origin }) => ({ id: resource.id, origin, place: step.entry.place })))
  if (!first) return []
  return others.filter(({ id }) => id !== first.id).map(({ id, origin, place }) => ({
    place,
    message: `an instance holds one public address: ${id} by ${origin} would take the place of ${first.id} by ${first.origin}`,
    hint: 'Leave one of them out. For one of several addresses give them a tag, and `pool`.',
    code: 'resource.conflict',
  }))
}
