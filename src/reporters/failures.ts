import type { FailureRecord } from '../core/failure.ts'
import type { Paint } from './paint.ts'
import { visible, visibleLines } from './visible.ts'

/** The last lines say why; those before them are in the events. */
const OUTPUT_LINES = 20

/** A failure as lines, without indent: what happened, what was said, what to do.
 *  @param record its output is a command's last lines, which may hold anything */
export function showFailureRecord(record: Pick<FailureRecord, 'message' | 'hint' | 'output'>, paint: Paint): string[] {
  return [
    ...visibleLines(record.message).map(line => paint('bad', line)),
    ...showOutput(record.output ?? '', paint),
    ...(record.hint === null ? [] : [`${paint('strong', 'hint:')} ${visible(record.hint)}`]),
  ]
}

/** What a command said, set off from what we say. */
export function showOutput(text: string, paint: Paint): string[] {
  return outputLines(text).slice(-OUTPUT_LINES).map(line => paint('faint', `| ${line}`))
}

/** A command's output as a terminal would have left it: what a carriage return went back to is overwritten, as progress is. */
export function outputLines(text: string): string[] {
  const left = text.split('\n').map(line => {
    const bare = line.endsWith('\r') ? line.slice(0, -1) : line
    return bare.slice(bare.lastIndexOf('\r') + 1)
  })
  return visibleLines(left.join('\n'))
}
