import t from 'tap'
import type { EventBody } from '../../src/core/events.ts'
import { reportOf, type Report } from '../../src/core/report.ts'
import { reportText } from '../../src/reporters/report-text.ts'
import { matchesGolden } from '../support/golden.ts'
import { RUNS } from '../support/runs.ts'
import { aRun, resource, told } from '../support/telling.ts'

function report(bodies: readonly EventBody[]): Report {
  const folded = reportOf(told(bodies))
  if (!folded) throw new Error('these events make no report')
  return folded
}

for (const [name, bodies] of Object.entries(RUNS)) {
  t.test(`the report of ${name} reads as it always did`, async t => matchesGolden(t, `${name}.report.txt`, reportText(report(bodies), { colour: false, verbose: false })))
}

t.test('in full, what is settled and skipped is listed with its time', async t => {
  const text = reportText(report(aRun('boot', [...resource('file[/a]', 'unchanged', { durationMs: 0.25 }), ...resource('cron[x]', 'skipped', { reason: 'notIf: true' })])), { colour: false, verbose: true })
  t.match(text, '= file[/a] 0.3 ms\n')
  t.match(text, '. cron[x] skipped: notIf: true\n')
})

t.test('colours are all that colours add', async t => {
  for (const bodies of Object.values(RUNS)) {
    const [bare, coloured] = [false, true].map(colour => reportText(report(bodies), { colour, verbose: true }))
    t.equal(coloured?.replace(/\x1b\[\d+m/g, ''), bare)
  }
})

t.test('a run that was killed says so, and tells what it came to', async t => {
  const text = reportText(report((RUNS['first-boot'] ?? []).slice(0, 12)), { colour: false, verbose: false })
  t.match(text, '(killed before its end)')
  t.match(text, '~ package[git nginx] 1.4 s\n')
  t.match(text, 'role web, gate closed, killed before its end\n')
})

t.test('a report that something else has written obeys nobody', async t => {
  const evil = 'x\x1b]0;y\x07'
  const text = reportText({ ...report(aRun('boot', resource(evil, 'unknown', { reason: evil }))), run: evil, role: evil, startedAt: evil, groups: [evil] }, { colour: false, verbose: true })
  t.notMatch(text, /[^\n\x20-\x7e]/)
})
