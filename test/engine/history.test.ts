import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { reportOf } from '../../src/core/report.ts'
import { readReport, runsIn } from '../../src/engine/history.ts'
import { RUNS } from '../support/runs.ts'
import { told } from '../support/telling.ts'

const events = told(RUNS['first-boot'] ?? [])
const lines = events.map(event => `${JSON.stringify(event)}\n`)

t.test('runs are listed newest first, and what is no run is left out', async t => {
  const directory = t.testdir({ '20261120T224155-3fa9c1': {}, '20261121T010203-000000': {}, '20261120T224155-aaaaaa': {}, 'a file': '' })
  t.strictSame(runsIn(directory), ['20261121T010203-000000', '20261120T224155-aaaaaa', '20261120T224155-3fa9c1'])
})

t.test('no directory means no runs', async t => {
  t.strictSame(runsIn(join(t.testdir({}), 'runs')), [])
})

t.test('a directory that can’t be listed is not called empty', { skip: process.getuid?.() === 0 && 'root may list every directory' }, async t => {
  const directory = join(t.testdir({ runs: {} }), 'runs')
  chmodSync(directory, 0)
  t.throws(() => runsIn(directory), { code: 'file.denied' })
  // Before the test's own directory is cleared away.
  chmodSync(directory, 0o755)
})

t.test('a file in place of the directory is not called empty', async t => {
  t.throws(() => runsIn(join(t.testdir({ runs: '' }), 'runs')), { code: 'file.denied' })
})

t.test('a run that ended has its report', async t => {
  const report = reportOf(events)
  t.strictSame(readReport(t.testdir({ run: { 'report.json': JSON.stringify(report) } }), 'run'), report)
})

t.test('a run that was killed has what its events come to', async t => {
  const report = readReport(t.testdir({ run: { 'events.ndjson': lines.slice(0, 9).join('') } }), 'run')
  t.match(report, { finishedAt: null, exitCode: null, role: 'web', gate: 'closed', counts: { changed: 1, failed: 0 }, resources: [{ id: 'package[git nginx]', outcome: 'changed' }] })
})

t.test('a torn last line is passed over', async t => {
  const directory = t.testdir({ run: { 'events.ndjson': lines.slice(0, 8).join('') + lines[8]?.slice(0, 40) }, whole: { 'events.ndjson': lines.slice(0, 8).join('') } })
  t.strictSame(readReport(directory, 'run'), readReport(directory, 'whole'))
})

t.test('a line that a full disk tore is passed over with the one behind it', async t => {
  const directory = t.testdir({ run: { 'events.ndjson': `${lines.slice(0, 4).join('')}${lines[4]?.slice(0, 9)}${lines.slice(4).join('')}` } })
  t.match(readReport(directory, 'run'), { exitCode: 0, gate: 'open' })
})

t.test('a report that a power cut left empty is made anew from the events', async t => {
  const directory = t.testdir({ run: { 'report.json': '', 'events.ndjson': lines.join('') } })
  t.strictSame(readReport(directory, 'run'), reportOf(events))
})

t.test('a run that told nothing, or is not there, has no report', async t => {
  const directory = t.testdir({ empty: {}, torn: { 'events.ndjson': '{"ty' } })
  t.equal(readReport(directory, 'empty'), undefined)
  t.equal(readReport(directory, 'torn'), undefined)
  t.equal(readReport(directory, 'gone'), undefined)
})

t.test('a run’s name leads nowhere else', async t => {
  const directory = t.testdir({ 'report.json': JSON.stringify(reportOf(events)), runs: {} })
  for (const name of ['..', '.', '', '../', 'a\0b', 'x/../..']) t.equal(readReport(join(directory, 'runs'), name), undefined)
})
