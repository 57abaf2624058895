import { showDuration } from '../../core/duration.ts'
import { counted } from '../counted.ts'
import { html, percent, type Markup } from './markup.ts'
import type { Mark, Span, Timeline, TimelinePhase } from '../timeline.ts'

/** So many bars are drawn; the longest of them, where there are more. */
const MOST_BARS = 60
/** What is shorter than this part of the whole has no bar of its own. */
const LEAST_PART = 0.004

const PHASE_NAMES: Readonly<Record<TimelinePhase, string>> = {
  units: 'Before sunup',
  outset: 'Outset',
  prepare: 'Prepare',
  activate: 'Activate',
  converge: 'Converge',
  verify: 'Verify',
  open: 'Open the gate',
  end: 'End',
}

/** The whole run as one bar of its phases, with the gate's turns above it. */
export function phaseStrip({ phases, marks, durationMs }: Timeline): Markup {
  const turns = marks.filter(({ kind }) => kind !== 'verified')
  return html`<div class="strip" aria-hidden="true">
<div class="pins">${turns.map(mark => html`<span class="pin ${mark.kind}" style="left:${percent(mark.atMs, durationMs)}"></span>`)}</div>
<div class="band">${phases.map(({ phase, startMs, durationMs: ms }) => html`<i class="${phase}" style="left:${percent(startMs, durationMs)};width:${percent(ms, durationMs)}"></i>`)}</div>
</div>
<ul class="legend">${phases.map(({ phase, durationMs: ms }) => html`<li><i class="${phase}" aria-hidden="true"></i>${PHASE_NAMES[phase]} <b>${showDuration(ms)}</b></li>`)}</ul>
`
}

/** Every span that is worth a bar, in order of time, below a common axis. */
export function waterfall(timeline: Timeline): Markup {
  const { spans, marks, phases, durationMs } = timeline
  const shown = new Set(worthABar(spans, durationMs))
  const tickMs = tickOf(durationMs)
  const opened = marks.findLast(({ kind }) => kind === 'opened')
  return html`<div class="scroll" role="region" aria-label="Timeline" tabindex="0">
<table class="waterfall" style="--tick:${percent(tickMs, durationMs)}${opened ? `;--gate:${percent(opened.atMs, durationMs)}` : ''}"${opened ? html` data-open` : ''}>
<caption>In order of time, on one axis.${spans.some(span => span.phase === 'units' && !span.isCritical) ? ' A solid bar is what the gate waited for, a pale one went on beside it.' : ''}</caption>
<thead><tr><th scope="col">What</th><th scope="col" class="n">Start</th><th scope="col" class="n">Took</th><th scope="col" class="axis"><span class="hidden">Bar</span>${ticks(durationMs, tickMs)}</th></tr></thead>
${phases.map(({ phase, durationMs: ms }) => phaseRows(phase, ms, timeline, shown))}</table>
</div>
`
}

function phaseRows(phase: TimelinePhase, phaseMs: number, { spans, marks, durationMs }: Timeline, shown: ReadonlySet<Span>): Markup {
  const own = spans.filter(span => span.phase === phase)
  const rest = own.filter(span => !shown.has(span))
  const rows = [
    ...own.filter(span => shown.has(span)).map(span => ({ atMs: span.startMs, order: 1, row: spanRow(span, durationMs) })),
    ...marks.filter(mark => phaseOf(mark, spans) === phase).map(mark => ({ atMs: mark.atMs, order: mark.kind === 'killed' ? 2 : 0, row: markRow(mark, durationMs) })),
  ].sort((a, b) => a.atMs - b.atMs || a.order - b.order)
  return html`<tbody>
<tr class="phase"><th scope="rowgroup" colspan="2">${PHASE_NAMES[phase]}</th><td class="n">${showDuration(phaseMs)}</td><td class="bar"></td></tr>
${rows.map(({ row }) => row)}${rest.length === 0 ? '' : html`<tr class="rest"><td colspan="2">and ${counted(rest.length, 'shorter one')}</td><td class="n">${showDuration(sumMs(rest))}</td><td class="bar"></td></tr>
`}</tbody>
`
}

function spanRow(span: Span, wholeMs: number): Markup {
  const { name, phase, startMs, durationMs, isCritical, isCutOff, outcome } = span
  const look = [phase, ...(isCritical || phase !== 'units' ? [] : ['beside']), ...(outcome === 'failed' ? ['failed'] : []), ...(isCutOff ? ['cut'] : [])].join(' ')
  return html`<tr><th scope="row">${named(span)}${note(span)}</th><td class="n">${showDuration(startMs)}</td><td class="n">${isCutOff ? 'cut off' : showDuration(durationMs)}</td><td class="bar"><i class="${look}" style="left:min(${percent(startMs, wholeMs)},100% - ${isCutOff ? '1.4rem' : '3px'});width:${percent(durationMs, wholeMs)}" title="${name}: ${showDuration(durationMs)}"></i></td></tr>
`
}

