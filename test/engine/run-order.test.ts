import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runsIn } from '../../src/engine/history.ts'
import { byAge, noteRun } from '../../src/engine/run-order.ts'
import { premises, SMALL } from '../support/repository.ts'

t.test('runs are as old as they began, whatever the clock said then', async t => {
  const runs = join(t.testdir({ 'i-1': { runs: {} } }), 'i-1/runs')
  for (const id of ['2099', '2026']) noteRun(runs, id)
  t.strictSame(byAge(runs, ['2026', '2030', '2099', '2025']), ['2025', '2030', '2099', '2026'])
})

t.test('the order is not kept for ever', async t => {
  const state = t.testdir({ 'i-1': { runs: {} }, order: `${'x'.repeat(20)}\n`.repeat(4_000) })
  noteRun(join(state, 'i-1/runs'), 'last')
  t.equal(readFileSync(join(state, 'order'), 'utf8').split('\n').length, 1_002)
})

t.test('a boot after a clock that was ahead is kept, and is the last', async t => {
  const where = premises(t, { role: SMALL })
  const runs = join(where.state, 'runs')
  for (let run = 10; run < 32; run++) mkdirSync(join(runs, `20990101T0000${run}.000-0000`), { recursive: true })
  t.equal((await where.sunup('boot')).code, 0)
  const [last] = runsIn(runs)
  t.match(last, /^2026|^20[2-8]/)
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { report: { run: last } })
})
