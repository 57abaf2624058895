import { showDuration } from '../../core/duration.ts'
import type { Change } from '../../core/change.ts'
import type { Outcome } from '../../core/events.ts'
import type { FailureRecord } from '../../core/failure.ts'
import type { Report, ResourceReport } from '../../core/report.ts'
import { showChanges, signOf } from '../changes.ts'
import { counted } from '../counted.ts'
import { ofResource, outputLines } from '../failures.ts'
import { html, type Markup } from './markup.ts'
import { painter } from '../paint.ts'
import type { Timeline } from '../timeline.ts'
import { visibleLines } from '../visible.ts'

/** A page is for reading: of a longer diff its first lines stand in it, and the whole in the run's events. */
const DIFF_LINES = 400
const MOST_CHANGES = 300

/** What failed, why, what was said last, and what to do. */
export function failures({ resources, error }: Report): Markup | string {
  const failed = resources.flatMap(({ id, error: own }) => (own ? [{ id, error: ofResource(id, own) }] : []))
  const isTold = error === null || resources.some(({ id, error: own }) => own && [own.message, `${id}: ${own.message}`].includes(error.message))
  const all: readonly { readonly id: string | undefined; readonly error: FailureRecord }[] = [...(isTold ? [] : [{ id: undefined, error: error as FailureRecord }]), ...failed]
  if (all.length === 0) return ''
  return html`<section class="failure" aria-labelledby="failed">
<h2 id="failed">What failed</h2>
${all.map(one => html`<article>
${one.id === undefined ? '' : html`<h3><code>${one.id}</code></h3>`}
<p class="cause">${brokenLines(one.error.message)}</p>
${one.error.output ? html`<pre tabindex="0" aria-label="The last lines of its output">${outputLines(one.error.output).join('\n').split('\n').map((line, index) => html`${index === 0 ? '' : html`
`}${line}`)}</pre>` : ''}
${one.error.hint === null ? '' : html`<p class="hint"><b>What to do:</b> ${brokenLines(one.error.hint)}</p>`}
<p class="soft">Failure <code>${one.error.code}</code></p>
</article>
`)}</section>
`
}

/** Where a run was that told no end. */
export function cutOff({ finishedAt }: Report, timeline: Timeline | undefined): Markup | string {
  if (finishedAt !== null) return ''
  const at = timeline?.spans.find(({ isCutOff }) => isCutOff)
  return html`<section class="failure" aria-labelledby="cut">
<h2 id="cut">No end was told</h2>
<p class="cause">${at ? html`The last thing it told is that it was at <code>${at.name}</code>.` : 'What it was at last is not known.'}</p>
<p class="soft">It was killed, the machine lost power, or it was still at work when this page was written. The gate was closed at its beginning; the next <code>sunup boot</code> makes good what it left half done.</p>
</section>
`
}

/** Prepare resources that the image could have had. */
export function worthBaking({ worthBaking: found }: Report): Markup | string {
  if (!found || found.resources.length === 0) return ''
  return html`<section aria-labelledby="bake">
<h2 id="bake">Worth baking</h2>
<p>An image that <code>sunup bake</code> makes today would have had ${found.resources.length === 1 ? 'this' : 'these'} already: up to <b>${showDuration(found.durationMs)}</b> less to wait for at the next boot.</p>
<div class="scroll" role="region" aria-label="Worth baking" tabindex="0">
<table>
<caption class="hidden">What this boot changed that its image could have had</caption>
<thead><tr><th scope="col">Resource</th><th scope="col" class="n">Took</th></tr></thead>
<tbody>${found.resources.map(({ id, durationMs }) => html`<tr><th scope="row"><code>${id}</code></th><td class="n">${showDuration(durationMs)}</td></tr>
`)}</tbody>
<tfoot><tr><th scope="row">Together</th><td class="n">${showDuration(found.durationMs)}</td></tr></tfoot>
</table>
</div>
</section>
`
}

/** What was, or would be, changed; diffs are folded. */
export function changed({ resources }: Report): Markup | string {
  const all = resources.filter(({ changes }) => changes.length > 0)
  if (all.length === 0) return ''
  const planned = all.some(({ outcome }) => outcome === 'pending')
  return html`<section aria-labelledby="changes">
<h2 id="changes">${planned ? 'What would change' : 'What changed'}</h2>
<ul class="changes">${all.slice(0, MOST_CHANGES).map(one => html`<li>${changeOf(one)}</li>
`)}</ul>
${all.length > MOST_CHANGES ? html`<p class="soft">and ${all.length - MOST_CHANGES} more: the run’s events have them.</p>` : ''}
</section>
`
}

