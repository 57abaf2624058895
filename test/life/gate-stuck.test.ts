import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Failure } from '../../src/core/failure.ts'
import { emptyHealth } from '../../src/gate/health-file.ts'
import { unclosed } from '../../src/life/give-up.ts'
import { premises, SMALL, type Premises } from '../support/repository.ts'

/** What is made here to be stuck is so for whoever is not root. */
const STUCK = { skip: process.getuid?.() === 0 && 'root removes whatever it may see' }

/** It serves, and its health file can't be removed. Let go before the test's own directory is cleared away. */
async function served(t: Test): Promise<Premises> {
  const where = premises(t, { role: SMALL })
  where.write({ '.sunup/cloud/lifecycle.json': '{ "target": "InService", "hook": true }' })
  t.equal((await where.sunup('boot')).code, 0)
  const directory = join(where.run, 'health')
  chmodSync(directory, 0o555)
  return where
}

t.test('a gate that can’t be closed is told to be open, everywhere', STUCK, async t => {
  const where = await served(t)
  const answered = where.answers().length
  const { code, events } = await where.sunup('boot', '--format', 'json')
  t.equal(code, 1)
  t.match(events().at(-1), { type: 'run.finished', gate: 'open', error: { code: 'file.denied', message: /the gate may be open: EACCES/ } })
  t.notOk(events().some(({ type }) => type === 'gate.kept-closed' || type === 'gate.closed'))
  t.match(where.report(), { gate: 'open', exitCode: 1 })
  t.match(where.rows(), [{ state: 'failed' }])
  t.match(where.answers().slice(answered), [{ answer: 'failed', reason: /the gate may be open/ }])
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { gate: 'open', report: { exitCode: 1, gate: 'open' } })
  chmodSync(join(where.run, 'health'), 0o755)
})

t.test('so it is where the lock can’t be had either', STUCK, async t => {
  const where = await served(t)
  rmSync(join(where.run, 'lock'), { force: true })
  mkdirSync(join(where.run, 'lock'))
  const { code, events } = await where.sunup('boot', '--format', 'json')
  t.equal(code, 1)
  t.match(events().at(-1), { gate: 'open', error: { message: /lock.*; and .*the gate may be open/ } })
  t.match(where.report(), { gate: 'open' })
  t.match(where.rows(), [{ state: 'failed' }])
  chmodSync(join(where.run, 'health'), 0o755)
})

t.test('a run that failed for another reason says that its gate may be open', async t => {
  const left = new Failure('file.denied', 'x can’t be emptied, so the gate may be open: EROFS', { hint: 'Look.' })
  t.match(unclosed(new Failure('probe.failed', 'no answer', { hint: 'Wait.' }), left), { code: 'probe.failed', message: 'no answer; and x can’t be emptied, so the gate may be open: EROFS', hint: 'Look.\nWait.' })
})

t.test('one file that can’t be removed does not keep the others', STUCK, async t => {
  const directory = join(t.testdir({ health: { 'a': { one: '' }, 'b': '', 'c': '' } }), 'health')
  chmodSync(join(directory, 'a'), 0o555)
  t.throws(() => emptyHealth(directory), { code: 'file.denied', message: /EACCES: permission denied, unlink/ })
  t.notOk(existsSync(join(directory, 'b')) || existsSync(join(directory, 'c')))
  chmodSync(join(directory, 'a'), 0o755)
})
