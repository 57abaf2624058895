import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/machine/clock.ts'

export interface FakeClock extends Clock {
  /** How often and how long somebody slept, in milliseconds. */
  readonly sleeps: readonly number[]
  advance(ms: number): void
}

/** A clock on which sleeping takes no time: it is that much later at once.
 *  @param moved called after each sleep, with the milliseconds since the start: what happens in the world at that time */
export function fakeClock(moved: (elapsedMs: number) => unknown = () => {}): FakeClock {
  const startedAt = Date.parse('2026-03-01T12:00:00Z')
  const sleeps: number[] = []
  let elapsed = 0
  return {
    sleeps,
    now: () => startedAt + elapsed,
    monotonic: () => elapsed,
    advance: ms => void (elapsed += ms),
    async sleep(ms, signal) {
      signal.throwIfAborted()
      sleeps.push(ms)
      elapsed += ms
      await moved(elapsed)
      signal.throwIfAborted()
    },
  }
}

/** The system's clock, but for waiting, which takes no time: it goes on by as much.
 *  @param moved called after each sleep, with the milliseconds slept since the start: what happens in the world at that time */
export function hastyClock(moved: (sleptMs: number) => unknown = () => {}): Clock {
  let ahead = 0
  return {
    now: () => systemClock.now() + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    async sleep(ms, signal) {
      signal.throwIfAborted()
      ahead += ms
      await moved(ahead)
      await new Promise(setImmediate)
      signal.throwIfAborted()
    },
  }
}