function markRow({ kind, name, atMs }: Mark, wholeMs: number): Markup {
  return html`<tr class="turn ${kind}"><th scope="row">${name}</th><td class="n">${showDuration(atMs)}</td><td></td><td class="bar"><b style="left:${percent(atMs, wholeMs)}"></b></td></tr>
`
}

/** A resource's id and a unit's name are code; what the run did itself is prose. */
export function named({ kind, name }: Pick<Span, 'kind' | 'name'>): Markup {
  return kind === 'run' ? html`<em>${name}</em>` : html`<code>${name}</code>`
}

function note({ outcome, isCutOff, isCritical, phase }: Span): Markup | string {
  const words = isCutOff ? 'cut off' : outcome !== null && outcome !== 'unchanged' ? outcome : isCritical || phase !== 'units' ? undefined : 'beside'
  return words === undefined ? '' : html` <small class="${words.replace(' ', '-')}">${words}</small>`
}

/** The slowest of what a gate, or the end, waited for. */
export function slowestTable({ spans, runMs, healthyMs, durationMs }: Timeline, most = 20): Markup {
  const path = spans.filter(span => span.isCritical && span.durationMs >= 1).sort((a, b) => b.durationMs - a.durationMs)
  const wholeMs = healthyMs ?? durationMs
  const longest = path[0]?.durationMs ?? 0
  return html`<div class="scroll" role="region" aria-label="Slowest first" tabindex="0">
<table class="slowest">
<caption>${healthyMs === null ? 'The critical path, slowest first: a run does one thing after another.' : 'The critical path, slowest first: the gate would have opened earlier by what any of these had been shorter.'}</caption>
<thead><tr><th scope="col">What</th><th scope="col">Phase</th><th scope="col" class="n">Took</th><th scope="col" class="n">Share</th><th scope="col" class="share"><span class="hidden">Bar</span></th></tr></thead>
<tbody>${path.slice(0, most).map(span => html`<tr><th scope="row">${named(span)}</th><td>${PHASE_NAMES[span.phase]}</td><td class="n">${showDuration(span.durationMs)}</td><td class="n">${((span.durationMs / Math.max(wholeMs, 1)) * 100).toFixed(1)} %</td><td class="share"><i class="${span.phase}" style="width:${percent(span.durationMs, longest)}"></i></td></tr>
`)}</tbody>${path.length > most ? html`<tfoot><tr><td>and ${path.length - most} more</td><td></td><td class="n">${showDuration(sumMs(path.slice(most)))}</td><td colspan="2"></td></tr></tfoot>` : ''}
</table>
</div>
${runMs > 0 ? html`<p class="soft">sunup began ${showDuration(runMs)} after zero; what went before is systemd’s.</p>` : ''}`
}

function worthABar(spans: readonly Span[], wholeMs: number): readonly Span[] {
  const must = spans.filter(span => span.outcome === 'failed' || span.isCutOff).slice(0, MOST_BARS)
  const long = spans.filter(span => span.durationMs >= wholeMs * LEAST_PART && !must.includes(span)).sort((a, b) => b.durationMs - a.durationMs)
  return [...must, ...long.slice(0, MOST_BARS - must.length)]
}

/** A turn of the gate belongs to what led to it. */
function phaseOf({ atMs, kind }: Mark, spans: readonly Span[]): TimelinePhase {
  if (kind === 'verified' && spans.some(({ phase }) => phase === 'verify')) return 'verify'
  const run = spans.filter(({ phase }) => phase !== 'units')
  return (run.findLast(span => span.startMs < atMs && span.startMs + span.durationMs <= atMs + 1) ?? run[0] ?? spans[0])?.phase ?? 'outset'
}

function ticks(wholeMs: number, tickMs: number): readonly Markup[] {
  const count = Math.min(20, Math.floor(wholeMs / tickMs))
  return Array.from({ length: count + 1 }, (_, index) => index * tickMs)
    .filter(ms => ms <= wholeMs * 0.94)
    .map(ms => html`<span style="left:${percent(ms, wholeMs)}">${showTick(ms, tickMs)}</span>`)
}

/** One, two or five times a power of ten (of minutes: a round number of them): five to ten of them. */
function tickOf(wholeMs: number): number {
  const rough = Math.max(wholeMs, 1) / 6
  const ROUND_MS = [1, 2, 5].flatMap(one => [0, 1, 2, 3, 4].map(power => one * 10 ** power)).concat([30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 43_200_000, 86_400_000])
  const fit = ROUND_MS.filter(ms => ms >= rough).sort((a, b) => a - b)[0]
  return fit ?? Math.ceil(rough / 86_400_000) * 86_400_000
}

function showTick(ms: number, tickMs: number): string {
  if (ms === 0) return '0'
  if (tickMs < 1_000) return ms < 1_000 ? `${ms} ms` : `${+(ms / 1_000).toFixed(2)} s`
  return ms < 60_000 ? `${ms / 1_000} s` : `${Math.floor(ms / 60_000)}m${ms % 60_000 === 0 ? '' : ` ${Math.round((ms % 60_000) / 1_000)}s`}`
}

function sumMs(spans: readonly Span[]): number {
  return spans.reduce((sum, { durationMs }) => sum + durationMs, 0)
}
