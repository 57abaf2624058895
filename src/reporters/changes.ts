import type { Change } from '../core/change.ts'
import type { Plain } from '../core/plain.ts'
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
  const sign = signOf(changes)
  const head = `${showing.paint(TONES[sign], sign)} ${showing.paint('strong', visible(id))}`
  return [head, ...changes.flatMap(change => detail(change, sign, showing))]
}

/** One sign for all of them: that of the whole if it is made or removed, else what they have in common, else `~`. */
export function signOf(changes: readonly Change[]): Sign {
  const states = changes.filter(change => change.type !== 'act')
  if (states.length === 0) return changes.length === 0 ? '~' : '>'
  const whole = states.find(change => change.field === undefined) ?? states[0]
  const isOne = whole?.field === undefined || states.every(change => change.type === whole.type)
  return isOne && whole ? SIGNS[whole.type] : '~'
}

function detail(change: Change, head: Sign, { paint, verbose }: Showing): string[] {
  const sign = SIGNS[change.type]
  const mark = sign === head ? '  ' : `${paint(TONES[sign], sign)} `
  const name = visible(change.field ?? '')
  if (change.type === 'act') return [`  ${mark}${name || 'runs'}${change.reason === undefined ? '' : `: ${visible(change.reason)}`}`]
  const reason = change.reason === undefined ? '' : paint('faint', `(${visible(change.reason)})`)
  const value = change.secret ? '(secret)' : change.diff === undefined ? showValues(change, paint) : ''
  const words = [name, value, reason].filter(word => word !== '').join(' ')
  return [...(words === '' ? [] : [`  ${mark}${words}`]), ...(change.diff === undefined || change.secret ? [] : showDiff(change.diff, paint, verbose))]
}

function showValues({ type, from, to }: Change, paint: Paint): string {
  if (type === 'update' && from !== undefined) return `${showValue(from)} ${paint('faint', '->')} ${showValue(to)}`
  const value = type === 'remove' ? from : to
  return value === undefined ? '' : showValue(value)
}

/** Words stand bare, all else is quoted as JSON; what is absent is `none`. */
export function showValue(value: Plain | undefined): string {
  if (value === undefined || value === null) return 'none'
  const text = typeof value === 'string' && /^[!#-&(-~]+$/.test(value) ? value : visible(JSON.stringify(value))
  return text.length <= VALUE_CHARACTERS ? text : `${Array.from(text).slice(0, VALUE_CHARACTERS).join('')}... (${text.length} characters)`
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
