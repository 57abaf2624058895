import type { Ended, Frame } from '../engine/run.ts'
import { systemClock } from '../machine/clock.ts'
import type { World } from './compose.ts'
import { showFailure } from './errors.ts'
import type { Asked } from './verbs.ts'

/** Runs something that tells events, with the reporter that was asked for.
 *  @returns the exit code */
export async function reporting(command: string, asked: Asked, world: World, act: (frame: Frame) => Promise<Ended>): Promise<number> {
  const reporter = await reporterOf(asked, world)
  const frame: Frame = { command, version: world.version, clock: systemClock, sinks: [reporter.sink], signal: world.signal }
  try {
    const { exitCode, failure } = await act(frame)
    reporter.finish()
    // The reporter has told of the failure; its stack is for those who ask.
    if (failure && asked.verbose) world.writeError(showFailure(failure, { colour: world.errorColour, verbose: true }))
    return exitCode
  } finally {
    reporter.finish()
  }
}

async function reporterOf(asked: Asked, world: World) {
  if (asked.format === 'json') return (await import('../reporters/json.ts')).jsonReporter({ write: world.write })
  const { textReporter } = await import('../reporters/text.ts')
  return textReporter({ write: world.write, columns: world.columns, interactive: world.interactive, colour: world.colour, verbose: asked.verbose === true })
}
