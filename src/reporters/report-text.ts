import { showDuration } from '../core/duration.ts'
import type { Report, ResourceReport } from '../core/report.ts'
import type { ResourceId } from '../core/resource.ts'
import { showWorthBaking } from './baking-text.ts'
import { showCalls } from './calls.ts'
import { showChanges, type Showing } from './changes.ts'
import { ofResource, showFailureRecord } from './failures.ts'
import { painter } from './paint.ts'
import { showVerified, summary } from './summary.ts'
import { tally } from './tally.ts'
import { visible } from './visible.ts'

export interface ReportTextOptions {
  readonly colour: boolean
  /** What was settled and skipped too, each with its time, and long diffs whole. */
  readonly verbose: boolean
  /** The resource that a run without an end was at when it told something last. */
  readonly atWork?: ResourceId | undefined
}

/** A run that is over, as text, ending in a line end. As JSON a report is itself. */
export function reportText(report: Report, { colour, verbose, atWork }: ReportTextOptions): string {
  const showing: Showing = { paint: painter(colour), verbose }
  const told = tally()
  report.resources.forEach(told.note)
  const resources = [...report.resources.flatMap(resource => showResource(resource, showing)), ...showAtWork(atWork, showing)]
  const parts = [heading(report, showing), resources, ending(report, told, showing)]
  return `${parts.filter(lines => lines.length > 0).map(lines => lines.join('\n')).join('\n\n')}\n`
}

function heading({ command, version, run, startedAt, finishedAt, role, groups }: Report, { paint }: Showing): string[] {
  return [
    `${paint('strong', `sunup ${visible(command)}`)} ${paint('faint', `${visible(version)}, run ${visible(run)}`)}`,
    `from ${showTime(startedAt)} ${finishedAt === null ? paint('warn', '(no end is recorded)') : `to ${showTime(finishedAt)}`}`,
    ...(role === null || groups.length === 0 ? [] : [`role ${visible(role)}, security group${groups.length === 1 ? '' : 's'} ${groups.map(visible).join(', ')}`]),
  ]
}

function showResource(resource: ResourceReport, showing: Showing): string[] {
  const { paint, verbose } = showing
  const id = visible(resource.id)
  const took = verbose || resource.durationMs >= 1_000 ? ` ${paint('faint', showDuration(resource.durationMs))}` : ''
  const reason = resource.reason === null ? '' : visible(resource.reason)
  const changes = resource.changes.length === 0 ? [] : showChanges(resource.id, resource.changes, showing)
  switch (resource.outcome) {
    case 'changed':
    case 'pending':
      return [`${changes[0] ?? `~ ${paint('strong', id)}`}${took}`, ...changes.slice(1)]
    case 'failed': {
      const error = resource.error ? showFailureRecord(ofResource(resource.id, resource.error), paint) : []
      return [`${paint('bad', 'x')} ${paint('strong', id)} ${paint('bad', 'failed')}${took}`, ...changes.slice(1), ...error.map(line => `    ${line}`)]
    }
    case 'unknown':
      return [`${paint('note', '?')} ${paint('strong', id)} unknown ${reason}`.trimEnd()]
    case 'unchanged':
      return verbose ? [`${paint('faint', `= ${id}`)}${took}`] : []
    case 'skipped':
      return verbose ? [paint('faint', `. ${id} skipped${reason && `: ${reason}`}`)] : []
  }
}

/** Whether it was killed in it or is at it now, a report can't tell. */
function showAtWork(atWork: ResourceId | undefined, { paint }: Showing): string[] {
  return atWork === undefined ? [] : [`${paint('warn', '!')} ${paint('strong', visible(atWork))} was begun, and no end of it is recorded`]
}

function ending(report: Report, told: ReturnType<typeof tally>, showing: Showing): string[] {
  const { paint } = showing
  return [...(report.verified === null ? [] : [showVerified(report.verified)]), ...showCalls(report.calls, paint), ...showWorthBaking(report.worthBaking, showing), ...summary(report, told, paint)]
}

/** To the second, and the same everywhere: `2026-11-20 22:41:55 UTC`. */
export function showTime(iso: string): string {
  return visible(iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC'))
}
