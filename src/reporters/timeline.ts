import type { Event, GateStep, Outcome } from '../core/events.ts'
import { elapsed } from './elapsed.ts'
import { criticalUnits, type Before } from './units.ts'

/** The parts of a run, in order. outset: gate closed, identity, source, role. converge: resources of which nobody said the phase. */
export const PHASES = ['units', 'outset', 'prepare', 'activate', 'converge', 'verify', 'open', 'end'] as const
export type TimelinePhase = (typeof PHASES)[number]

/** Something that took time. Times are milliseconds, since the timeline's zero. */
export interface Span {
  /** A unit's name, a resource's id, or in words what a run (or before it kernel and systemd) did beside these. */
  readonly name: string
  readonly kind: 'unit' | 'resource' | 'run'
  readonly phase: TimelinePhase
  readonly startMs: number
  readonly durationMs: number
  /** Of a resource that ended. */
  readonly outcome: Outcome | null
  /** The gate waited for it: it would have opened earlier by what this had been shorter. */
  readonly isCritical: boolean
  /** The run was killed in it. */
  readonly isCutOff: boolean
}

/** A moment. */
export interface Mark {
  readonly atMs: number
  readonly name: string
  readonly kind: 'closed' | 'opened' | 'kept-closed' | 'verified' | 'killed'
}

/** Where a run's time went. A run does one thing after another: all of it up to the gate's opening is critical, and before it the units that
 *  it waited for. */
export interface Timeline {
  readonly command: string
  /** What zero is. */
  readonly from: 'kernel' | 'systemd' | 'run'
  /** When the run began, since zero. */
  readonly runMs: number
  readonly durationMs: number
  /** When traffic was let in, since zero; null: never in this run. */
  readonly healthyMs: number | null
  readonly spans: readonly Span[]
  readonly phases: readonly { readonly phase: TimelinePhase; readonly startMs: number; readonly durationMs: number }[]
  readonly marks: readonly Mark[]
}

/** Shorter waits between two events are the clock's rounding. */
const LEAST_MS = 1

const STEPS: Readonly<Record<GateStep, string>> = { registry: 'registry row', health: 'health file', url: 'health url', hook: 'launch hook' }

/** Makes a timeline of a run's events, in their order; of a killed run's, as far as they go.
 *  @param before the units of the machine, and when the run began among them: then zero is the kernel's start (in a container systemd's)
 *  @returns undefined where no run began */
export function timeline(events: Iterable<Event>, before?: Before): Timeline | undefined {
  const all = [...events]
  const first = all.findIndex(event => event.type === 'run.started')
  const started = all[first]
  if (started?.type !== 'run.started') return undefined
  const told = all.slice(first)
  const runMs = before?.runMs ?? 0
  const at = elapsed(told).map(ms => runMs + ms)
  const marks = marksOf(told, at)
  const healthyMs = openedAt(marks)
  const units = before ? criticalUnits(before) : []
  const own = spansOf(told, at)
  const spans = [...units, ...own.map(span => ({ ...span, isCritical: healthyMs === null || span.startMs < healthyMs }))]
  const durationMs = Math.max(at.at(-1) ?? 0, ...own.map(end))
  return { command: started.command, from: before?.from ?? 'run', runMs, durationMs, healthyMs, spans, phases: phasesOf(spans), marks }
}

/** What the gate waited for, in order of time. */
export function criticalPath({ spans }: Timeline): readonly Span[] {
  return spans.filter(span => span.isCritical)
}

