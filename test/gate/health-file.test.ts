import t from 'tap'
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Verified } from '../../src/core/gate.ts'
import { emptyHealth, healthFileGate } from '../../src/gate/health-file.ts'
import { rootIgnoresModes } from '../support/machine.ts'

const verified = { checked: 3 } as unknown as Verified
const signal = new AbortController().signal
const PING = { file: 'ping.html', content: 'ok i-1\n', mode: '0644' }

t.test('opening writes the file with its mode, whatever the umask, and nothing beside it', async t => {
  const dir = t.testdir({})
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))
  await healthFileGate({ directory: join(dir, 'run/health'), ...PING }).open(verified, signal)
  t.strictSame(readdirSync(join(dir, 'run/health')), ['ping.html'])
  t.equal(readFileSync(join(dir, 'run/health/ping.html'), 'utf8'), 'ok i-1\n')
  t.equal(statSync(join(dir, 'run/health/ping.html')).mode & 0o777, 0o644)
  t.equal(statSync(join(dir, 'run/health')).mode & 0o777, 0o755)
})

t.test('a file in a directory of its own', async t => {
  const dir = t.testdir({})
  const gate = healthFileGate({ directory: dir, ...PING, file: 'up/ping.html' })
  await gate.open(verified, signal)
  t.ok(existsSync(join(dir, 'up/ping.html')))
  await gate.close(signal)
  t.strictSame(readdirSync(dir), [])
})

t.test('what a killed run left half-written is no file, and is written over', async t => {
  const dir = t.testdir({ '.ping.html.new': 'ok i-' })
  const gate = healthFileGate({ directory: dir, ...PING })
  await gate.open(verified, signal)
  t.strictSame(readdirSync(dir), ['ping.html'])
})

t.test('closing empties the whole directory, of whatever role', async t => {
  const dir = t.testdir({ health: { 'ping.html': 'ok', '.ping.html.new': 'o', 'old-role.html': 'ok', deep: { er: 'x' } } })
  await healthFileGate({ directory: join(dir, 'health'), ...PING }).close(signal)
  t.strictSame(readdirSync(join(dir, 'health')), [])
})

t.test('emptying says whether there was anything, and makes nothing', async t => {
  const dir = t.testdir({ health: { 'ping.html': 'ok' } })
  t.equal(emptyHealth(join(dir, 'health')), true)
  t.equal(emptyHealth(join(dir, 'health')), false)
  t.equal(emptyHealth(join(dir, 'none/health')), false)
  t.notOk(existsSync(join(dir, 'none')))
})

t.test('emptying follows no link out of the directory', async t => {
  const dir = t.testdir({
    outside: { kept: 'x', 'ping.html': 'x' },
    health: { link: t.fixture('symlink', '../outside'), 'ping.html': t.fixture('symlink', '../outside/ping.html') },
    linked: t.fixture('symlink', 'outside'),
  })
  emptyHealth(join(dir, 'health'))
  emptyHealth(join(dir, 'linked'))
  t.strictSame(readdirSync(join(dir, 'outside')), ['kept', 'ping.html'])
  t.equal(lstatSync(join(dir, 'linked'), { throwIfNoEntry: false }), undefined, 'nothing is served through it any more')
})

t.test('a link in the place of the file is replaced, not written through', async t => {
  const dir = t.testdir({ outside: 'untouched', health: { 'ping.html': t.fixture('symlink', '../outside') } })
  await healthFileGate({ directory: join(dir, 'health'), ...PING }).open(verified, signal)
  t.equal(readFileSync(join(dir, 'outside'), 'utf8'), 'untouched')
  t.ok(lstatSync(join(dir, 'health/ping.html')).isFile())
})

t.test('a file elsewhere is refused', async t => {
  for (const file of ['', '../ping.html', '/etc/passwd', 'a/../../b', 'a//b', '.', 'x\0']) {
    t.throws(() => healthFileGate({ directory: t.testdirName, ...PING, file }), { code: 'role.invalid' }, JSON.stringify(file))
  }
})

t.test('a directory that can’t be emptied is an error: the gate may be open', { skip: rootIgnoresModes }, async t => {
  const dir = t.testdir({ health: { 'ping.html': 'ok' } })
  chmodSync(join(dir, 'health'), 0o555)
  t.throws(() => emptyHealth(join(dir, 'health')), { code: 'file.denied', message: /gate may be open/ })
  // Before the test's directory is taken away.
  chmodSync(join(dir, 'health'), 0o755)
})

t.test('a file that can’t be written fails the opening, and leaves nothing', async t => {
  const dir = t.testdir({ 'ping.html': { in: 'the way' } })
  await t.rejects(healthFileGate({ directory: dir, ...PING }).open(verified, signal), { code: 'file.denied' })
  t.strictSame(readdirSync(dir), ['ping.html'])
})
