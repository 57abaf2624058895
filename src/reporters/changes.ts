import type { Change } from '../core/change.ts'
import { isRecord, type Plain } from '../core/plain.ts'
import type { ResourceId } from '../core/resource.ts'
import type { Paint, Tone } from './paint.ts'
import { visible, visibleLines } from './visible.ts'

/** How things are shown, everywhere alike. */
export interface Showing {
  readonly paint: Paint
  /** Everything, and in full. */
  readonly verbose: boolean
}

export type Sign = '+' | '~' | '-' | '>'

export const LEGEND = '+ made  ~ changed  - removed  > done once  ? not known yet  x failed'

const SIGNS: Readonly<Record<Change['type'], Sign>> = { create: '+', update: '~', remove: '-', act: '>' }
const TONES: Readonly<Record<Sign, Tone>> = { '+': 'good', '~': 'warn', '-': 'bad', '>': 'note' }

/** Enough to see what it is about; `--verbose` and JSON have it whole. */
const DIFF_LINES = 100
const VALUE_CHARACTERS = 120

/** A resource and its changes, as lines: `~ file[/etc/motd]`, and below it `mode 0644 -> 0755` and the like. */
export function showChanges(id: ResourceId, changes: readonly Change[], showing: Showing): string[] {
  const sign = signOf(id, changes)
  const head = `${showing.paint(TONES[sign], sign)} ${showing.paint('strong', visible(id))}`
  return [head, ...changes.flatMap(change => detail(id, change, sign, showing))]
}

/** What happens to the resource as a whole: made, removed, only acted upon; else `~`, even if all that happens is that parts of it go. */
export function signOf(id: ResourceId, changes: readonly Change[]): Sign {
  const states = changes.filter(change => change.type !== 'act')
  if (states.length === 0) return changes.length === 0 ? '~' : '>'
  const whole = states.find(change => change.field === undefined || change.field === kindOf(id) || WHOLE.includes(change.field))
  return whole ? SIGNS[whole.type] : '~'
}

/** A file is its content, a link what it points to, a checkout its revision, an archive its checksum, an address who holds it; elsewhere the
 *  whole goes by the resource's kind, or by no name. */
const WHOLE: readonly string[] = ['content', 'to', 'revision', 'checksum', 'holder']

function kindOf(id: ResourceId): string {
  return id.slice(0, id.indexOf('['))
}

function detail(id: ResourceId, change: Change, head: Sign, { paint, verbose }: Showing): string[] {
  const sign = SIGNS[change.type]
  const mark = sign === head ? '  ' : `${paint(TONES[sign], sign)} `
  const name = change.field === undefined || change.field === kindOf(id) ? '' : visible(change.field)
  const { reason } = change
  if (change.type === 'act') return [`  ${mark}${name || 'act'}${reason === undefined ? '' : `: ${visible(reason)}`}`]
  if (name === '' && isRecord(change.to)) return Object.entries(change.to).map(([key, value]) => `  ${mark}${visible(key)} ${showValue(value as Plain)}`)
  const value = change.secret ? '(secret)' : change.diff === undefined ? showValues(change, paint) : ''
  // What the head says already: user[app] is made, and its name is app.
  const said = name === '' && id === `${kindOf(id)}[${value}]` ? '' : value
  const words = [name, said, reason === undefined ? '' : paint('faint', `(${visible(reason)})`)].filter(word => word !== '').join(' ')
  return [...(words === '' ? [] : [`  ${mark}${words}`]), ...(change.diff === undefined || change.secret ? [] : showDiff(change.diff, paint, verbose))]
}

function showValues({ type, from, to }: Change, paint: Paint): string {
  if (type === 'update' && from !== undefined) return `${showValue(from)} ${paint('faint', '->')} ${showValue(to)}`
  const value = type === 'remove' ? from : to
  return value === undefined ? '' : showValue(value)
}

/** Words stand bare, lists of them as `[a, b]`, all else is quoted as JSON; what is absent is `none`. */
export function showValue(value: Plain | undefined): string {
  if (value === undefined || value === null) return 'none'
  const text = isWord(value) ? value : Array.isArray(value) && value.every(isWord) ? `[${value.join(', ')}]` : visible(JSON.stringify(value))
  return text.length <= VALUE_CHARACTERS ? text : `${Array.from(text).slice(0, VALUE_CHARACTERS).join('')}... (${text.length} characters)`
}

function isWord(value: Plain): value is string {
  return typeof value === 'string' && /^[!#-&(-~]+$/.test(value)
}

/** A unified diff without its heading, which would only say the field's name again. */
function showDiff(diff: string, paint: Paint, verbose: boolean): string[] {
  const all = visibleLines(diff)
  const first = Math.max(0, all.findIndex(line => line.startsWith('@@')))
  // A new text is all of it: where it begins says nothing.
  const lines = all.slice(all[first]?.startsWith('@@ -0,0 ') ? first + 1 : first)
  const kept = verbose || lines.length <= DIFF_LINES ? lines : lines.slice(0, DIFF_LINES)
  const more = lines.length - kept.length
  return [...kept.map(line => `      ${paintDiff(line, paint)}`), ...(more > 0 ? [paint('faint', `      ... ${more} more lines (--verbose shows them)`)] : [])]
}

function paintDiff(line: string, paint: Paint): string {
  if (line.startsWith('+')) return paint('good', line)
  if (line.startsWith('-')) return paint('bad', line)
  return line.startsWith('@@') || line.startsWith('\\') ? paint('faint', line) : line
}
