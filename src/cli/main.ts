import { setImmediate, setTimeout } from 'node:timers/promises'
import { asFailure, exitCodeOf, type Failure } from '../core/failure.ts'
import { compose, type World } from './compose.ts'
import { takeCustody } from './custody.ts'
import { plainLine } from './plain-line.ts'
import { VERBS } from './verbs.ts'

/** How long a command may take to end when something was thrown that nobody caught: longer than a boot needs to close, and to tell. */
const ENDING_MS = 60_000
/** The exit codes of a command that ended well, a plan's among them. */
const WELL: readonly number[] = [0, 2]

/** Reads the command line, runs the command, and gives its exit code. */
export async function main(): Promise<number> {
  const composed = compose()
  const { thrown, blame, release } = takeCustody(composed.writeError)
  const world: World = { ...composed, blame, signal: AbortSignal.any([composed.signal, thrown]) }
  try {
    if (isVersionAlone(world.argv)) {
      world.write(`${world.version}\n`)
      return 0
    }
    const called = plainLine(world.argv, VERBS) ?? (await (await import('./command-line.ts')).commandLine(world, VERBS))
    if (typeof called === 'number') return called
    const { default: act } = await called.verb.load()
    const exitCode = await Promise.race([act(called.asked, world), notEnded(thrown)])
    // What was thrown in the meantime is heard when Node turns to its events.
    await setImmediate()
    if (!thrown.aborted || !WELL.includes(exitCode)) return exitCode
    await show(thrown.reason as Failure, world)
    // A gate that is open was opened with all proof, and 0 says so.
    return called.verb.name === 'boot' ? exitCode : exitCodeOf(thrown.reason as Failure)
  } catch (error) {
    const failure = asFailure(error)
    await show(failure, world)
    return exitCodeOf(failure)
  } finally {
    release()
  }
}

/** Asked by whoever wants to know that it runs at all: at once, without commander. */
function isVersionAlone(argv: readonly string[]): boolean {
  return argv.length === 1 && argv[0] === '--version'
}

async function show(failure: Failure, world: World): Promise<void> {
  const { showFailure } = await import('./errors.ts')
  world.writeError(showFailure(failure, { colour: world.errorColour, verbose: world.argv.includes('--verbose') }))
}

/** Fails when a command that was told to end does not: what it waits for may be the very thing that has thrown. */
function notEnded(thrown: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    thrown.addEventListener('abort', () => void setTimeout(ENDING_MS).then(() => reject(thrown.reason as Failure)), { once: true })
  })
}
