import t from 'tap'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { holderOf, lockHeld, tryLock, withLock } from '../../src/machine/lock.ts'
import { child } from '../support/children.ts'

const LOCK = JSON.stringify(new URL('../../src/machine/lock.ts', import.meta.url).href)
const signal = new AbortController().signal

/** Takes the lock, says whether it has it, and keeps it until its standard input ends. */
const HOLDER = `
  import { tryLock } from ${LOCK}
  const lock = tryLock(process.argv[1], { command: 'boot', pid: process.pid })
  console.log(lock ? 'has it' : 'has not')
  process.stdin.resume().on('end', () => { lock?.release(); process.exit() })`

t.test('who comes second has no lock, until the first lets go', async t => {
  const file = join(t.testdir({}), 'lock')
  const first = tryLock(file)
  t.ok(first)
  t.equal(tryLock(file), undefined)
  first?.release()
  const second = tryLock(file)
  t.ok(second)
  second?.release()
})

t.test('letting go twice takes nothing from the next', async t => {
  const file = join(t.testdir({}), 'lock')
  const first = tryLock(file)
  first?.release()
  const second = tryLock(file)
  first?.release()
  t.equal(tryLock(file), undefined)
  second?.release()
})

t.test('another process has it: refused at once, naming it', async t => {
  const file = join(t.testdir({}), 'lock')
  const other = child(t, HOLDER, [file])
  t.equal(await other.line(), 'has it')
  t.equal(tryLock(file), undefined)
  t.strictSame(holderOf(file), { command: 'boot', pid: other.process.pid })
  t.match(lockHeld(file), { code: 'lock.held', message: new RegExp(`sunup boot.*${other.process.pid}`) })
})

t.test('SIGKILL frees it, and its holder is nobody’s', async t => {
  const file = join(t.testdir({}), 'lock')
  const other = child(t, HOLDER, [file])
  await other.line()
  other.process.kill('SIGKILL')
  await once(other.process, 'exit')
  t.ok(existsSync(`${file}.holder`), 'what it said of itself is still there')
  t.equal(holderOf(file), undefined)
  const lock = tryLock(file)
  t.ok(lock)
  lock?.release()
})

t.test('of twenty that come at once, exactly one has it', async t => {
  const file = join(t.testdir({}), 'lock')
  const all = Array.from({ length: 20 }, () => child(t, HOLDER, [file]))
  const answers = await Promise.all(all.map(one => one.line()))
  t.equal(answers.filter(answer => answer === 'has it').length, 1)
})

t.test('a holder that is another process by now is none', async t => {
  const file = join(t.testdir({ 'lock.holder': JSON.stringify({ command: 'boot', pid: process.pid, startedAt: 1 }) }), 'lock')
  t.equal(holderOf(file), undefined)
})

t.test('a torn or foreign holder file is none', async t => {
  for (const text of ['', '{"command":"bo', '[]', '{"command":1,"pid":"x"}']) {
    t.equal(holderOf(join(t.testdir({ 'lock.holder': text }), 'lock')), undefined)
  }
})

t.test('the lock leaves nothing but its file, which nobody else may read', async t => {
  const dir = t.testdir({})
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const lock = tryLock(join(dir, 'run/lock'), { command: 'boot', pid: process.pid })
  t.strictSame(readdirSync(join(dir, 'run')), ['lock', 'lock.holder'])
  lock?.release()
  t.strictSame(readdirSync(join(dir, 'run')), ['lock'])
  t.equal(statSync(join(dir, 'run/lock')).mode & 0o777, 0o600)
  t.equal(statSync(join(dir, 'run/lock')).size, 0)
})

t.test('a file that is something else is refused, and left as it is', async t => {
  const dir = t.testdir({ lock: 'a text that somebody else wrote, and long enough to be looked at as a page of a database\n'.repeat(9) })
  const before = statSync(join(dir, 'lock'))
  t.throws(() => tryLock(join(dir, 'lock')), { code: 'file.kind' })
  t.equal(statSync(join(dir, 'lock')).mtimeMs, before.mtimeMs)
})

t.test('a directory that can’t be made is said', async t => {
  const dir = t.testdir({ run: 'a file' })
  t.throws(() => tryLock(join(dir, 'run/lock')), { code: 'file.denied', hint: /run/ })
})

t.test('withLock does one at a time, in this process too', async t => {
  const file = join(t.testdir({}), 'lock')
  let inside = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside)
    await new Promise(setImmediate)
    inside--
  }
  await Promise.all(Array.from({ length: 8 }, () => withLock(file, 30_000, signal, work)))
  t.equal(most, 1)
})

t.test('withLock lets go when the work fails', async t => {
  const file = join(t.testdir({}), 'lock')
  await t.rejects(withLock(file, 1_000, signal, () => Promise.reject(new Error('no'))), { message: 'no' })
  t.equal(await withLock(file, 0, signal, () => 'yes'), 'yes')
})

t.test('withLock gives up in the end, and at once when told', async t => {
  const file = join(t.testdir({}), 'lock')
  const lock = tryLock(file)
  t.teardown(() => lock?.release())
  await t.rejects(withLock(file, 0, signal, () => 1), { code: 'file.locked' })
  const stop = new AbortController()
  const waiting = withLock(file, 60_000, stop.signal, () => 1)
  stop.abort(new Error('stopped'))
  await t.rejects(waiting, { message: 'stopped' })
})

t.test('only SQLite’s own warning is silenced', async t => {
  const source = `import { tryLock } from ${LOCK}; tryLock(process.argv[1])?.release(); process.emitWarning('another', 'ExperimentalWarning')`
  const { stderr, code } = await child(t, source, [join(t.testdir({}), 'lock')], []).end()
  t.equal(code, 0)
  t.match(stderr, /ExperimentalWarning: another/)
  t.notMatch(stderr, /SQLite/)
})

t.test('importing it loads no SQLite', async t => {
  const source = `import ${LOCK}; console.log(process.moduleLoadList.some(name => name.includes('sqlite')))`
  t.equal((await child(t, source).end()).stdout, 'false\n')
})
