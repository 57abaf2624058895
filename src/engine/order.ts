import { isDeepStrictEqual } from 'node:util'
import { Failure } from '../core/failure.ts'
import { didYouMean } from '../core/nearest.ts'
import type { ResourceId } from '../core/resource.ts'
import { isSecret, reveal } from '../core/secret.ts'
import { checkPlaces } from './places.ts'
import type { Planned } from './planned.ts'

/** The order of a run: prepare before activate, each in the order of the run list; equal resources are one, at the first place.
 *  @throws Failure `resource.conflict` two resources of one id that differ, or of one path; `resource.unknown`, `resource.order` a trigger that
 *  names nothing, or something later */
export function order<Each extends Planned>(planned: readonly Each[]): readonly Each[] {
  const inOrder = [...planned.filter(one => one.phase === 'prepare'), ...planned.filter(one => one.phase === 'activate')]
  const seen = new Map<ResourceId, Each>()
  for (const one of inOrder) {
    const first = seen.get(one.resource.id)
    if (first === undefined) seen.set(one.resource.id, one)
    else if (!isSame(first, one)) throw conflict(first, one)
  }
  const result = [...seen.values()]
  checkPlaces(result)
  checkTriggers(result)
  return result
}

function isSame(a: Planned, b: Planned): boolean {
  return isDeepStrictEqual(uncovered(a.resource.props), uncovered(b.resource.props))
}

/** Two secrets are the same when their texts are; each hides its own. For comparison alone: it goes nowhere. */
function uncovered(value: unknown): unknown {
  if (isSecret(value)) return { secret: reveal(value) }
  if (Array.isArray(value)) return value.map(uncovered)
  return isPlainObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, uncovered(inner)])) : value
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype && !Object.values(value).some(inner => typeof inner === 'function')
}

function conflict(a: Planned, b: Planned): Failure {
  const props = new Set([...Object.keys(a.resource.props), ...Object.keys(b.resource.props)])
  const differing = [...props].filter(key => !isDeepStrictEqual(uncovered((a.resource.props as never)[key]), uncovered((b.resource.props as never)[key])))
  return new Failure('resource.conflict', `${a.resource.id} is declared twice and differently: by ${a.origin} and by ${b.origin} (they differ in ${differing.join(', ')})`, {
    hint: 'Leave it to one of them, or make them equal.',
  })
}

function checkTriggers(inOrder: readonly Planned[]): void {
  if (!inOrder.some(one => one.resource.triggers?.length)) return
  const place = new Map(inOrder.map((one, index) => [one.resource.id, index]))
  inOrder.forEach(({ resource, origin, phase }, index) => {
    for (const cause of resource.triggers?.flatMap(trigger => trigger.on) ?? []) {
      const at = place.get(cause)
      const found = at === undefined ? undefined : inOrder[at]
      if (found === undefined) {
        throw new Failure('resource.unknown', `${origin}: ${resource.id} waits for a change of ${cause}, and there is no such resource`, {
          hint: didYouMean(cause, [...place.keys()].filter(id => id !== resource.id)),
        })
      }
      if ((at as number) < index) continue
      if (cause === resource.id) throw new Failure('resource.order', `${origin}: ${resource.id} waits for a change of itself`)
      throw new Failure('resource.order', `${origin}: ${resource.id} waits for a change of ${cause}, which comes later (${found.origin})`, {
        hint: phase === 'prepare' && found.phase === 'activate'
          ? `${resource.id} is of the phase prepare, which runs before activate. Give its recipe the phase activate.`
          : `Put ${found.origin.replace(/ \(.*/, '')} before it in the run list.`,
      })
    }
  })
}
