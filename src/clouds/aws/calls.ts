import type { CallCount } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import { awsFailure, isSkewCorrected } from './errors.ts'

export interface Asked {
  readonly signal: AbortSignal
  /** What it is about, for the messages: a table, an allocation, a path. */
  readonly on?: string | undefined
  /** Tries after the first, of what failed on the way. 0 where the caller must look before he asks again. Default 4. */
  readonly retries?: number
  /** Tries after the first, of what was throttled: it was not done, whatever it was. Default 8. */
  readonly throttles?: number
}

export interface Calls {
  /** By API, as IAM names its action, e.g. 'dynamodb:PutItem'. */
  readonly counts: ReadonlyMap<string, CallCount>
  /** One API call, with its retries; the only way from sunup to AWS. The SDK makes one request each time (its own retries are off), and a Failure
   *  that was retried here is final to the engine: so tries are never multiplied.
   *
   *      const { Item } = await calls.ask('dynamodb:GetItem', options => client.send(new GetItemCommand(input), options), { signal, on: table })
   *
   *  @throws Failure `cloud.denied`, `cloud.throttled`, `cloud.unreachable`, `cloud.invalid`, with the SDK's error as its cause (see `awsCode`);
   *    what a credential provider threw; or what the signal was aborted with */
  ask<T>(action: string, send: (options: SendOptions) => Promise<T>, asked: Asked): Promise<T>
}

/** The second argument of the SDK's `client.send`. */
export interface SendOptions {
  readonly abortSignal: AbortSignal
}

export interface CallsOptions {
  readonly clock: Clock
  /** Has credentials at hand, under the caller's signal, which the SDK's own way to them has not. Called before each try. */
  readonly ready?: (signal: AbortSignal) => Promise<unknown>
  /** From 0 up to 1, as Math.random, which is the default. */
  readonly random?: () => number
}

/** Half a second, doubling, and of that any part (full jitter): a fleet that was throttled together must not come back together. */
const FIRST_DELAY_MS = 500
/** With four retries of the network the whole wait is below 8 s; with eight of throttling below a minute. */
const LONGEST_DELAY_MS = 10_000

/** Counts, retries and words for what is asked of AWS. */
export function awsCalls({ clock, ready, random = Math.random }: CallsOptions): Calls {
  const counts = new Map<string, CallCount>()
  const count = (action: string, add: Partial<CallCount>): void => {
    const { count, retries, throttles } = counts.get(action) ?? { count: 0, retries: 0, throttles: 0 }
    counts.set(action, { count: count + (add.count ?? 0), retries: retries + (add.retries ?? 0), throttles: throttles + (add.throttles ?? 0) })
  }

  return {
    counts,
    async ask(action, send, { signal, on, retries = 4, throttles = 8 }) {
      let skewed = false
      let last: Failure | undefined
      const checkSignal = (): void => {
        if (signal.aborted) throw endedBy(signal.reason, last?.message ?? `${on === undefined ? action : `${action} on ${on}`} had not answered`)
      }
      for (const tries = { failed: 0, throttled: 0 }; ; ) {
        const again = tries.failed + tries.throttled
        await Promise.resolve(ready?.(signal)).catch((error: unknown) => {
          checkSignal()
          throw error
        })
        checkSignal()
        count(action, { count: 1, retries: again > 0 || skewed ? 1 : 0 })
        try {
          return await send({ abortSignal: signal })
        } catch (error) {
          checkSignal()
          // The machine's clock is off, and the SDK has learnt by how much from the answer: that is no reason to wait.
          if (!skewed && isSkewCorrected(error)) {
            skewed = true
            continue
          }
          last = awsFailure(error, action, on)
        }
        const failure = last
        if (failure.code === 'cloud.throttled') count(action, { throttles: 1 })
        const may = failure.remedy === 'retry' && (failure.code === 'cloud.throttled' ? tries.throttled++ < throttles : tries.failed++ < retries)
        if (!may) throw again > 0 ? spent(failure, again + 1) : failure
        await clock.sleep(random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** again), signal).catch(checkSignal)
      }
    },
  }
}

/** That a deadline passed says little without what was waited for. */
function endedBy(reason: unknown, waitedFor: string): unknown {
  if (!(reason instanceof Failure) || reason.code !== 'run.deadline') return reason
  return new Failure(reason.code, `${reason.message}; ${waitedFor}`, { hint: reason.hint, cause: reason })
}

/** It had its retries. */
function spent(failure: Failure, tries: number): Failure {
  const { code, message, hint, cause } = failure
  return new Failure(code, `${message} (tried ${tries} times)`, { hint, cause, remedy: 'final' })
}
