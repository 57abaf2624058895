import { spawn } from 'node:child_process'
import { utimesSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Event } from '../../src/core/events.ts'
import type { Machine } from '../../src/core/machine.ts'
import { Failure } from '../../src/core/failure.ts'
import { foresee } from '../../src/engine/foresee.ts'
import { settle } from '../../src/engine/settle.ts'
import { packages } from '../../src/resources/packages.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { testHost } from '../support/machine.ts'
import { planned } from '../support/converging.ts'
import { failing, settling } from '../support/settling.ts'

const STAMP = '/var/lib/apt/periodic/update-success-stamp'

async function installed(machine: Machine, name: string): Promise<string | undefined> {
  const { code, stdout } = await machine.probe(['dpkg-query', '--show', '--showformat=${Version} ${db:Status-Status}', name])
  return code === 0 && stdout.endsWith(' installed') ? stdout.split(' ')[0] : undefined
}

const lines = (events: readonly Event[]): string => events.map(event => (event.type === 'resource.output' ? event.text : '')).join('\n')

/** Commands that were run on it, in order. */
function listening(machine: Machine): { readonly machine: Machine; readonly ran: string[][] } {
  const ran: string[][] = []
  const note = <Rest extends unknown[], Result>(act: (argv: readonly string[], ...rest: Rest) => Result) => (argv: readonly string[], ...rest: Rest): Result => {
    ran.push([...argv])
    return act(argv, ...rest)
  }
  return { machine: { ...machine, run: note(machine.run), probe: note(machine.probe) }, ran }
}

t.test('without package lists nothing is foretold but the name, and they are fetched', async t => {
  const machine = testHost(t)
  await settles(t, machine, packages({ install: ['hello'] }), [{ type: 'create', field: 'hello' }])
  t.equal(await installed(machine, 'hello'), '2.10-3')
  t.ok(machine.stat(STAMP))
})

t.test('with fresh lists the version is foretold, and they are not fetched again', async t => {
  const machine = testHost(t)
  const { mtimeMs } = machine.stat(STAMP) ?? {}
  await settles(t, machine, packages({ install: ['tree'] }), [{ type: 'create', field: 'tree', to: '2.1.0-1' }])
  t.equal(machine.stat(STAMP)?.mtimeMs, mtimeMs)
})

t.test('settled, no program is asked', async t => {
  const { machine, ran } = listening(testHost(t))
  await settling(machine, packages({ install: ['hello', 'tree=2.*'], remove: ['cron'] }))
  t.strictSame(ran, [])
})

t.test('lists older than a day are fetched again when something is to be installed', async t => {
  const machine = testHost(t)
  const old = Date.now() / 1_000 - 2 * 24 * 60 * 60
  for (const path of [STAMP, '/etc/apt/sources.list', '/etc/apt/sources.list.d']) utimesSync(path, old, old)
  await settling(machine, packages({ remove: ['tree'] }))
  t.ok((machine.stat(STAMP)?.mtimeMs ?? 0) < Date.now() - 24 * 60 * 60_000, 'not to remove something')
  await settling(machine, packages({ install: ['tree'] }))
  t.ok((machine.stat(STAMP)?.mtimeMs ?? 0) > Date.now() - 60_000)
})

t.test('lists older than their sources are fetched again', async t => {
  const machine = testHost(t)
  const old = Date.now() / 1_000 - 60
  for (const path of [STAMP]) utimesSync(path, old, old)
  machine.write('/etc/apt/sources.list.d/again.list', '# nothing\n')
  await settles(t, machine, packages({ install: ['sunup-rival'] }), [{ type: 'create', field: 'sunup-rival' }])
  t.ok((machine.stat(STAMP)?.mtimeMs ?? 0) > Date.now() - 30_000)
})

t.test('removing and installing are one transaction: what conflicts gives way', async t => {
  const { machine, ran } = listening(testHost(t))
  const resource = packages({ install: ['sunup-demo=1.*'], remove: ['sunup-rival'] })
  t.equal(resource.id, 'package[sunup-demo -sunup-rival]')
  await settles(t, { ...machine, dir: testHost(t).dir }, resource, [
    { type: 'create', field: 'sunup-demo', to: '1.1' },
    { type: 'remove', field: 'sunup-rival', from: '1.0' },
  ])
  t.equal(ran.filter(argv => argv.includes('install')).length, 1)
  t.equal(await installed(machine, 'sunup-demo'), '1.1', 'the newest that fits')
  t.equal(await installed(machine, 'sunup-rival'), undefined)
})

t.test('what a package merely recommends is not installed', async t => {
  const machine = testHost(t)
  await settling(machine, packages({ remove: ['hello'] }))
  await settling(machine, packages({ install: ['sunup-demo=1.0'] }))
  t.equal(await installed(machine, 'sunup-demo'), '1.0', 'an older version, when that is asked for')
  t.equal(await installed(machine, 'hello'), undefined)
})

t.test('an upgrade keeps configuration that was changed here', async t => {
  const machine = testHost(t)
  machine.write('/etc/sunup-demo.conf', 'version = mine\n')
  await settles(t, machine, packages({ install: ['sunup-demo=2.0'] }), [{ type: 'update', field: 'sunup-demo', from: '1.0', to: '2.0' }])
  t.equal(machine.readText('/etc/sunup-demo.conf'), 'version = mine\n')
})

