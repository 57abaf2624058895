import fc from 'fast-check'
import t from 'tap'
import { reportOf, type Report } from '../../../src/core/report.ts'
import { timelinePage } from '../../../src/reporters/html/page.ts'
import { html } from '../../../src/reporters/html/markup.ts'
import { timeline } from '../../../src/reporters/timeline.ts'
import { BEFORE, EVIL, pageOf, TOLD, toldInTime } from '../../support/report-pages.ts'
import { aRun, resource } from '../../support/telling.ts'

const PAGES = Object.entries(TOLD).map(([name, events]) => [name, pageOf(events, BEFORE)] as const)

function page(name: string): string {
  return pageOf(TOLD[name] ?? [])
}

t.test('a page refers to nothing outside of it, and may load nothing', async t => {
  for (const [name, text] of PAGES) {
    t.notMatch(text, /\b(?:src|href|srcset|action|poster|data|formaction|ping)\s*=\s*["']/, name)
    t.notMatch(text, /url\(|@import|<script|<link|<base/, name)
    t.match(text, `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`)
  }
})

t.test('a page is whole: one element of each kind that must be one, and every one closed', async t => {
  for (const [name, text] of PAGES) {
    t.match(text, /^<!doctype html>\n<html lang="en">/, name)
    for (const one of ['html', 'head', 'body', 'title', 'main', 'h1', 'style']) t.equal(text.match(new RegExp(`<${one}[ >]`, 'g'))?.length, 1, `${name}: ${one}`)
    for (const one of ['section', 'table', 'thead', 'tbody', 'tr', 'td', 'th', 'ul', 'li', 'div', 'details', 'summary', 'pre', 'code', 'span', 'p', 'i', 'b', 'em', 'small', 'article', 'dl', 'dt', 'dd', 'caption']) {
      t.equal(text.match(new RegExp(`<${one}[ >]`, 'g'))?.length ?? 0, text.match(new RegExp(`</${one}>`, 'g'))?.length ?? 0, `${name}: ${one}`)
    }
  }
})

t.test('whatever text gets into markup stays text', async () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', '`', '/', '=', ' ', 'a', '\n', '\0', '\u202e') }), text => {
      const made = html`<p title="${text}">${text}</p>`.html
      return /^<p title="[^<>"'`\0\n\u202e]*">[^<>"'`\0\n\u202e]*<\/p>$/.test(made)
    }),
  )
})