const SIGN_NAMES = { '+': 'made', '~': 'changed', '-': 'removed', '>': 'done' } as const

function changeOf({ id, changes, outcome, durationMs }: ResourceReport): Markup {
  const sign = signOf(id, changes)
  const bare = changes.map(({ diff: _, ...change }) => change)
  const [, ...facts] = showChanges(id, bare, { paint: painter(false), verbose: true })
  const diffs = changes.filter(({ diff, secret }) => diff !== undefined && !secret)
  return html`<p><span class="sign ${SIGN_NAMES[sign]}" title="${SIGN_NAMES[sign]}">${sign}</span> <code>${id}</code>${outcome === 'failed' ? html` <small class="failed">failed</small>` : ''} <span class="soft">${showDuration(durationMs)}</span></p>
<ul class="facts">${facts.map(fact => html`<li>${fact.trim()}</li>`)}</ul>
${diffs.map(change => diffOf(change, outcome))}`
}

function diffOf({ field, diff = '' }: Change, outcome: Outcome): Markup {
  const lines = visibleLines(diff)
  const body = lines.slice(Math.max(0, lines.findIndex(line => line.startsWith('@@'))))
  const added = body.filter(line => line.startsWith('+')).length
  const removed = body.filter(line => line.startsWith('-')).length
  const more = body.length - DIFF_LINES
  return html`<details${outcome === 'failed' ? html` open` : ''}><summary>${field ?? 'content'}: <span class="added">+${added}</span> <span class="removed">-${removed}</span> ${added + removed === 1 ? 'line' : 'lines'}</summary>
<pre class="diff" tabindex="0">${body.slice(0, DIFF_LINES).map(line => html`<span class="${toneOf(line)}">${line === '' ? ' ' : html`${line.replaceAll('\t', TAB)}`}</span>
`)}${more > 0 ? html`<span class="place">... ${counted(more, 'more line')}</span>` : ''}</pre></details>
`
}

/** A tab is a control character to what makes text visible. */
const TAB = '    '

function toneOf(line: string): string {
  if (line.startsWith('+')) return 'added'
  if (line.startsWith('-')) return 'removed'
  return line.startsWith('@@') || line.startsWith('\\') ? 'place' : 'same'
}

/** All of them with their outcome, folded: a thousand is no rarity. */
export function everyResource({ resources }: Report): Markup | string {
  if (resources.length === 0) return ''
  return html`<section aria-labelledby="all">
<h2 id="all">Every resource</h2>
<details><summary>${counted(resources.length, 'resource')}, in order</summary>
<div class="scroll" role="region" aria-label="Every resource" tabindex="0">
<table class="all">
<caption class="hidden">Every resource, in the order of the run</caption>
<thead><tr><th scope="col">Resource</th><th scope="col">Outcome</th><th scope="col">Phase</th><th scope="col" class="n">Took</th><th scope="col">Why</th></tr></thead>
<tbody>${resources.map(({ id, outcome, phase, durationMs, reason, leftToBoot, error }) => html`<tr><th scope="row"><code>${id}</code></th><td><span class="outcome ${outcome}">${outcome}</span></td><td>${phase ?? ''}</td><td class="n">${showDuration(durationMs)}</td><td>${reason ?? error?.message.split('\n', 1)[0] ?? leftToBoot ?? ''}</td></tr>
`)}</tbody>
</table>
</div>
</details>
</section>
`
}

/** What the cloud was asked, the most asked first. */
export function calls({ calls: asked }: Report): Markup | string {
  const all = Object.entries(asked ?? {}).sort(([, a], [, b]) => b.count - a.count)
  if (all.length === 0) return ''
  return html`<section aria-labelledby="calls">
<h2 id="calls">Calls to the cloud</h2>
<div class="scroll" role="region" aria-label="Calls to the cloud" tabindex="0">
<table>
<caption class="hidden">How often each API was called</caption>
<thead><tr><th scope="col">API</th><th scope="col" class="n">Calls</th><th scope="col" class="n">Of them again</th><th scope="col" class="n">Throttled</th></tr></thead>
<tbody>${all.map(([api, { count, retries, throttles }]) => html`<tr><th scope="row"><code>${api}</code></th><td class="n">${count}</td><td class="n">${retries}</td><td class="n">${throttles}</td></tr>
`)}</tbody>
</table>
</div>
</section>
`
}

function brokenLines(text: string): readonly Markup[] {
  return visibleLines(text).map((line, index) => html`${index === 0 ? '' : html`<br>`}${line.replaceAll('\t', TAB)}`)
}
