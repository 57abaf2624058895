import type { CallCount } from './cloud.ts'
import type { Change } from './change.ts'
import type { Counts, Event, GateState, Outcome } from './events.ts'
import { noCounts } from './events.ts'
import type { FailureRecord } from './failure.ts'
import type { ResourceId } from './resource.ts'

export interface ResourceReport {
  readonly id: ResourceId
  readonly outcome: Outcome
  readonly durationMs: number
  readonly changes: readonly Change[]
  readonly reason: string | null
  readonly error: FailureRecord | null
}

/** What a run was, as report.json keeps it. Times are ISO 8601 in UTC. */
export interface Report {
  readonly run: string
  readonly command: string
  readonly version: string
  readonly role: string | null
  readonly groups: readonly string[]
  readonly startedAt: string
  /** null: the run was killed. */
  readonly finishedAt: string | null
  readonly durationMs: number | null
  readonly exitCode: number | null
  readonly gate: GateState
  readonly counts: Counts
  readonly error: FailureRecord | null
  /** What the cloud was asked, by API; empty where asking is free. */
  readonly calls: Readonly<Record<string, CallCount>>
  readonly verified: number | null
  readonly resources: readonly ResourceReport[]
}

/** Folds a run's events into its report. What a killed run left behind is a report, too. */
export function reportOf(events: Iterable<Event>): Report | undefined {
  const resources = new Map<ResourceId, ResourceReport>()
  const changes = new Map<ResourceId, readonly Change[]>()
  let report: Report | undefined
  for (const event of events) {
    if (event.type === 'run.started') report = begun(event)
    if (report === undefined) continue
    const news = told(event)
    if (news) report = { ...report, ...news }
    if (event.type === 'resource.checked') changes.set(event.id, event.changes)
    if (event.type === 'resource.finished') {
      const { id, outcome, durationMs, reason, error } = event
      resources.set(id, { id, outcome, durationMs, changes: changes.get(id) ?? [], reason: reason ?? null, error: error ?? null })
    }
  }
  // A run that was killed has counted nothing.
  if (report && report.finishedAt === null) report = { ...report, counts: countsOf(resources.values()) }
  return report && { ...report, resources: [...resources.values()] }
}

function countsOf(resources: Iterable<ResourceReport>): Counts {
  const counts = noCounts()
  for (const { outcome } of resources) counts[outcome]++
  return counts
}

function begun(event: Event & { type: 'run.started' }): Report {
  return {
    run: event.run,
    command: event.command,
    version: event.version,
    role: null,
    groups: [],
    startedAt: event.at,
    finishedAt: null,
    durationMs: null,
    exitCode: null,
    gate: 'untouched',
    counts: noCounts(),
    error: null,
    calls: {},
    verified: null,
    resources: [],
  }
}

function told(event: Event): Partial<Report> | undefined {
  switch (event.type) {
    case 'run.role':
      return { role: event.role, groups: event.groups }
    case 'gate.closed':
      return { gate: 'closed' }
    case 'gate.opened':
      return event.step === undefined ? { gate: 'open' } : undefined
    case 'run.verified':
      return { verified: event.checked }
    case 'run.finished':
      return {
        gate: event.gate,
        role: event.role,
        counts: event.counts,
        exitCode: event.exitCode,
        durationMs: event.durationMs,
        finishedAt: event.at,
        error: event.error ?? null,
        calls: event.calls ?? {},
      }
    default:
      return undefined
  }
}
