import type { Resource } from '../core/resource.ts'
import type { Awaitable } from '../core/plain.ts'
import { attempt, USUAL_PATIENCE } from './attempt.ts'
import type { Surroundings } from './settle.ts'

/** Why this resource is not converged here: a staging root that can't have it, or a guard. undefined: it is. */
export function whyNot(resource: Resource, around: Surroundings): Awaitable<string | undefined> {
  if (resource.hostOnly !== undefined && around.machine.staging) return resource.hostOnly
  return resource.onlyIf || resource.notIf ? askGuards(resource, around) : undefined
}

async function askGuards(resource: Resource, around: Surroundings): Promise<string | undefined> {
  const { onlyIf, notIf } = resource
  if (onlyIf && !(await holds(onlyIf, resource, around))) return `onlyIf: ${onlyIf.join(' ')}`
  if (notIf && (await holds(notIf, resource, around))) return `notIf: ${notIf.join(' ')}`
  return undefined
}

async function holds(argv: readonly string[], resource: Resource, around: Surroundings): Promise<boolean> {
  const patience = { timeoutMs: resource.timeoutMs ?? USUAL_PATIENCE.timeoutMs, retries: 0 }
  const result = await attempt(`a guard of ${resource.id}`, signal => around.machine.probe(argv, { signal }), patience, around.signal, around.clock)
  return result.code === 0
}
