import { asFailure, exitCodeOf } from '../core/failure.ts'
import { compose } from './compose.ts'
import { plainLine } from './plain-line.ts'
import { VERBS } from './verbs.ts'

/** Reads the command line, runs the command, and gives its exit code. */
export async function main(): Promise<number> {
  const world = compose()
  try {
    const called = plainLine(world.argv, VERBS) ?? (await (await import('./command-line.ts')).commandLine(world, VERBS))
    if (typeof called === 'number') return called
    const { default: act } = await called.verb.load()
    return await act(called.asked, world)
  } catch (error) {
    const failure = asFailure(error)
    const { showFailure } = await import('./errors.ts')
    world.writeError(showFailure(failure, { colour: world.errorColour, verbose: world.argv.includes('--verbose') }))
    return exitCodeOf(failure)
  }
}
