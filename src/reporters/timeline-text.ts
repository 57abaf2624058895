import { showDuration } from '../core/duration.ts'
import { counted } from './counted.ts'
import { criticalPath, type Span, type Timeline } from './timeline.ts'
import { cut, visible } from './visible.ts'

/** What took less than this part of the whole is summed up in one line. */
const LEAST_PART = 0.01
const NAME_COLUMNS = 34
/** Start, how long, name, and the spaces between. */
const LEFT_COLUMNS = 9 + 9 + NAME_COLUMNS + 3

const FROM: Readonly<Record<Timeline['from'], string>> = { kernel: 'the kernel’s start', systemd: 'systemd’s start', run: 'the run’s start' }

/** A timeline for a console: one line a span, its bar on a common axis, `#` where the gate waited for it and `-` where it did not; and the
 *  critical path, longest first. Ends in a line end; ASCII alone.
 *  @param width of the lines, in columns; at least 70 are taken */
export function drawTimeline(timeline: Timeline, width = 100): string {
  const { spans, marks, durationMs } = timeline
  const columns = Math.max(15, width - LEFT_COLUMNS - 2)
  const isWorthALine = (span: Span): boolean => span.durationMs >= durationMs * LEAST_PART || span.outcome === 'failed' || span.isCutOff
  const column = (ms: number): number => Math.min(columns - 1, Math.floor((ms / Math.max(durationMs, 1)) * columns))
  const line = (span: Span): string => {
    const from = column(span.startMs)
    const to = Math.max(from + 1, Math.round(((span.startMs + span.durationMs) / Math.max(durationMs, 1)) * columns))
    const bar = `${' '.repeat(from)}${(span.isCritical ? '#' : '-').repeat(Math.min(columns, to) - from)}`
    return row(span.startMs, showDuration(span.durationMs), nameOf(span), bar)
  }
  const lines = [
    ...spans.filter(isWorthALine).map(span => ({ atMs: span.startMs, order: 1, text: line(span) })),
    ...marks.map(mark => ({ atMs: mark.atMs, order: mark.kind === 'killed' ? 2 : 0, text: row(mark.atMs, '', mark.name, `${' '.repeat(column(mark.atMs))}|`) })),
  ].sort((a, b) => a.atMs - b.atMs || a.order - b.order)
  const rest = spans.filter(span => !isWorthALine(span))
  return [
    plain(headline(timeline)),
    `${'start'.padStart(9)} ${'took'.padStart(9)}`,
    ...lines.map(({ text }) => text),
    ...(rest.length === 0 ? [] : [`and ${counted(rest.length, 'shorter wait')}, ${showDuration(rest.reduce((sum, span) => sum + span.durationMs, 0))} together`]),
    `critical path: ${showCriticalPath(timeline)}`,
    '',
  ].join('\n')
}

/** What came of it, and when: `healthy 8.4 s after the kernel’s start`. */
export function headline({ healthyMs, durationMs, marks, from }: Timeline): string {
  if (healthyMs !== null) return `healthy ${showDuration(healthyMs)} after ${FROM[from]}`
  const last = marks.findLast(({ kind }) => kind === 'killed' || kind === 'kept-closed')
  const how = last?.kind === 'killed' ? 'no more was told' : last === undefined ? 'the run ended' : 'the gate did not open; the run ended'
  return `${how} ${showDuration(durationMs)} after ${FROM[from]}`
}

/** `network-online.target 2.1 s, package[nginx] 1.4 s, and 12 more 0.3 s`: what the gate waited for, longest first. */
export function showCriticalPath(timeline: Timeline, shown = 8): string {
  const path = criticalPath(timeline).toSorted((a, b) => b.durationMs - a.durationMs)
  const rest = path.slice(shown)
  const parts = path.slice(0, shown).map(span => `${visible(span.name)} ${showDuration(span.durationMs)}`)
  return [...parts, ...(rest.length === 0 ? [] : [`and ${rest.length} more ${showDuration(rest.reduce((sum, span) => sum + span.durationMs, 0))}`])].join(', ')
}

function nameOf({ name, outcome, isCutOff }: Span): string {
  if (isCutOff) return `${name} (cut off)`
  return outcome === 'failed' ? `${name} (failed)` : name
}

function row(startMs: number, took: string, name: string, bar: string): string {
  const shown = plain(cut(visible(name), NAME_COLUMNS))
  return `${showDuration(startMs).padStart(9)} ${took.padStart(9)} ${shown.padEnd(NAME_COLUMNS)} ${bar}`.trimEnd()
}

/** Consoles have ASCII. */
function plain(text: string): string {
  return text.replaceAll('’', "'").replace(/[^\x20-\x7e]/g, '?')
}
