import { asFailure, MEANINGS, messageOf, type Failure } from '../core/failure.ts'
import { failureAt } from '../core/faults.ts'
import { blame } from '../roles/blame.ts'

/** The process, held while recipes run in it: they are code of others, and share it with a boot. None of them ends it, speaks on its standard
 *  output, or throws without being heard. */
export interface Custody {
  /** Aborted by what somebody threw when nobody was there to catch it (in a timer, in a promise that is not awaited), as a Failure. */
  readonly thrown: AbortSignal
  /** What comes from this directory is a recipe's. */
  blame(source: string): void
  /** The command has ended: the process may, with whatever exit code is asked for. */
  release(): void
}

type Ends = 'exit' | 'abort' | 'reallyExit' | 'kill'
type Held = { [Name in Ends]: (...given: unknown[]) => unknown }

/** For the whole process, once. @param writeError gets a line when the process ends before its command has: its exit code is then 70 */
export function takeCustody(writeError: (text: string) => void): Custody {
  const held = process as unknown as Held
  const { exit, abort, reallyExit, kill } = held
  const others = { exit: process.listeners('exit') as unknown[], sources: [] as string[] }
  const controller = new AbortController()

  const refuse = (name: Ends) => (): never => {
    throw new Error(`called process.${name}(): a recipe builds values, and does not end the program`)
  }
  held.exit = refuse('exit')
  held.abort = refuse('abort')
  held.reallyExit = refuse('reallyExit')
  held.kill = (pid, signal) => (isOurs(pid) && signal !== 0 ? refuse('kill')() : kill.call(process, pid, signal))
  // Standard output is for what was asked for. The getter, as Node's own: who prints nothing loads no streams.
  Object.defineProperty(process, 'stdout', { configurable: true, enumerable: true, get: () => process.stderr })

  const hear = (error: unknown): void => controller.abort(heard(error, others.sources))
  const ending = (): void => {
    writeError('error: the program was ended before its command had: a gate that it closed stays closed\n')
    reallyExit.call(process, MEANINGS.bug.exit)
  }
  process.on('uncaughtException', hear)
  process.on('unhandledRejection', hear)
  process.on('exit', ending)

  return {
    thrown: controller.signal,
    blame: source => void others.sources.push(source),
    release() {
      // What recipes left to be done at the end could change the exit code.
      for (const listener of process.listeners('exit')) if (!others.exit.includes(listener)) process.off('exit', listener)
      Object.assign(held, { exit, abort, reallyExit, kill })
    },
  }
}

/** This process, or its group. */
function isOurs(pid: unknown): boolean {
  return [process.pid, -process.pid, 0, -1].includes(Number(pid))
}

function heard(error: unknown, sources: readonly string[]): Failure {
  for (const source of sources) {
    const place = blame(error, source)
    if (place === undefined) continue
    const hint = 'A recipe builds values and touches nothing: it sets no timer, and leaves no promise behind.'
    return failureAt({ place, message: `threw when the recipe had returned: ${messageOf(error)}`, hint, code: 'recipe.threw' }, error)
  }
  return asFailure(error)
}
