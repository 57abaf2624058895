import { withoutPasswords } from '../core/secret.ts'
import { counted } from './counted.ts'
import { showHint } from './failures.ts'
import { painter, type Paint } from './paint.ts'
import { visible, visibleLines } from './visible.ts'

/** Something wrong in what a user wrote, and where. Lines and columns count from 1. */
export interface ShownFault {
  readonly place: { readonly file: string; readonly line?: number | undefined; readonly column?: number | undefined }
  readonly message: string
  readonly hint?: string | undefined
  readonly code: string
  /** Its line is not shown, whatever else is said of it. */
  readonly sensitive?: true | undefined
}

export interface FaultsTextOptions {
  readonly faults: readonly ShownFault[]
  /** What is allowed, but rarely meant. */
  readonly warnings: readonly ShownFault[]
  /** The text of a file, to show the line; undefined where it can't be read. Asked once a file. */
  source(file: string): string | undefined
  readonly colour: boolean
}

/** What `sunup check` found, by file and line, ending in a line end. As JSON the faults are themselves. */
export function faultsText({ faults, warnings, source, colour }: FaultsTextOptions): string {
  const paint = painter(colour)
  const found = [...faults.map(fault => ({ fault, kind: 'error' as const })), ...warnings.map(fault => ({ fault, kind: 'warning' as const }))]
  const files = Map.groupBy(found, ({ fault }) => fault.place.file)
  const parts = [...files].map(([file, ones]) => {
    const hidden = new Set(ones.filter(({ fault }) => fault.sensitive === true || fault.code === 'secret.misplaced').map(({ fault }) => fault.place.line))
    const lines = source(file)?.split('\n').map((line, index) => (hidden.has(index + 1) ? '' : withoutPasswords(line)))
    const sorted = ones.toSorted((a, b) => (a.fault.place.line ?? 0) - (b.fault.place.line ?? 0) || (a.fault.place.column ?? 0) - (b.fault.place.column ?? 0))
    return sorted.map(({ fault, kind }) => showFault(fault, kind, lines, paint).join('\n')).join('\n')
  })
  return `${[...parts, counts(faults.length, warnings.length, files.size, paint)].join('\n\n')}\n`
}

type Kind = 'error' | 'warning'

function showFault({ place, message, hint }: ShownFault, kind: Kind, lines: readonly string[] | undefined, paint: Paint): string[] {
  const where = [place.file, place.line].filter(part => part !== undefined).join(':')
  const [first = '', ...rest] = visibleLines(message)
  return [
    `${paint('strong', visible(where))}  ${paint(kind === 'error' ? 'bad' : 'warn', `${kind}:`)} ${first}`,
    ...rest.map(line => `    ${line}`),
    ...(place.line === undefined ? [] : showSource(lines?.[place.line - 1], place.line, columnOf(place.column, message, lines?.[place.line - 1]), paint)),
    ...(hint === undefined ? [] : showHint(hint, paint).map(line => `    ${line}`)),
  ]
}

interface Span {
  readonly start: number
  readonly length: number
}

function showSource(line: string | undefined, number: number, span: Span | undefined, paint: Paint): string[] {
  const text = line?.replace(/\r$/, '')
  if (text === undefined || text.trim() === '' || text.length > LONGEST_LINE) return []
  const gutter = `    ${number} | `
  const shown = [`${paint('faint', gutter)}${visibleLines(text)[0] ?? ''}`]
  if (!span || span.start >= text.length) return shown
  // Tabs are copied, so that the caret stands below its text whatever a tab is wide; other characters as wide as they are shown.
  const before = [...text.slice(0, span.start)].map(character => (character === '\t' ? '\t' : ' '.repeat(visible(character).length * (character > '\u1100' ? 2 : 1)))).join('')
  return [...shown, `${' '.repeat(gutter.length)}${before}${paint('bad', '^'.repeat(Math.max(1, Math.min(span.length, text.length - span.start))))}`]
}

/** Longer than any line a person wrote. */
const LONGEST_LINE = 200

/** Where the offending text is: as told, or where the line holds, once, what the message quotes. */
function columnOf(column: number | undefined, message: string, line: string | undefined): Span | undefined {
  if (line === undefined) return undefined
  for (const [, quoted = ''] of message.matchAll(/"([^"]+)"/g)) {
    const start = column === undefined ? line.indexOf(quoted) : column - 1
    const isThere = start >= 0 && line.startsWith(quoted, start)
    if (isThere && (column !== undefined || line.indexOf(quoted, start + 1) === -1)) return { start, length: quoted.length }
  }
  return column === undefined ? undefined : { start: column - 1, length: 1 }
}

function counts(faults: number, warnings: number, files: number, paint: Paint): string {
  if (faults + warnings === 0) return paint('good', 'no faults found')
  const parts = [faults === 0 ? 'no faults' : paint('bad', counted(faults, 'fault')), ...(warnings === 0 ? [] : [paint('warn', counted(warnings, 'warning'))])]
  return `${parts.join(', ')} in ${counted(files, 'file')}`
}
