import type { CallCount } from './cloud.ts'
import type { Change } from './change.ts'
import type { Counts, Event, GateState, Outcome } from './events.ts'
import { noCounts } from './events.ts'
import type { FailureRecord } from './failure.ts'
import type { Phase } from './recipe.ts'
import type { ResourceId } from './resource.ts'

export interface ResourceReport {
  readonly id: ResourceId
  readonly outcome: Outcome
  readonly durationMs: number
  readonly changes: readonly Change[]
  readonly reason: string | null
  /** null: of no recipe, or told by a program that did not say. */
  readonly phase: Phase | null
  /** Why a bake would have left it to the boot that changed it. */
  readonly leftToBoot: string | null
  readonly error: FailureRecord | null
}

/** What a boot changed that its image could have had, slowest first, and what that cost together. */
export interface WorthBaking {
  readonly durationMs: number
  readonly resources: readonly { readonly id: ResourceId; readonly durationMs: number }[]
}

/** What a run was, as report.json keeps it. Times are ISO 8601 in UTC. */
export interface Report {
  readonly run: string
  readonly command: string
  readonly version: string
  readonly role: string | null
  readonly groups: readonly string[]
  readonly startedAt: string
  /** null: no end is recorded. The run was killed, or the disk was full. */
  readonly finishedAt: string | null
  readonly durationMs: number | null
  readonly exitCode: number | null
  readonly gate: GateState
  readonly counts: Counts
  readonly error: FailureRecord | null
  /** What the cloud was asked, by API; empty where asking is free. */
  readonly calls: Readonly<Record<string, CallCount>>
  readonly verified: number | null
  /** null: the run was no boot. */
  readonly worthBaking: WorthBaking | null
  readonly resources: readonly ResourceReport[]
}

/** Folds a run's events into its report. What a killed run left behind is a report, too. */
export function reportOf(events: Iterable<Event>): Report | undefined {
  const resources = new Map<ResourceId, ResourceReport>()
  const changes = new Map<ResourceId, readonly Change[]>()
  const phases = new Map<ResourceId, Phase>()
  let report: Report | undefined
  for (const event of events) {
    if (event.type === 'run.started') report = begun(event)
    if (report === undefined) continue
    const news = told(event)
    if (news) report = { ...report, ...news }
    if (event.type === 'resource.started' && event.phase) phases.set(event.id, event.phase)
    if (event.type === 'resource.checked') changes.set(event.id, event.changes)
    if (event.type === 'resource.finished') {
      const { id, outcome, durationMs, reason, leftToBoot, error } = event
      const phase = phases.get(id) ?? null
      resources.set(id, { id, outcome, durationMs, changes: changes.get(id) ?? [], reason: reason ?? null, phase, leftToBoot: leftToBoot ?? null, error: error ?? null })
    }
  }
  // A run that was killed has counted nothing.
  if (report && report.finishedAt === null) report = { ...report, counts: countsOf(resources.values()) }
  return report && { ...report, worthBaking: worthBaking(report.command, resources.values()), resources: [...resources.values()] }
}

function worthBaking(command: string, resources: Iterable<ResourceReport>): WorthBaking | null {
  if (command !== 'boot') return null
  const found = [...resources].filter(one => one.phase === 'prepare' && one.outcome === 'changed' && one.leftToBoot === null).sort((a, b) => b.durationMs - a.durationMs)
  const sumMs = found.reduce((sum, { durationMs }) => sum + durationMs, 0)
  return { durationMs: Math.round(sumMs * 1_000) / 1_000, resources: found.map(({ id, durationMs }) => ({ id, durationMs })) }
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
    worthBaking: null,
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
