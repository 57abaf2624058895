import { createServer } from 'node:net'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Event } from '../../src/core/events.ts'
import type { Machine } from '../../src/core/machine.ts'
import { foresee } from '../../src/engine/foresee.ts'
import { look } from '../../src/engine/settle.ts'
import { packages } from '../../src/resources/packages.ts'
import { service } from '../../src/resources/service.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { planned } from '../support/converging.ts'
import { testHost } from '../support/machine.ts'
import { failing, settling } from '../support/settling.ts'

/** A unit of its own for each test. */
async function hasUnit(machine: Machine, name: string, lines: string, unit = ''): Promise<void> {
  machine.write(`/etc/systemd/system/${name}`, `[Unit]\n${unit}\n[Service]\n${lines}\n[Install]\nWantedBy=multi-user.target\n`)
  await machine.run(['systemctl', 'daemon-reload'])
}

async function shows(machine: Machine, name: string, property: string): Promise<string> {
  return (await machine.probe(['systemctl', 'show', `--property=${property}`, '--value', name])).stdout.trim()
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await sleep(20)
}

t.test('a service is started, and stopped', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'plain.service', 'ExecStart=/bin/sleep 1000')
  await settles(t, machine, service({ name: 'plain' }), [{ type: 'update', field: 'state', from: 'inactive', to: 'active' }])
  t.equal(await shows(machine, 'plain', 'ActiveState'), 'active')
  await settles(t, machine, service({ name: 'plain', state: 'stopped' }), [{ type: 'update', field: 'state', from: 'active', to: 'inactive' }])
  t.equal(await shows(machine, 'plain', 'ActiveState'), 'inactive')
})

t.test('it is enabled and disabled when that is asked for, and else left as it is', async t => {
  const machine = testHost(t)
  await settles(t, machine, service({ name: 'plain', enabled: true }), [
    { type: 'update', field: 'enabled', from: false, to: true },
    { type: 'update', field: 'state', from: 'inactive', to: 'active' },
  ])
  await settles(t, machine, service({ name: 'plain' }), [])
  t.equal(await shows(machine, 'plain', 'UnitFileState'), 'enabled')
  await settles(t, machine, service({ name: 'plain', enabled: false }), [{ type: 'update', field: 'enabled', from: true, to: false }])
})

t.test('a unit that is not there is absent, in a plan unknown while something pending may bring it, and as stopped as can be', async t => {
  const machine = testHost(t)
  t.match(await failing(machine, service({ name: 'nowhere' })), { code: 'absent.unit', subject: 'nowhere.service' })
  await settles(t, machine, service({ name: 'nowhere', state: 'stopped' }), [])
  const around = { ...surroundings(machine, []), planning: true }
  const plan = planned(service({ name: 'nowhere' }))
  t.strictSame(await foresee(plan, { outcomes: new Map([['systemdUnit[nowhere.service]', 'pending']]), makers: [] }, around), { outcome: 'unknown' })
})

t.test('a masked unit is refused with what to do', async t => {
  const machine = testHost(t)
  await machine.run(['systemctl', 'mask', 'masked.service'])
  t.match(await failing(machine, service({ name: 'masked' })), { code: 'service.failed', hint: 'systemctl unmask masked.service' })
})

t.test('one that crashes at once has failed, with the last lines it said', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'crash.service', 'ExecStart=/bin/sh -c "echo the reason is here >&2; exit 3"')
  t.match(await failing(machine, service({ name: 'crash' })), { code: 'service.failed', message: /failed \(exit-code\)/, output: /the reason is here/ })
})

t.test('one that crashes after a moment has failed, too: that systemd started it proves nothing', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'late.service', 'ExecStart=/bin/sh -c "sleep 0.4; exit 3"')
  t.match(await failing(machine, service({ name: 'late' })), { code: 'service.failed' })
})

t.test('one that crashes again and again has failed, however often systemd starts it', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'loop.service', 'ExecStart=/bin/sh -c "sleep 0.2; exit 3"\nRestart=always\nRestartSec=100ms', 'StartLimitIntervalSec=0')
  t.match(await failing(machine, service({ name: 'loop' })), { code: 'service.failed', message: /restart it 3 times/ })
  await machine.run(['systemctl', 'stop', 'loop'])
})

t.test('one that comes up at the second try is up', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'second.service', 'ExecStart=/bin/sh -c "if [ -e /run/second ]; then exec sleep 1000; fi; touch /run/second; exit 1"\nRestart=always\nRestartSec=100ms')
  await settling(machine, service({ name: 'second' }))
  t.equal(await shows(machine, 'second', 'ActiveState'), 'active')
})

