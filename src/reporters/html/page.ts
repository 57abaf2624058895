import { showDuration } from '../../core/duration.ts'
import type { Outcome } from '../../core/events.ts'
import type { Report } from '../../core/report.ts'
import { calls, changed, cutOff, everyResource, failures, worthBaking } from './details.ts'
import { STYLE } from './style.ts'
import { phaseStrip, slowestTable, waterfall } from './timeline.ts'
import { html, type Markup } from './markup.ts'
import { showTime } from '../report-text.ts'
import { isPlan, showExitCode } from '../summary.ts'
import { headline } from '../timeline-text.ts'
import type { Timeline } from '../timeline.ts'

/** A run as one page that needs nothing else: no script, no font, no picture from anywhere. What the run told is text in it, and a page that
 *  something had got into could still load nothing.
 *  @param timeline undefined: its events are lost
 *  @param of whose run it was, where that is known */
export function timelinePage(report: Report, timeline: Timeline | undefined, of: { readonly instance?: string | null } = {}): string {
  const verdict = verdictOf(report)
  const title = titleOf(report)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}: ${verdict.text}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<header>
<p class="brand"><svg viewBox="0 0 32 18" width="32" height="18" aria-hidden="true" focusable="false"><path d="M7 16a9 9 0 0 1 18 0z"/><path class="rays" d="M16 1v3M5.4 5.4l2 2M26.600 5.4l-2 2M0 16h3.500M28.500 16H32"/></svg>sunup ${report.version}</p>
<h1>${title}</h1>
<p class="verdict"><span class="badge ${verdict.tone}">${verdict.text}</span>${timeline ? html` <span class="headline">${capital(headline(timeline))}</span>` : ''}</p>
${facts(report, timeline, of.instance ?? null)}
</header>
<main>
${cutOff(report, timeline)}${failures(report)}${timeline ? chart(timeline) : html`<section><h2>Timeline</h2><p>The events of this run are lost, and with them when it did what; below is what its report says.</p></section>
`}${worthBaking(report)}${changed(report)}${everyResource(report)}${calls(report)}</main>
<footer><p>Run <code>${report.run}</code>, ${showTime(report.startedAt)}${report.finishedAt === null ? '' : html` to ${showTime(report.finishedAt)}`}. Written by <code>sunup report --html</code>; secrets are in no event, and so not here.</p></footer>
</body>
</html>
`.html
}

function chart(timeline: Timeline): Markup {
  return html`<section aria-labelledby="timeline">
<h2 id="timeline">Timeline</h2>
${phaseStrip(timeline)}${waterfall(timeline)}</section>
<section aria-labelledby="slowest">
<h2 id="slowest">Slowest first</h2>
${slowestTable(timeline)}</section>
`
}

function titleOf({ command, role }: Report): string {
  return role === null ? `sunup ${command}` : `${command} of ${role}`
}

function verdictOf({ command, gate, exitCode, finishedAt, counts, durationMs }: Report): { readonly tone: 'good' | 'bad' | 'warn' | 'quiet'; readonly text: string } {
  if (finishedAt === null) return { tone: 'bad', text: `no end was told, gate ${gate}` }
  if (exitCode !== 0 && exitCode !== 2) return { tone: 'bad', text: `gate ${gate}, ${showExitCode(exitCode ?? 1)}` }
  if (isPlan(command, counts)) return exitCode === 2 ? { tone: 'warn', text: 'there is something to change' } : { tone: 'good', text: 'nothing would change' }
  if (gate === 'open') return { tone: 'good', text: 'gate open' }
  return { tone: 'quiet', text: gate === 'closed' ? 'done, gate closed' : `done in ${showDuration(durationMs ?? 0)}` }
}

const COUNTED: readonly Outcome[] = ['failed', 'changed', 'pending', 'unknown', 'unchanged', 'skipped']
const SAID: Readonly<Partial<Record<Outcome, string>>> = { pending: 'would change' }

function facts(report: Report, timeline: Timeline | undefined, instance: string | null): Markup {
  const { counts, verified, durationMs, groups } = report
  const all: readonly (readonly [name: string, value: string, tone?: string])[] = [
    ...(timeline?.healthyMs ? [['time to healthy', showDuration(timeline.healthyMs)] as const] : []),
    ...(durationMs === null ? [] : [['the run took', showDuration(durationMs)] as const]),
    ...COUNTED.filter(outcome => counts[outcome] > 0).map(outcome => [SAID[outcome] ?? outcome, String(counts[outcome]), outcome] as const),
    ...(verified === null ? [] : [['verified', String(verified)] as const]),
  ]
  return html`<dl class="tiles">${all.map(([name, value, tone = '']) => html`<div class="${tone}"><dt>${name}</dt><dd>${value}</dd></div>
`)}</dl>
<p class="soft">${instance === null ? '' : html`Instance <code>${instance}</code>. `}Began ${showTime(report.startedAt)}.${groups.length === 0 ? '' : html` Security group${groups.length === 1 ? '' : 's'} ${groups.map((group, index) => html`${index === 0 ? '' : ', '}<code>${group}</code>`)}.`}</p>`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
