import type { EventBody, GateStep } from '../core/events.ts'
import { asFailure, Failure, messageOf } from '../core/failure.ts'
import type { Gate, Verified } from '../core/gate.ts'

/** All that stands between the instance and traffic, as one. */
export interface Gates {
  /** Opens each in order. One that fails is closed again with those before it.
   *  @throws Failure `gate.failed` with the cause; what the signal was aborted with; a bug as it is */
  open(verified: Verified, signal: AbortSignal): Promise<void>
  /** Closes each, in reverse, those after a failure too. What was told to be closed, and was not opened since, is not told again.
   *  @throws the first failure, when all were tried */
  close(signal: AbortSignal): Promise<void>
}

/** @param list in any order: they open as registry, health, url, hook
 *  @param story is told of every step, and of the whole when all are open */
export function gates(list: readonly Gate[], story: { tell(event: EventBody): void }): Gates {
  const inOrder = [...list].sort((a, b) => ORDER.indexOf(a.step) - ORDER.indexOf(b.step))
  const toldClosed = new Set<GateStep>()

  async function closeThese(these: readonly Gate[], signal: AbortSignal): Promise<readonly Failure[]> {
    const failures: Failure[] = []
    for (const gate of these.toReversed()) {
      try {
        await gate.close(signal)
        // Who gives up closes all of it once more: that is no news.
        if (!toldClosed.has(gate.step)) story.tell({ type: 'gate.closed', step: gate.step })
        toldClosed.add(gate.step)
      } catch (error) {
        failures.push(asFailure(error))
      }
    }
    return failures
  }

  return {
    async open(verified, signal) {
      for (const [index, gate] of inOrder.entries()) {
        try {
          signal.throwIfAborted()
          toldClosed.delete(gate.step)
          await gate.open(verified, signal)
        } catch (error) {
          // The one that failed may have done a part of it: it is closed with the others. The signal that ended it must not end that.
          const left = await closeThese(inOrder.slice(0, index + 1), AbortSignal.timeout(UNDO_MS))
          throw failed(gate.step, error, left, signal)
        }
        story.tell({ type: 'gate.opened', step: gate.step })
      }
      story.tell({ type: 'gate.opened' })
    },
    async close(signal) {
      const [first] = await closeThese(inOrder, signal)
      if (first) throw first
    },
  }
}

const ORDER: readonly GateStep[] = ['registry', 'health', 'url', 'hook']

/** For the undoing of all steps together: a registry that does not answer must not hold up the end of a run. */
const UNDO_MS = 20_000

const WORDS: Readonly<Record<GateStep, string>> = {
  registry: 'the registry row could not be written',
  health: 'the health file could not be written',
  url: 'the health URL does not answer',
  hook: 'the launch hook could not be completed',
}

function failed(step: GateStep, error: unknown, left: readonly Failure[], signal: AbortSignal): Failure {
  const cause = asFailure(error)
  // It may say what was waited for.
  if (signal.aborted && signal.reason instanceof Failure) return cause.code === signal.reason.code ? cause : signal.reason
  const notClosed = left.length === 0 ? '' : `; while closing again: ${left.map(messageOf).join('; ')}`
  if (cause.code === 'bug') return cause
  return new Failure('gate.failed', `the gate stays closed: ${WORDS[step]}: ${cause.message}${notClosed}`, { cause: error, hint: cause.hint, output: cause.output })
}
