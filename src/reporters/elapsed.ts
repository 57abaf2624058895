import type { Event } from '../core/events.ts'

/** A resource's own clock and the wall's differ by their rounding, and by what the event loop did between two readings. */
const TOLERANCE_MS = 250

/** How long after its first event each event of a run was told. An event's time is the wall clock's, which is often set in the very minute that
 *  a machine boots; how long a resource and the whole run took is the monotonic clock's, and that is believed.
 *  @returns milliseconds, never falling; one for each event */
export function elapsed(events: readonly Event[]): readonly number[] {
  const steps = events.map((event, index) => {
    const before = events[index - 1]
    return before === undefined ? 0 : Math.max(0, Date.parse(event.at) - Date.parse(before.at) || 0)
  })
  const within = resourceSteps(events, steps)
  const total = events.findLast(event => event.type === 'run.finished')?.durationMs
  if (total !== undefined) {
    const excess = sum(steps) - total
    // The clock was set between two resources: the longest wait there is it.
    const longest = steps.reduce((best, step, index) => (!within.has(index) && step > (steps[best] ?? 0) ? index : best), 0)
    if (excess > TOLERANCE_MS) steps[longest] = Math.max(0, (steps[longest] ?? 0) - excess)
  }
  let at = 0
  return steps.map(step => (at += step))
}

/** Makes a resource as long as it says it took, where the clock was set meanwhile. @returns the steps within resources */
function resourceSteps(events: readonly Event[], steps: number[]): ReadonlySet<number> {
  const within = new Set<number>()
  let begun: { readonly id: string; readonly index: number } | undefined
  events.forEach((event, index) => {
    if (begun) within.add(index)
    if (event.type === 'resource.started') begun = { id: event.id, index }
    if (event.type !== 'resource.finished' || begun?.id !== event.id) return
    const took = sum(steps.slice(begun.index + 1, index + 1))
    if (Math.abs(took - event.durationMs) > TOLERANCE_MS) {
      for (let step = begun.index + 1; step < index; step++) steps[step] = 0
      steps[index] = event.durationMs
    }
    begun = undefined
  })
  return within
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
