import { showDuration } from '../core/duration.ts'
import type { Report, ResourceReport } from '../core/report.ts'
import type { Act, ResourceId } from '../core/resource.ts'
import { counted } from './counted.ts'
import { ofResource, showFailureRecord } from './failures.ts'
import { painter, type Paint } from './paint.ts'
import { showTime } from './report-text.ts'
import { showCounts, showExitCode } from './summary.ts'
import { visible } from './visible.ts'

/** What `sunup status` knows. It survives JSON: `--format json` prints it as it is. */
export interface StatusFacts {
  /** null: the machine's identity can't be had. */
  readonly instance: string | null
  readonly role: string | null
  /** The commit of the source that the last boot took. */
  readonly revision: string | null
  /** The source is a directory of the user's own: the revision is what is checked out there, whatever was edited since. */
  readonly checkedOut: boolean
  /** As the health file says at this moment; unknown where no role says which file. */
  readonly gate: 'open' | 'closed' | 'unknown'
  readonly healthFile: string | null
  /** Acts that a run which died has left to do. */
  readonly debts: readonly { readonly id: ResourceId; readonly act: Act; readonly cause: ResourceId }[]
  /** Whose apply a run has begun and not ended: it goes on, or died over it. */
  readonly begun: readonly ResourceId[]
  /** Whoever holds the lock now, as far as it is known. */
  readonly running: { readonly command: string | null; readonly pid: number | null; readonly run: string | null } | null
  /** The newest run, where it left nothing that can be read. */
  readonly silent: string | null
  /** The newest run that can be read. */
  readonly report: Report | null
  /** The time of asking, ISO 8601 in UTC. */
  readonly at: string
}

export interface StatusOptions {
  readonly colour: boolean
  /** Shows the last run in full, from here: e.g. `sunup report --root machine`. */
  readonly reportCommand: string
}

/** The last run and the gate, in words, ending in a line end. */
export function statusText(facts: StatusFacts, { colour, reportCommand }: StatusOptions): string {
  const paint = painter(colour)
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['instance', [facts.instance === null ? 'not known' : visible(facts.instance)]],
    ['role', [facts.role === null ? 'none yet' : visible(facts.role)]],
    ...(facts.revision === null ? [] : ([['revision', [`${visible(facts.revision)}${facts.checkedOut ? paint('faint', ' (as checked out: edits in the directory are no part of it)') : ''}`]]] as const)),
    ['gate', [gate(facts, paint)]],
    ...silence(facts, paint),
    ['last run', facts.report === null ? ['none is kept: `sunup plan` looks what a boot would change, `sunup boot` does it'] : lastRun(facts.report, facts, reportCommand, paint)],
    ...(facts.report === null ? [] : outcomes(facts.report, paint)),
    ...owed(facts, paint),
    ...cutOff(facts, paint),
    ['now', [running(facts, paint)]],
  ]
  return rows.flatMap(([name, lines]) => lines.map((line, index) => `${paint('faint', (index === 0 ? name : '').padEnd(10))}${line}`.trimEnd() + '\n')).join('')
}

function gate({ gate: state, healthFile }: StatusFacts, paint: Paint): string {
  const file = healthFile === null ? '' : visible(healthFile)
  if (state === 'unknown') return 'not known: no boot has said which health file it is'
  if (state === 'open') return `${paint('good', 'open')}: traffic may come in${file && ` (${file} is there)`}`
  return `${paint('warn', 'closed')}: no traffic comes in${file && ` (${file} is not there)`}`
}

function lastRun(report: Report, { at, running: holder }: StatusFacts, command: string, paint: Paint): string[] {
  const ago = Date.parse(at) - Date.parse(report.startedAt)
  const when = `${visible(report.command)}, ${showTime(report.startedAt)}${ago >= 0 ? ` (${showAge(ago)} ago)` : ''}`
  const how =
    report.durationMs === null
      ? holder ? paint('note', 'not over yet') : paint('warn', 'no end is recorded: it was killed, or the disk was full; the next `sunup boot` takes up where it was')
      : `took ${showDuration(report.durationMs)}, ${report.exitCode === 0 ? paint('good', 'ended as asked') : paint('bad', showExitCode(report.exitCode ?? 0))}`
  return [when, how, ...(report.durationMs === null ? [] : [showCounts(report, paint)]), paint('faint', `run ${visible(report.run)}: \`${visible(command)}\` shows all of it`)]
}

function outcomes({ resources, error }: Report, paint: Paint): (readonly [string, readonly string[]])[] {
  const changed = resources.filter(one => one.outcome === 'changed').map(one => visible(one.id))
  const failed = resources.filter(one => one.outcome === 'failed')
  // The run fails with its resource's failure: that is told once.
  const more = error && !failed.some(one => one.error && error.message.endsWith(one.error.message)) ? showFailureRecord(error, paint) : []
  const lines = [...failed.flatMap(one => showFailed(one, paint)), ...more]
  return [...(changed.length === 0 ? [] : ([['changed', changed]] as const)), ...(lines.length === 0 ? [] : ([['failed', lines]] as const))]
}

function showFailed({ id, error }: ResourceReport, paint: Paint): string[] {
  return [paint('strong', visible(id)), ...(error ? showFailureRecord(ofResource(id, error), paint).map(line => `  ${line}`) : [])]
}

/** A run of which nothing is to be read but that there was one. */
function silence({ silent, running: holder }: StatusFacts, paint: Paint): (readonly [string, readonly string[]])[] {
  if (silent === null) return []
  const how = holder ? paint('note', 'has told nothing yet') : paint('warn', 'left no record: it was killed, or could write none (is the disk full?); the next `sunup boot` takes up where it was')
  return [['newest', [`run ${visible(silent)} ${how}`]]]
}

function cutOff({ begun, running: holder }: StatusFacts, paint: Paint): (readonly [string, readonly string[]])[] {
  if (begun.length === 0) return []
  const lines = begun.map(id => `${visible(id)} ${holder ? paint('note', 'was begun, and has not ended') : paint('warn', 'was cut off in the middle')}`)
  return [[holder ? 'at work' : 'cut off', [...lines, ...(holder ? [] : [`${paint('strong', 'hint:')} the next \`sunup boot\` does it anew`])]]]
}

function owed({ debts, running: holder }: StatusFacts, paint: Paint): (readonly [string, readonly string[]])[] {
  if (debts.length === 0) return []
  const lines = debts.map(({ id, act, cause }) => `${paint('warn', act)} of ${visible(id)}, because ${visible(cause)} changed`)
  return [['owed', [...lines, ...(holder ? [] : [`${paint('strong', 'hint:')} the next \`sunup boot\` does it`])]]]
}

function running({ running: holder }: StatusFacts, paint: Paint): string {
  if (holder === null) return 'no run is going on'
  const pid = holder.pid === null ? '' : ` (process ${holder.pid})`
  return paint('note', `${holder.command === null ? 'a run' : `\`sunup ${visible(holder.command)}\``} is going on${pid}`)
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** One unit is enough: 40 seconds, 3 minutes, 5 hours, 12 days. */
function showAge(ms: number): string {
  if (ms < MINUTE_MS) return counted(Math.floor(ms / 1_000), 'second')
  if (ms < HOUR_MS) return counted(Math.floor(ms / MINUTE_MS), 'minute')
  if (ms < 48 * HOUR_MS) return counted(Math.floor(ms / HOUR_MS), 'hour')
  return counted(Math.floor(ms / (24 * HOUR_MS)), 'day')
}
