import { showDuration } from '../core/duration.ts'
import type { Counts, GateState, Outcome } from '../core/events.ts'
import type { FailureRecord } from '../core/failure.ts'
import { counted } from './counted.ts'
import { showFailureRecord } from './failures.ts'
import type { Paint, Tone } from './paint.ts'
import type { Tally } from './tally.ts'
import { visible } from './visible.ts'

/** How a run ended. */
export interface Ending {
  readonly command: string
  readonly counts: Counts
  /** null: none is recorded. */
  readonly durationMs: number | null
  readonly exitCode: number | null
  readonly gate: GateState
  readonly role: string | null
  readonly error: FailureRecord | null
}

const WORDS: Readonly<Record<Outcome, string>> = {
  changed: 'changed',
  pending: 'would change',
  unknown: 'unknown',
  failed: 'failed',
  unchanged: 'unchanged',
  skipped: 'skipped',
}
const OUTCOME_TONES: Readonly<Partial<Record<Outcome, Tone>>> = { changed: 'warn', pending: 'warn', unknown: 'warn', failed: 'bad' }
const GATE_TONES: Readonly<Record<GateState, Tone>> = { open: 'good', closed: 'warn', untouched: 'faint' }

/** One meaning each; docs/exit-codes.md has them at length. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  1: 'not as asked',
  2: 'there is something to change',
  3: 'applied, but not settled when verified',
  4: 'the deadline passed',
  5: 'another run holds the lock',
  64: 'wrong usage',
  70: 'a fault in sunup itself',
  78: 'something written in configuration, role, recipe or template is wrong',
  130: 'interrupted',
  143: 'terminated',
}

/** The last lines of a run. */
export function summary(ending: Ending, told: Tally, paint: Paint): string[] {
  const { error } = ending
  const runMs = ending.durationMs ?? 0
  const slow = told.slow(runMs).map(({ id, durationMs }) => `${visible(id)} ${showDuration(durationMs)}`)
  return [
    ...(error ? explain(error, told, paint) : []),
    ...[...told.skipped()].map(({ reason, count, ids }) => paint('faint', `${count} skipped: ${visible(reason)} (${ids.map(visible).join(', ')}${count > ids.length ? ', ...' : ''})`)),
    // An agent converges nothing.
    ...(ending.command === 'watch' ? [] : [`${showCounts(ending, paint)}${ending.durationMs === null ? '' : `, in ${showDuration(ending.durationMs)}`}`]),
    ...(slow.length === 0 ? [] : [`slow: ${slow.join(', ')}`]),
    showEnd(ending, paint),
  ]
}

/** `3 changed, 10 unchanged`; of a plan `3 would change, 1 unknown, 9 unchanged; nothing was changed`. */
export function showCounts({ command, counts }: Pick<Ending, 'command' | 'counts'>, paint: Paint): string {
  const planning = isPlan(command, counts)
  const always: readonly Outcome[] = planning ? ['pending', 'unknown', 'unchanged'] : ['changed', 'unchanged']
  const said = (Object.keys(WORDS) as Outcome[]).filter(outcome => counts[outcome] > 0 || always.includes(outcome))
  const parts = said.map(outcome => {
    const text = `${counts[outcome]} ${WORDS[outcome]}`
    const tone = OUTCOME_TONES[outcome]
    return tone && counts[outcome] > 0 ? paint(tone, text) : text
  })
  return `${parts.join(', ')}${planning ? '; nothing was changed' : ''}`
}

/** `plan`, and the other commands when they only look (`drain --plan`). */
export function isPlan(command: string, counts?: Counts): boolean {
  return /\bplan\b/.test(command) || (counts !== undefined && counts.pending + counts.unknown > 0)
}

export function showVerified(checked: number): string {
  return `verified: ${counted(checked, 'resource')}, all as specified`
}

function showGate(gate: GateState, paint: Paint): string {
  return `gate ${paint(GATE_TONES[gate], gate)}`
}

export function showExitCode(exitCode: number): string {
  const meaning = EXIT_CODES[exitCode]
  return `exit code ${exitCode}${meaning === undefined ? '' : ` (${meaning})`}`
}

function showEnd({ role, gate, exitCode }: Ending, paint: Paint): string {
  const end = exitCode === null ? 'no end is recorded: it was killed, or the disk was full' : exitCode === 0 ? undefined : showExitCode(exitCode)
  return [role === null ? 'no role' : `role ${visible(role)}`, showGate(gate, paint), ...(end === undefined ? [] : [end])].join(', ')
}

/** Why the run failed; what a resource has told already is only named. */
function explain(error: FailureRecord, told: Tally, paint: Paint): string[] {
  const culprit = told.blamed(error)
  if (culprit !== undefined) return [`${paint('bad', 'failed:')} ${visible(culprit)}, see above`]
  const [first = '', ...rest] = showFailureRecord(error, paint)
  return [`${paint('bad', 'failed:')} ${first}`, ...rest.map(line => `    ${line}`)]
}
