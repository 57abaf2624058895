import { join } from 'node:path'
import type { Lifecycle } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { isRecord } from '../../core/plain.ts'
import { notOurs, readObject, writeObject, type Exclusively } from './files.ts'

interface Answer {
  readonly answer: 'ready' | 'failed' | 'left'
  readonly reason?: string
  /** ISO 8601 in UTC. */
  readonly at: string
}

interface State {
  readonly target: string
  /** Whether somebody waits for an answer to `ready` and `left`. */
  readonly hook: boolean
  readonly answered: readonly Answer[]
}

interface Options {
  readonly directory: string
  readonly clock: Clock
  readonly exclusively: Exclusively
}

/** What the group wants, and what it was told: `lifecycle.json` as `{ target, hook, answered }`. A person sets the target and whether there is
 *  a hook (default: yes, where there is the file); without the file the target is InService and there is no hook. */
export function localLifecycle({ directory, clock, exclusively }: Options): Lifecycle {
  const file = join(directory, 'lifecycle.json')

  async function tell(answer: Answer['answer'], signal: AbortSignal, reason?: string): Promise<void> {
    // Nobody waits: nothing is locked, nothing is written.
    if (answer !== 'failed' && !read(file).hook) return
    await exclusively(signal, () => {
      const state = read(file)
      const last = state.answered.at(-1)
      // A hook is answered once: a second boot finds none waiting.
      if (last?.answer === answer && last.reason === reason) return
      const said: Answer = { answer, ...(reason !== undefined && { reason }), at: new Date(clock.now()).toISOString() }
      writeObject(file, { ...state, answered: [...state.answered, said].slice(-ANSWERS_KEPT) })
    })
  }

  return {
    async target(signal) {
      signal.throwIfAborted()
      return read(file).target
    },
    ready: signal => tell('ready', signal),
    failed: (reason, signal) => tell('failed', signal, reason),
    left: signal => tell('left', signal),
    // A file waits as long as it takes.
    async heartbeat() {
      return undefined
    },
  }
}

/** Enough to see what happened; a boot that fails in a loop fills no disk. */
const ANSWERS_KEPT = 100

function read(file: string): State {
  const state = readObject(file)
  if (state === undefined) return { target: 'InService', hook: false, answered: [] }
  const { target = 'InService', hook = true, answered = [] } = state
  if (typeof target !== 'string' || target === '') throw notOurs(file, '"target" is no text')
  if (typeof hook !== 'boolean') throw notOurs(file, '"hook" is neither true nor false')
  if (!Array.isArray(answered) || !answered.every(one => isRecord(one) && typeof one.answer === 'string')) throw notOurs(file, '"answered" is no list of answers')
  return { target, hook, answered: answered as Answer[] }
}
