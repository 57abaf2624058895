import type { ApplyContext } from '../core/resource.ts'

/** Of one resource's output so much is told, and kept in the record. Characters; a line counts for more than its text. */
const TOLD = 256 * 1024
/** What an event weighs beside its text. */
const LINE_COSTS = 128

export interface Output {
  readonly say: ApplyContext['output']
  /** Says how much was left out, if anything was. */
  end(): void
}

/** Output with a bound: what comes after it is counted, not told. */
export function boundedOutput(tell: ApplyContext['output']): Output {
  let told = 0
  let untold = 0
  return {
    say(stream, text) {
      if (told > TOLD) return void untold++
      told += text.length + LINE_COSTS
      tell(stream, text)
    },
    end() {
      if (untold > 0) tell('stderr', `… and ${untold} more ${untold === 1 ? 'line' : 'lines'} that are not kept`)
      untold = 0
    },
  }
}