t.test('one that crashed between its start and verify is not settled, though it runs again', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'fragile.service', 'ExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=100ms')
  const resource = service({ name: 'fragile' })
  const { around } = await settling(machine, resource)
  t.strictSame(await look(resource, around), [])
  process.kill(Number(await shows(machine, 'fragile', 'MainPID')), 'SIGKILL')
  await until(async () => (await shows(machine, 'fragile', 'NRestarts')) === '1' && (await shows(machine, 'fragile', 'ActiveState')) === 'active')
  await sleep(1_100)
  t.match(await look(resource, around), [{ type: 'update', field: 'restarts', from: 1, to: 0 }])
  t.strictSame(await look(resource, surroundings(machine, [])), [], 'another run does not hold that against it')
})

t.test('one that failed too often for systemd is started all the same', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'limit.service', 'ExecStart=/bin/sh -c "[ -e /run/limit ] && exec sleep 1000; exit 1"', 'StartLimitIntervalSec=1000\nStartLimitBurst=1')
  t.match(await failing(machine, service({ name: 'limit' })), { code: 'service.failed' })
  machine.write('/run/limit', '')
  await settling(machine, service({ name: 'limit' }))
  t.equal(await shows(machine, 'limit', 'ActiveState'), 'active')
})

t.test('a oneshot that has ended is no service', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'once.service', 'Type=oneshot\nExecStart=/bin/true')
  t.match(await failing(machine, service({ name: 'once' })), { code: 'service.failed', message: /oneshot/ })
  await hasUnit(machine, 'remains.service', 'Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true')
  await settles(t, machine, service({ name: 'remains' }), [{ type: 'update', field: 'state', from: 'inactive', to: 'active' }])
})

t.test('a start that waits for another job is told with what it waits for, not waited for till the end', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'slow.service', 'Type=oneshot\nExecStart=/bin/sleep 1000')
  await hasUnit(machine, 'behind.service', 'ExecStart=/bin/sleep 1000', 'After=slow.service')
  await machine.run(['systemctl', 'start', '--no-block', 'slow.service'])
  const failure = await failing(machine, service({ name: 'behind', timeout: '3s' }))
  t.match(failure, { code: 'service.stuck', message: /waits for slow\.service\/start/ })
  await machine.run(['systemctl', 'stop', 'behind.service', 'slow.service'])
})

t.test('a start that waits for the unit that sunup itself runs in is refused at once', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'after-us.service', 'ExecStart=/bin/sleep 1000', 'After=us.service')
  machine.write('/run/us.ts', [
    "import { service } from '/sunup/src/resources/service.ts'",
    "import { hostMachine } from '/sunup/src/machine/machine.ts'",
    "import { failing } from '/sunup/test/support/settling.ts'",
    "import { writeFileSync } from 'node:fs'",
    "const failure = await failing(hostMachine(), service({ name: 'after-us' }))",
    "writeFileSync('/run/us.json', JSON.stringify({ code: failure?.code, message: failure?.message, hint: failure?.hint }))",
  ].join('\n'))
  await hasUnit(machine, 'us.service', `Type=oneshot\nWorkingDirectory=/sunup\nExecStart=${process.execPath} /run/us.ts`)
  await machine.run(['systemctl', 'start', 'us.service'])
  t.match(JSON.parse(machine.readText('/run/us.json') ?? '{}'), { code: 'service.stuck', message: /us\.service\/start/, hint: /part of us\.service/ })
})

t.test('so is one that waits for it by way of others', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'between.target', '', 'After=us-too.service')
  await hasUnit(machine, 'at-last.service', 'ExecStart=/bin/sleep 1000', 'Wants=between.target\nAfter=between.target')
  machine.write('/run/us-too.ts', machine.readText('/run/us.ts')?.replace("'after-us'", "'at-last'").replace('us.json', 'us-too.json') ?? '')
  await hasUnit(machine, 'us-too.service', `Type=oneshot\nWorkingDirectory=/sunup\nExecStart=${process.execPath} /run/us-too.ts`)
  await machine.run(['systemctl', 'start', 'us-too.service'])
  t.match(JSON.parse(machine.readText('/run/us-too.json') ?? '{}'), { code: 'service.stuck', message: /between\.target\/start, in the end us-too\.service\/start/, hint: /part of us-too\.service/ })
})

t.test('a restart that is owed makes another process', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'again.service', 'ExecStart=/bin/sleep 1000')
  await settling(machine, service({ name: 'again' }))
  const before = await shows(machine, 'again', 'MainPID')
  const { around } = await settling(machine, service({ name: 'again' }), { owed: 'restart' })
  t.not(await shows(machine, 'again', 'MainPID'), before)
  t.strictSame(around.journal.owedBy('service[again]'), [], 'and is not owed any more')
})

