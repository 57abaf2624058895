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

t.test('of what would be worth baking the ten slowest are named, and all of them in full', async t => {
  const bodies = aRun('boot', Array.from({ length: 12 }, (_, index) => resource(`file[/${index}]`, 'changed', { durationMs: 1_000 - index })).flat())
  const phased = bodies.map(body => (body.type === 'resource.started' ? { ...body, phase: 'prepare' as const } : body))
  const [short, full] = [false, true].map(verbose => reportText(report(phased), { colour: false, verbose })) as [string, string]
  t.match(short, 'worth baking: 12 resources that an image could have had, 11.9 s together\n       1.0 s  file[/0]\n      999 ms  file[/1]\n')
  t.match(short, '      991 ms  file[/9]\n       2.0 s  2 more (--verbose names them)\n')
  t.match(full, '      989 ms  file[/11]\n')
  t.notMatch(full, 'more (--verbose')
})

t.test('a bake, a plan and a drain name nothing that is worth baking', async t => {
  for (const command of ['bake', 'plan', 'drain']) {
    const bodies = aRun(command, resource('file[/a]', 'changed')).map(body => (body.type === 'resource.started' ? { ...body, phase: 'prepare' as const } : body))
    t.equal(report(bodies).worthBaking, null)
    t.notMatch(reportText(report(bodies), { colour: false, verbose: true }), 'worth baking')
  }
})

t.test('colours are all that colours add', async t => {
  for (const bodies of Object.values(RUNS)) {
    const [bare, coloured] = [false, true].map(colour => reportText(report(bodies), { colour, verbose: true }))
    t.equal(coloured?.replace(/\x1b\[\d+m/g, ''), bare)
  }
})

t.test('a run without an end says so, and tells what it came to', async t => {
  const text = reportText(report((RUNS['first-boot'] ?? []).slice(0, 12)), { colour: false, verbose: false })
  t.match(text, '(no end is recorded)')
  t.match(text, '~ package[git nginx] 1.4 s\n')
  t.match(text, 'role web, gate closed, no end is recorded: it was killed, or the disk was full\n')
})

t.test('a report that something else has written obeys nobody', async t => {
  const evil = 'x\x1b]0;y\x07'
  const text = reportText({ ...report(aRun('boot', resource(evil, 'unknown', { reason: evil }))), run: evil, role: evil, startedAt: evil, groups: [evil] }, { colour: false, verbose: true })
  t.notMatch(text, /[^\n\x20-\x7e]/)
})