t.test('without a version any will do, and a name that a package provides is that package', async t => {
  await settles(t, testHost(t), packages({ install: ['sunup-demo', 'sunup-virtual'] }), [])
})

t.test('a name that only others provide is installed by one of them', async t => {
  const machine = testHost(t)
  await settling(machine, packages({ remove: ['sunup-demo'] }))
  await settles(t, machine, packages({ install: ['sunup-virtual'] }), [{ type: 'create', field: 'sunup-virtual' }])
  t.equal(await installed(machine, 'sunup-demo'), '2.0')
})

t.test('a package that is nowhere is missing, with the nearest name, and nothing else is installed', async t => {
  const machine = testHost(t)
  t.match(await failing(machine, packages({ install: ['cron', 'nginx-ligth'] })), {
    code: 'package.missing',
    subject: 'nginx-ligth',
    hint: 'Did you mean nginx-light?',
  })
  t.equal(await installed(machine, 'cron'), undefined)
})

t.test('a version that is nowhere is missing, with those there are', async t => {
  t.match(await failing(testHost(t), packages({ install: ['sunup-demo=3.*'] })), { code: 'package.missing', hint: 'There is: 2.0, 1.1, 1.0.' })
})

t.test('a plan says that a package is missing, and that it can not know while something before it is pending', async t => {
  const machine = testHost(t)
  const around = { ...surroundings(machine, []), planning: true }
  const resource = planned(packages({ install: ['no-such-package'] }))
  t.match(await foresee(resource, { outcomes: new Map(), makers: [] }, around), { outcome: 'failed', failure: { code: 'package.missing' } })
  t.strictSame(await foresee(resource, { outcomes: new Map([['file[/etc/apt/sources.list.d/more.list]', 'pending']]), makers: [] }, around), { outcome: 'unknown' })
})

t.test('a lock that somebody else holds is waited for', async (t: Test) => {
  const machine = testHost(t)
  const holder = spawn('python3', ['-c', 'import fcntl,sys; f=open("/var/lib/dpkg/lock-frontend","w"); fcntl.lockf(f,fcntl.LOCK_EX); print("held",flush=True); sys.stdin.read()'], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => holder.kill('SIGKILL'))
  await new Promise(resolve => holder.stdout.once('data', resolve))
  const events: Event[] = []
  const around = surroundings(machine, events)
  const settled = settle(packages({ install: ['hello'] }), around)
  while (!/lock/i.test(lines(events))) await sleep(20)
  t.equal(await installed(machine, 'hello'), undefined)
  holder.stdin.end()
  t.match(await settled, { outcome: 'changed' })
  t.equal(await installed(machine, 'hello'), '2.10-3')
})

t.test('a lock that is never given back is told as what was waited for', async (t: Test) => {
  const machine = testHost(t)
  const holder = spawn('python3', ['-c', 'import fcntl,sys; f=open("/var/lib/dpkg/lock-frontend","w"); fcntl.lockf(f,fcntl.LOCK_EX); print("held",flush=True); sys.stdin.read()'], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => holder.kill('SIGKILL'))
  await new Promise(resolve => holder.stdout.once('data', resolve))
  t.match(await failing(machine, packages({ remove: ['hello'], timeout: '3s' })), { code: 'package.locked', message: /still so after 3/ })
})

t.test('a transaction that was cut off is finished by the next run', async t => {
  const machine = testHost(t)
  machine.write('/run/sunup-slow', '')
  const events: Event[] = []
  const around = surroundings(machine, events)
  const end = new AbortController()
  const cut = settle(packages({ install: ['sunup-slow'] }), { ...around, signal: end.signal })
  while (machine.stat('/run/sunup-slow-began') === undefined) await sleep(20)
  end.abort(new Failure('signal.term', 'ended by SIGTERM'))
  t.match(await cut, { outcome: 'failed', failure: { code: 'signal.term' } })
  machine.remove('/run/sunup-slow')
  while ((await machine.probe(['pgrep', '-x', 'apt-get'])).code === 0) await sleep(20)
  t.equal(await installed(machine, 'sunup-slow'), undefined, 'it is in pieces')

  const { events: next } = await settling(machine, packages({ install: ['sunup-slow'] }), { around: { ...around, signal: new AbortController().signal } })
  t.equal(await installed(machine, 'sunup-slow'), '1.0')
  t.ok(next)
})

t.test('a source that can not be had is the network\'s fault: tried again, and told', async t => {
  const machine = testHost(t)
  machine.write('/etc/apt/sources.list.d/gone.list', 'deb [trusted=yes] http://127.0.0.1:9/ ./\n')
  t.teardown(() => machine.remove('/etc/apt/sources.list.d/gone.list'))
  t.match(await failing(machine, packages({ install: ['nginx-light'], retries: 1 })), { code: 'network.failed', message: /127\.0\.0\.1:9/ })
  t.equal(await installed(machine, 'nginx-light'), undefined)
})

t.test('packages that come with a service start it', async t => {
  const machine = testHost(t)
  await settling(machine, packages({ install: ['nginx-light'] }))
  t.match(await installed(machine, 'nginx-light'), /^1\.22/)
  t.equal((await machine.probe(['systemctl', 'is-active', 'nginx'])).stdout, 'active\n')
})