t.test('a restart that fails is still owed', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'again.service', 'ExecStart=/bin/false')
  const around = surroundings(machine, [])
  t.match(await failing(machine, service({ name: 'again' }), { owed: 'restart', around }), { code: 'service.failed' })
  t.equal(around.journal.owedBy('service[again]').length, 1)
})

t.test('of a stopped service a reload is a start, and of one that is to be stopped neither is anything', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'quiet.service', 'ExecStart=/bin/sleep 1000\nExecReload=/bin/false')
  await settling(machine, service({ name: 'quiet' }), { owed: 'reload' })
  t.equal(await shows(machine, 'quiet', 'ActiveState'), 'active')
  const { around } = await settling(machine, service({ name: 'quiet', state: 'stopped' }), { owed: 'restart' })
  t.equal(await shows(machine, 'quiet', 'ActiveState'), 'inactive')
  t.strictSame(around.journal.owedBy('service[quiet]'), [])
})

t.test('a reload that its program refuses has failed', async t => {
  const machine = testHost(t)
  await settling(machine, service({ name: 'quiet' }))
  t.match(await failing(machine, service({ name: 'quiet' }), { owed: 'reload' }), { code: 'service.failed', message: /could not be reloaded/ })
})

t.test('what can not reload is restarted', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'stiff.service', 'ExecStart=/bin/sleep 1000')
  await settling(machine, service({ name: 'stiff' }))
  const before = await shows(machine, 'stiff', 'MainPID')
  await settling(machine, service({ name: 'stiff' }), { owed: 'reload' })
  t.not(await shows(machine, 'stiff', 'MainPID'), before)
})

t.test('a restart beats a reload when both are owed', async t => {
  const machine = testHost(t)
  await hasUnit(machine, 'both.service', 'ExecStart=/bin/sleep 1000\nExecReload=/bin/touch /run/both-reloaded')
  await settling(machine, service({ name: 'both' }))
  const before = await shows(machine, 'both', 'MainPID')
  const around = surroundings(machine, [])
  around.journal.owe([{ id: 'service[both]', act: 'reload', cause: 'file[/etc/one]' }])
  await settling(machine, service({ name: 'both' }), { owed: 'restart', around })
  t.not(await shows(machine, 'both', 'MainPID'), before)
  t.equal(machine.stat('/run/both-reloaded'), undefined)
})

t.test('nginx reloads with new workers and the same master', async t => {
  const machine = testHost(t)
  await settling(machine, packages({ install: ['nginx-light'] }))
  const events: Event[] = []
  await settling(machine, service({ name: 'nginx' }))
  const [master, workers] = await processes(machine)
  machine.write('/etc/nginx/conf.d/demo.conf', 'server { listen 8080; return 200 "one"; }\n')
  await settling(machine, service({ name: 'nginx' }), { owed: 'reload', around: surroundings(machine, events) })
  const [masterNow, workersNow] = await processes(machine)
  t.equal(masterNow, master)
  t.notSame(workersNow, workers)
  t.equal(await (await fetch('http://127.0.0.1:8080/')).text(), 'one')
})

t.test('a reload of nginx with a port that is taken has failed, though nginx says it has not', async (t: Test) => {
  const machine = testHost(t)
  const taken = createServer().listen(8090, '0.0.0.0')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  machine.write('/etc/nginx/conf.d/demo.conf', 'server { listen 8080; return 200 "two"; }\nserver { listen 8090; }\n')
  t.equal((await machine.probe(['nginx', '-t'])).code, 0, 'its own check finds nothing')
  const around = surroundings(machine, [])
  const failure = await failing(machine, service({ name: 'nginx' }), { owed: 'reload', around })
  t.match(failure, { code: 'service.failed', message: /no new worker/, output: /bind\(\) to 0\.0\.0\.0:8090 failed/ })
  t.equal(around.journal.owedBy('service[nginx]').length, 1, 'it is still owed')
  t.equal(await (await fetch('http://127.0.0.1:8080/')).text(), 'one', 'the old configuration serves')
})

t.test('a broken configuration fails the reload with nginx\'s own words', async t => {
  const machine = testHost(t)
  machine.write('/etc/nginx/conf.d/demo.conf', 'server { listen 8080; no_such_directive; }\n')
  t.match(await failing(machine, service({ name: 'nginx' }), { owed: 'reload' }), { code: 'service.failed', output: /no_such_directive/ })
})

/** nginx's master and workers. */
async function processes(machine: Machine): Promise<readonly [string, readonly string[]]> {
  const master = await shows(machine, 'nginx', 'MainPID')
  return [master, readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')]
}
