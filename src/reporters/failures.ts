import type { FailureRecord } from '../core/failure.ts'
import type { ResourceId } from '../core/resource.ts'
import type { Paint } from './paint.ts'
import { visibleLines } from './visible.ts'

/** The last lines say why; those before them are in the events. */
const OUTPUT_LINES = 20

/** A failure as lines, without indent: what happened, what was said, what to do.
 *  @param record its output is a command's last lines, which may hold anything */
export function showFailureRecord(record: Pick<FailureRecord, 'message' | 'hint' | 'output'>, paint: Paint): string[] {
  return [
    ...visibleLines(record.message).map(line => paint('bad', line)),
    ...showOutput(record.output ?? '', paint),
    ...(record.hint === null ? [] : showHint(record.hint, paint)),
  ]
}

/** The failure of a resource, below a line that names it: its message need not name it again. */
export function ofResource<Record extends Pick<FailureRecord, 'message'>>(id: ResourceId, record: Record): Record {
  return record.message.startsWith(`${id}: `) ? { ...record, message: record.message.slice(id.length + 2) } : record
}

/** What to do, which may end in some lines to write down. */
export function showHint(hint: string, paint: Paint): string[] {
  const [first = '', ...rest] = visibleLines(hint)
  return [`${paint('strong', 'hint:')} ${first}`, ...rest]
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