function spansOf(events: readonly Event[], at: readonly number[]): Omit<Span, 'isCritical'>[] {
  const spans: Omit<Span, 'isCritical'>[] = []
  let since = at[0] ?? 0
  let phase: TimelinePhase = 'outset'
  let begun: { readonly id: string; readonly phase: TimelinePhase } | undefined
  const add = (name: string, kind: Span['kind'], of: TimelinePhase, until: number, more: Partial<Span> = {}): void => {
    spans.push({ name, kind, phase: of, startMs: since, durationMs: Math.max(0, until - since), outcome: null, isCutOff: false, ...more })
  }
  events.forEach((event, index) => {
    const now = at[index] ?? since
    if (event.type === 'resource.started') {
      const next = resourcePhase(event, phase)
      if (now - since >= LEAST_MS) add(phase === 'outset' ? (next === 'outset' ? 'identity' : 'recipes') : 'between resources', 'run', phase === 'outset' ? 'outset' : next, now)
      begun = { id: event.id, phase: (phase = next) }
      since = now
    } else if (event.type === 'resource.finished' && begun?.id === event.id) {
      add(event.id, 'resource', begun.phase, now, { outcome: event.outcome, durationMs: event.durationMs })
      begun = undefined
      since = now
    } else if (begun === undefined) {
      const gap = gapBefore(event, spans)
      if (gap === undefined) return
      phase = gap.phase ?? phase
      if (now - since >= LEAST_MS) add(gap.name, 'run', phase, now)
      since = now
    }
  })
  const last = at.at(-1) ?? since
  if (begun) add(begun.id, 'resource', begun.phase, Math.max(last, since), { isCutOff: true })
  return spans
}

/** Before the role is known there is the source alone, and after the proof the probe. */
function resourcePhase({ id, phase }: Event & { readonly type: 'resource.started' }, now: TimelinePhase): TimelinePhase {
  if (phase !== undefined) return phase
  if (id.startsWith('source[') && now === 'outset') return 'outset'
  return id.startsWith('probe[') ? 'verify' : 'converge'
}

/** What the run did before it told this; undefined: nothing of its own. */
function gapBefore(event: Event, spans: readonly Pick<Span, 'name'>[]): { readonly name: string; readonly phase?: TimelinePhase } | undefined {
  switch (event.type) {
    case 'gate.closed':
      return { name: spans.length === 0 || event.step === undefined ? 'close the gate' : `close: ${STEPS[event.step]}` }
    case 'run.role':
      return { name: spans.some(({ name }) => name.startsWith('source[')) ? 'role' : 'identity and role' }
    case 'run.verified':
      return { name: 'verify', phase: 'verify' }
    case 'gate.opened':
      return { name: event.step === undefined ? 'open the gate' : STEPS[event.step], phase: 'open' }
    case 'gate.kept-closed':
      return { name: 'keep the gate closed', phase: 'end' }
    case 'lease.kept':
    case 'lease.missed':
      return { name: 'serve', phase: 'end' }
    case 'run.finished':
      return { name: event.exitCode === 0 || event.exitCode === 2 ? 'end of the run' : 'record and tell', phase: 'end' }
    default:
      return undefined
  }
}

function marksOf(events: readonly Event[], at: readonly number[]): Mark[] {
  const marks = events.flatMap((event, index): Mark[] => {
    const atMs = at[index] ?? 0
    if (event.type === 'gate.closed') return [{ atMs, kind: 'closed', name: event.step === undefined ? 'gate closed' : `gate closed: ${STEPS[event.step]}` }]
    if (event.type === 'gate.opened' && event.step === undefined) return [{ atMs, kind: 'opened', name: 'gate open' }]
    if (event.type === 'gate.kept-closed') return [{ atMs, kind: 'kept-closed', name: 'gate kept closed' }]
    return event.type === 'run.verified' ? [{ atMs, kind: 'verified', name: 'verified' }] : []
  })
  const isOver = events.some(event => event.type === 'run.finished')
  return isOver ? marks : [...marks, { atMs: at.at(-1) ?? 0, kind: 'killed', name: 'no more was told' }]
}

/** A gate that was closed again let nobody in for long. */
function openedAt(marks: readonly Mark[]): number | null {
  const last = marks.findLast(({ kind }) => kind === 'opened' || kind === 'closed' || kind === 'kept-closed')
  return last?.kind === 'opened' ? last.atMs : null
}

function phasesOf(spans: readonly Span[]): Timeline['phases'] {
  return PHASES.flatMap(phase => {
    const own = spans.filter(span => span.phase === phase && (phase !== 'units' || span.isCritical))
    if (own.length === 0) return []
    const startMs = Math.min(...own.map(span => span.startMs))
    return [{ phase, startMs, durationMs: Math.max(...own.map(end)) - startMs }]
  })
}

function end({ startMs, durationMs }: Pick<Span, 'startMs' | 'durationMs'>): number {
  return startMs + durationMs
}
