import type { Clock } from '../core/clock.ts'
import { showDuration } from '../core/duration.ts'
import { asFailure, Failure, remedyOf } from '../core/failure.ts'
import type { Awaitable } from '../core/plain.ts'

export interface Patience {
  readonly timeoutMs: number
  /** Tries after the first, for what may pass. */
  readonly retries: number
}

export const USUAL_PATIENCE: Patience = { timeoutMs: 5 * 60_000, retries: 4 }

const FIRST_DELAY_MS = 500
/** All delays between retries together; four doublings of half a second and jitter stay below it. */
const ALL_DELAYS_MS = 15_000
/** How often something that is held (a lock) is asked for again. */
const ASK_AGAIN_MS = 1_000

/** Does the work, again if its failure may pass, within the timeout. Work that needs no waiting is not given a timer.
 *  @param work gets the signal that ends it and the number of the try, from 0
 *  @throws Failure of the last try, or `resource.timeout`, or what the signal was aborted with */
export function attempt<T>(
  what: string,
  work: (signal: AbortSignal, tries: number) => Awaitable<T>,
  patience: Patience,
  signal: AbortSignal,
  clock: Clock,
): Awaitable<T> {
  signal.throwIfAborted()
  const limit = lazyLimit(what, patience.timeoutMs, signal)
  let first: Awaitable<T>
  try {
    first = work(limit.signal(), 0)
  } catch (error) {
    first = Promise.reject(asFailure(error))
  }
  return first instanceof Promise ? patiently(first, work, patience, limit, clock) : first
}

async function patiently<T>(
  first: Promise<T>,
  work: (signal: AbortSignal, tries: number) => Awaitable<T>,
  patience: Patience,
  limit: Limit,
  clock: Clock,
): Promise<T> {
  const signal = limit.start()
  let delaysMs = 0
  let retried = 0
  try {
    for (let tries = 0; ; tries++) {
      try {
        return await untilAborted(tries === 0 ? first : Promise.resolve(work(signal, tries)), signal)
      } catch (error) {
        signal.throwIfAborted()
        const failure = asFailure(error)
        const remedy = remedyOf(failure)
        if (remedy === 'final' || (remedy === 'retry' && retried >= patience.retries)) throw failure
        let delay = ASK_AGAIN_MS
        if (remedy === 'retry') {
          delay = FIRST_DELAY_MS * 2 ** retried++ * (0.5 + Math.random() / 2)
          delaysMs += delay
          if (delaysMs > ALL_DELAYS_MS) throw failure
        }
        await clock.sleep(delay, signal).catch((reason: unknown) => {
          throw isTimeout(reason) ? inVain(failure, patience.timeoutMs) : reason
        })
      }
    }
  } finally {
    limit.stop()
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Failure && reason.code === 'resource.timeout'
}

/** What it was that did not pass says more than that time ran out. */
function inVain(failure: Failure, timeoutMs: number): Failure {
  const { code, message, hint, output, subject } = failure
  return new Failure(code, `${message} (still so after ${showDuration(timeoutMs)})`, { hint, output, subject, cause: failure })
}

/** Work that does not heed its signal is left behind, not waited for. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

interface Limit {
  signal(): AbortSignal
  start(): AbortSignal
  stop(): void
}

function lazyLimit(what: string, timeoutMs: number, outer: AbortSignal): Limit {
  const controller = new AbortController()
  const abort = (): void => controller.abort(outer.reason)
  let timer: NodeJS.Timeout | undefined
  return {
    signal: () => controller.signal,
    start() {
      // The work's first step may itself have brought the abort.
      if (outer.aborted) abort()
      outer.addEventListener('abort', abort, { once: true })
      timer = setTimeout(() => controller.abort(new Failure('resource.timeout', `${what} took longer than ${showDuration(timeoutMs)}`, { hint: 'Set its `timeout` if it needs more.' })), timeoutMs)
      return controller.signal
    },
    stop() {
      clearTimeout(timer)
      outer.removeEventListener('abort', abort)
    },
  }
}