t.test('of what something else has written nothing but text is left', async t => {
  const text = page('evil')
  t.notMatch(text, /<script|<img|onerror=alert\(1\)>(?!')|onload='x'/)
  t.notMatch(text, /[\0\r\x1b\u202e]/)
  t.match(text, '&lt;script&gt;alert(1)&lt;/script&gt;')
  const { resources, ...report } = reportOf(TOLD.evil ?? []) as Report
  t.notMatch(timelinePage({ ...report, run: EVIL, startedAt: EVIL, resources }, undefined, { instance: EVIL }), /<script>/)
})

t.test('a secret is named as one, and never shown, whatever an event holds beside that', async t => {
  t.notMatch(page('evil'), 'hunter2')
  t.match(page('evil'), 'content (secret)')
})

t.test('a failure stands first, with its cause, the last it said, and what to do', async t => {
  const text = page('failed-boot')
  const [failure, timelineAt] = ['<h2 id="failed">', '<h2 id="timeline">'].map(part => text.indexOf(part)) as [number, number]
  t.ok(failure > 0 && failure < timelineAt)
  const part = text.slice(failure, timelineAt)
  for (const said of ['configTree[/etc/nginx/sunup]', 'nginx -t ended with 1', 'unexpected &quot;}&quot; in app.conf:3', 'Mend the template', 'command.failed']) t.match(part, said)
  t.equal(text.split('nginx -t ended with 1').length, 3, 'once here, and once in the list of all')
  t.match(text, '<details open><summary>app.conf', 'the diff that failed is unfolded')
})

t.test('a failure that is no resource’s is told as well', async t => {
  t.match(page('closed-by-the-probe'), /What failed[^]*answered 502, not 200[^]*journalctl -u nginx[^]*Timeline/)
})

t.test('a run that was killed says so, and what it was at', async t => {
  t.match(page('torn'), /No end was told[^]*<code>directory\[\/srv\/app\]<\/code>[^]*Timeline/)
  t.match(page('torn'), 'no end was told, gate closed')
})

t.test('a run whose events are lost is shown without its timeline', async t => {
  const text = timelinePage(reportOf(TOLD['first-boot'] ?? []) as Report, undefined)
  t.match(text, 'The events of this run are lost')
  t.match(text, 'package[git nginx]')
})

t.test('a report that an earlier version has written is shown, too', async t => {
  const { worthBaking: _, calls: __, resources, ...old } = reportOf(TOLD['first-boot'] ?? []) as Report
  const bare = resources.map(({ phase: _, leftToBoot: __, ...one }) => one)
  t.match(timelinePage({ ...old, resources: bare } as unknown as Report, timeline(TOLD['first-boot'] ?? [])), 'boot of web')
})

t.test('a plan speaks of what would change, and of no gate', async t => {
  const text = page('plan')
  t.match(text, 'there is something to change')
  t.match(text, 'What would change')
  t.notMatch(text, /gate (?:open|closed|did not open)/i)
})

t.test('slowest first', async t => {
  const part = page('first-boot').split('<h2 id="slowest">')[1] ?? ''
  const order = ['package[git nginx]', 'source[https://git.example.com/infra.git]', 'probe[http://127.0.0.1/]', 'git[/srv/app]'].map(name => part.indexOf(name))
  t.strictSame(order, order.toSorted((a, b) => a - b))
  t.ok(order.every(at => at > 0))
})

t.test('what would be worth baking is told with what each costs and all of them', async t => {
  const part = page('first-boot').split('<h2 id="bake">')[1]?.split('</section>')[0] ?? ''
  t.match(part, 'up to <b>1.8 s</b> less')
  t.match(part, /package\[git nginx\][^]*1\.4 s/)
  t.notMatch(part, /address\[|registry\[|service\[|user\[/)
  t.notMatch(page('plan'), 'Worth baking')
})

t.test('diffs are folded, their tabs kept as spaces', async t => {
  const text = page('first-boot')
  t.match(text, /<details><summary>content: <span class="added">\+1<\/span> <span class="removed">-1<\/span>/)
  t.match(text, '+    listen 80;')
})

t.test('a diff of ten thousand lines, and ten thousand changes, make a page that can be opened', async t => {
  const diff = `--- a\n+++ b\n@@ -0,0 +1,10000 @@\n${'+x\n'.repeat(10_000)}`
  const long = pageOf(toldInTime(aRun('boot', resource('file[/a]', 'changed', { changes: [{ type: 'create', field: 'content', diff }] }))))
  t.match(long, '... 9601 more lines')
  t.ok(long.length < 60_000)
  const many = pageOf(toldInTime(aRun('boot', Array.from({ length: 10_000 }, (_, index) => resource(`file[/${index}]`, 'changed', { changes: [{ type: 'create', field: 'mode', to: '0644' }] })).flat())))
  t.ok(many.length < 4_000_000)
  t.match(many, /and 9700 more/)
})

t.test('a thousand resources have some dozens of bars, and are all in the list', async t => {
  const text = page('a-thousand')
  t.ok((text.match(/<td class="bar"><i/g)?.length ?? 0) <= 60)
  t.match(text, 'and 989 shorter ones')
  t.equal(text.split('<table class="all">')[1]?.split('</table>')[0]?.match(/<tr><th scope="row">/g)?.length, 1_000)
})

t.test('every bar lies on the axis', async t => {
  for (const [name, text] of PAGES) {
    for (const [, left = '', width = ''] of text.matchAll(/left:(?:min\()?([\d.]+)%(?:,100% - [\w.]+\))?;width:([\d.]+)%/g)) t.ok(Number(left) + Number(width) <= 100.5, `${name}: ${left} + ${width}`)
  }
})
