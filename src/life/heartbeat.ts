import type { Lifecycle } from '../core/cloud.ts'
import type { Clock } from '../core/clock.ts'
import type { Event } from '../core/events.ts'
import { asFailure, type Failure } from '../core/failure.ts'

/** The shortest a hook may wait for is 30 s. */
const FIRST_MS = 25_000
/** A run that goes on after a pause is noticed within this. */
const LOOK_AGAIN_MS = 2_000

/** Asks the group to wait on, for as long as the run makes progress: a run that is stuck is not to be waited for.
 *  @param after does something so many milliseconds later, and says how to leave it. Default: a timer that keeps no process alive
 *  @param missed told of the first that fails: the group may give up meanwhile
 *  @returns what is told of the run's events, and how to stop */
export function heartbeats(lifecycle: Lifecycle, signal: AbortSignal, after = timer, missed: (failure: Failure) => void = () => {}): { readonly note: (event: Pick<Event, 'type'>) => void; readonly stop: () => void } {
  let progressed = false
  let isToldOf = false
  let stopped = false
  let leave = (): void => {}
  const later = (ms: number): void => {
    if (!stopped) leave = after(ms, beat)
  }
  const beat = async (): Promise<void> => {
    if (!progressed) return later(LOOK_AGAIN_MS)
    progressed = false
    try {
      const waitsMs = await lifecycle.heartbeat(signal)
      if (waitsMs !== undefined) later(Math.max(FIRST_MS, waitsMs / 2))
    } catch (error) {
      if (!isToldOf && !signal.aborted) missed(asFailure(error))
      isToldOf = true
      // The next one may make it good.
      later(FIRST_MS)
    }
  }
  const stop = (): void => {
    stopped = true
    leave()
  }
  later(FIRST_MS)
  return { note: ({ type }) => void (progressed ||= type.startsWith('resource.')), stop }
}

function timer(ms: number, act: () => Promise<void>): () => void {
  const timeout = setTimeout(() => void act(), ms).unref()
  return () => clearTimeout(timeout)
}

/** How long a failed launch is held for a human. */
export const HOLD_MS = 60 * 60_000

/** Keeps a failed launch as it is for somebody to look at: the group waits on, until nobody waits any more or an hour has gone.
 *  @param held called when it is known that the group waits
 *  @param isTakenOver whether another run is at work by now: that one answers the group
 *  @returns whether the hour has gone with the group still waiting */
export async function holdOn(lifecycle: Lifecycle, clock: Clock, held: () => void, isTakenOver: () => boolean, signal: AbortSignal): Promise<boolean> {
  const until = clock.monotonic() + HOLD_MS
  let isTold = false
  while (clock.monotonic() < until) {
    if (isTakenOver()) return false
    const waitsMs = await lifecycle.heartbeat(signal).catch(() => FIRST_MS * 2)
    if (waitsMs === undefined) return false
    if (!isTold) held()
    isTold = true
    await clock.sleep(Math.min(waitsMs / 2, FIRST_MS), signal)
  }
  return !isTakenOver()
}
