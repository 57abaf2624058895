import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { localCloud } from '../../../src/clouds/local/cloud.ts'
import type { Cloud, Registry, Row } from '../../../src/core/cloud.ts'
import type { Event } from '../../../src/core/events.ts'
import { Failure } from '../../../src/core/failure.ts'
import { watch } from '../../../src/life/agent/watch.ts'
import { tryLock } from '../../../src/machine/lock.ts'
import { hostMachine } from '../../../src/machine/machine.ts'
import { loadConfig } from '../../../src/roles/config.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { premises, SMALL, type Premises } from '../../support/repository.ts'

const THIRD_MS = 30_000

interface Watched {
  readonly exitCode: number
  readonly failure: Failure | undefined
  readonly events: readonly Event[]
  /** Of the row, as `<seconds> <call>`. */
  readonly writes: readonly string[]
  readonly warnings: readonly string[]
}

interface Surroundings {
  /** What happens in the world so many thirds of a lease after the start; undefined: the agent is ended after the last of them. */
  readonly at?: Readonly<Record<number, () => unknown>>
  /** How many rounds it lives. Default 3. */
  readonly rounds?: number
  readonly registry?: (registry: Registry) => Partial<Registry>
  readonly attended?: boolean
}

/** An agent on a machine that has booted, whose clock takes no time. It is ended by SIGTERM after some rounds, if nothing else ends it. */
async function watched(where: Premises, { at = {}, rounds = 3, registry = () => ({}), attended = false }: Surroundings = {}): Promise<Watched> {
  const ending = new AbortController()
  const writes: string[] = []
  const warnings: string[] = []
  let slept = 0
  const clock = fakeClock(async () => {
    await at[++slept]?.()
    if (slept >= rounds) ending.abort(new Failure('signal.term', 'ended by SIGTERM'))
  })
  const events: Event[] = []
  const noted = (real: Registry): Registry => {
    const all: Registry = { ...real, ...registry(real) }
    const note = (name: string): void => void writes.push(`${clock.monotonic() / 1_000} ${name}`)
    return { ...all, update: (...given) => (note('update'), all.update(...given)), register: (...given) => (note('register'), all.register(...given)) }
  }
  const { exitCode, failure } = await watch(
    { command: 'watch', version: '0', clock, sinks: [event => events.push(event)], signal: ending.signal },
    {
      machine: hostMachine({ root: where.root }),
      settings: () => loadConfig({ file: join(where.infra, 'sunup.yaml'), env: undefined, cwd: () => where.dir }),
      cloud: async ({ local: { instance, directory }, registry: { leaseMs } }): Promise<Cloud> => {
        const cloud = localCloud({ instanceFile: instance, directory, leaseMs, clock, exclusively: async (_file, _signal, work) => await work() })
        return { ...cloud, registry: noted(cloud.registry) }
      },
      attended,
      warn: text => warnings.push(text),
      load: () => 0.25,
    },
  )
  return { exitCode, failure, events, writes, warnings }
}

async function served(t: Test, role = SMALL): Promise<Premises> {
  const where = premises(t, { role })
  where.write({ '.sunup/cloud/lifecycle.json': '{ "target": "InService", "hook": true }' })
  const { code, stdout } = await where.sunup('boot')
  t.equal(code, 0, stdout)
  return where
}

const rowFile = (where: Premises): string => join(where.cloud, 'registry/demo/i-0demo.json')
const row = (where: Premises): Row => where.rows()[0] as Row
const unreachable = async (): Promise<never> => {
  throw new Failure('cloud.unreachable', 'DynamoDB does not answer')
}
const kinds = ({ events }: Watched): readonly string[] => events.map(({ type }) => type)
const isOpen = (where: Premises): boolean => existsSync(where.health)

t.test('the lease is renewed every third of it, with the load, and nothing else of the row', async t => {
  const where = await served(t)
  const before = row(where)
  const { exitCode, writes, events } = await watched(where)
  t.strictSame(writes, ['0 update', '30 update', '60 update'])
  const { seq, leaseUntil, expiresAt, load, ...rest } = row(where)
  const { seq: seqBefore, leaseUntil: _until, expiresAt: _expires, ...same } = before
  t.strictSame(rest, same)
  t.equal(seq, seqBefore + 3)
  t.equal(load, 0.25)
  t.equal(leaseUntil, Date.parse('2026-03-01T12:00:00Z') + 2 * THIRD_MS + 90_000)
  t.equal(exitCode, 143)
  t.match(events.at(-1), { type: 'run.finished', role: 'demo', gate: 'untouched', exitCode: 143, error: undefined })
  t.ok(isOpen(where), 'a signal leaves the gate as it is')
})

t.test('it is told once that the lease is kept, and no run is kept of it', async t => {
  const where = await served(t)
  const runs = readdirSync(join(where.state, 'runs'))
  const ran = await watched(where, { rounds: 20 })
  t.strictSame(kinds(ran), ['run.started', 'lease.kept', 'run.finished'])
  t.strictSame(readdirSync(join(where.state, 'runs')), runs)
})

t.test('a registry that is away for a day evicts nobody', async t => {
  const where = await served(t)
  const rounds = 2 * 60 * 24
  let away = true
  const ran = await watched(where, { rounds, at: { [rounds - 2]: () => void (away = false) }, registry: real => ({ update: (...given) => (away ? unreachable() : real.update(...given)) }) })
  t.strictSame(kinds(ran), ['run.started', 'lease.missed', 'lease.kept', 'run.finished'])
  t.equal(ran.writes.length, rounds)
  t.ok(isOpen(where))
  t.strictSame(where.answers().map(({ answer }) => answer), ['ready'])
})

t.test('what the registry answers that nobody has foreseen is an outage, too', async t => {
  const where = await served(t)
  const ran = await watched(where, { registry: () => ({ update: async () => { throw new TypeError('undefined is not a row') } }) })
  t.match(ran.events[1], { type: 'lease.missed', error: { code: 'bug' } })
  t.equal(ran.exitCode, 143)
  t.ok(isOpen(where))
})

t.test('a row that was taken away closes the gate, and the group is told', async t => {
  const where = await served(t)
  const ran = await watched(where, { rounds: 9, at: { 1: () => rmSync(rowFile(where)) } })
  t.equal(ran.exitCode, 1)
  t.match(ran.failure, { code: 'registry.lost', message: /was removed/ })
  t.notOk(isOpen(where))
  t.strictSame(kinds(ran), ['run.started', 'lease.kept', 'lease.missed', 'gate.closed', 'gate.kept-closed', 'run.finished'])
  t.match(ran.events.at(-1), { gate: 'closed', error: { code: 'registry.lost' } })
  t.match(where.answers().at(-1), { answer: 'failed', reason: /was removed/ })
  t.match(row(where), { state: 'failed', failure: /was removed/ })
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { gate: 'closed', report: { command: 'watch', exitCode: 1 } }, 'the record of it is the last run')
  t.equal(tryLock(join(where.run, 'lock'))?.release(), undefined)
})

t.test('one look at a row that is not there is not believed', async t => {
  const where = await served(t)
  const text = readFileSync(rowFile(where), 'utf8')
  const ran = await watched(where, { rounds: 5, at: { 1: () => rmSync(rowFile(where)), 2: () => writeFileSync(rowFile(where), text) } })
  t.equal(ran.exitCode, 143)
  t.ok(isOpen(where))
})

t.test('the row of a later boot closes the gate and is left to it', async t => {
  const where = await served(t)
  const later = { ...row(where), bootId: '9999999999999-later', state: 'in-service' }
  const ran = await watched(where, { rounds: 9, at: { 1: () => writeFileSync(rowFile(where), JSON.stringify(later)) } })
  t.match(ran.failure, { code: 'registry.lost', message: /belongs to boot 9999999999999-later/ })
  t.notOk(isOpen(where))
  t.strictSame(row(where), later)
})

t.test('a row that was lost while nobody watched is lost', async t => {
  const where = await served(t)
  rmSync(rowFile(where))
  t.match(await watched(where), { exitCode: 1, failure: { code: 'registry.lost' } })
  t.notOk(isOpen(where))
})

t.test('a row that was collected after a week without the registry is made anew', async t => {
  const where = await served(t)
  const rounds = 8 * 24 * 120
  let away = false
  const ran = await watched(where, {
    rounds,
    at: { 1: () => void (away = true), [rounds - 3]: () => (rmSync(rowFile(where)), void (away = false)) },
    registry: real => ({ update: (...given) => (away ? unreachable() : real.update(...given)) }),
  })
  t.equal(ran.exitCode, 143)
  t.match(row(where), { state: 'in-service', publicIp: '203.0.113.10', load: 0.25 })
  t.ok(isOpen(where))
})

t.test('a table restored to before this boot is told of it again', async t => {
  const where = await served(t)
  const old = { ...row(where), bootId: '0000000000001-earlier', state: 'failed' }
  const ran = await watched(where, { at: { 1: () => writeFileSync(rowFile(where), JSON.stringify(old)) } })
  t.equal(ran.exitCode, 143)
  t.match(row(where), { state: 'in-service', bootId: /^(?!0000000000001)/ })
})

t.test('a role whose onFailure is none is told to nobody', async t => {
  const where = await served(t, `${SMALL}onFailure: none\n`)
  rmSync(rowFile(where))
  t.equal((await watched(where)).exitCode, 1)
  t.notOk(isOpen(where))
  t.strictSame(where.answers().map(({ answer }) => answer), ['ready'])
})

t.test('a run that is at work keeps the lease itself, and may lose the row for a while', async t => {
  const where = await served(t)
  const text = readFileSync(rowFile(where), 'utf8')
  let lock: ReturnType<typeof tryLock>
  const ran = await watched(where, {
    rounds: 8,
    at: {
      1: () => (rmSync(rowFile(where)), void (lock = tryLock(join(where.run, 'lock'), { command: 'boot', pid: process.pid }))),
      6: () => (writeFileSync(rowFile(where), text), lock?.release()),
    },
  })
  t.equal(ran.exitCode, 143)
  t.strictSame(ran.writes, ['0 update', '180 update', '210 update'])
})

t.test('a boot by hand while it watches goes on being watched', async t => {
  const where = await served(t)
  const ran = await watched(where, {
    at: {
      1: async () => {
        where.edit('roles/demo.yaml', 'hello', 'hello again')
        t.equal((await where.sunup('boot')).code, 0)
      },
    },
  })
  t.equal(ran.exitCode, 143)
  t.match(row(where), { state: 'in-service', load: 0.25 })
  t.ok(isOpen(where))
})

t.test('an instance without a row is watched quietly, until a boot gives it one', async t => {
  const where = await served(t, 'securityGroups: [demo]\nrecipes: []\n')
  const ran = await watched(where, {
    rounds: 5,
    at: {
      3: async () => {
        where.write({ 'roles/demo.yaml': SMALL })
        t.equal((await where.sunup('boot')).code, 0)
      },
    },
  })
  t.strictSame(kinds(ran), ['run.started', 'lease.kept', 'run.finished'])
  t.strictSame(ran.writes, ['90 update', '120 update'])
})

t.test('an instance that never booted is watched quietly', async t => {
  const where = premises(t, { role: SMALL })
  const ran = await watched(where)
  t.strictSame(kinds(ran), ['run.started', 'run.finished'])
  t.strictSame(where.rows(), [])
})

t.test('a configuration that is wrong ends it, and leaves the gate', async t => {
  const where = await served(t)
  where.write({ 'sunup.yaml': 'cloud: [\n' })
  t.match(await watched(where), { exitCode: 78 })
  t.ok(isOpen(where))
})

t.test('a row that can’t be had is not a row that is lost: the lock of nobody keeps the gate open', async t => {
  const where = await served(t)
  rmSync(join(where.run, 'lock'), { force: true })
  mkdirSync(join(where.run, 'lock'))
  rmSync(rowFile(where))
  t.equal((await watched(where)).exitCode, 1)
  t.notOk(isOpen(where))
})

const holderFile = (where: Premises): string => join(where.cloud, 'addresses/eipalloc-demo.json')
const robbed = (where: Premises): (() => void) => () => writeFileSync(holderFile(where), '{ "holder": "i-0thief" }')

t.test('an address that is taken from it closes the gate within a lease, and the group is told', async t => {
  const where = await served(t)
  const ran = await watched(where, { rounds: 9, at: { 1: robbed(where) } })
  t.equal(ran.exitCode, 1)
  t.match(ran.events.at(-1), { type: 'run.finished', gate: 'closed', error: { code: 'address.lost', message: 'the address 203.0.113.10 was taken from this instance: i-0thief holds it', hint: /same address/ } })
  t.notOk(isOpen(where))
  t.match(row(where), { state: 'failed', failure: /203\.0\.113\.10/ })
  t.match(where.answers().at(-1), { answer: 'failed' })
  t.strictSame(ran.writes, ['0 update', '30 update', '60 register'], 'seen twice')
  const reports = readdirSync(join(where.state, 'runs')).map(run => JSON.parse(readFileSync(join(where.state, 'runs', run, 'report.json'), 'utf8')) as Record<string, unknown>)
  t.match(reports.find(({ command }) => command === 'watch'), { gate: 'closed', error: { code: 'address.lost' } }, 'and a record is kept')
})

t.test('one that is seen to be its own again was never lost', async t => {
  const where = await served(t)
  const own = readFileSync(holderFile(where), 'utf8')
  const ran = await watched(where, { rounds: 6, at: { 1: robbed(where), 2: () => writeFileSync(holderFile(where), own), 3: robbed(where), 4: () => writeFileSync(holderFile(where), own) } })
  t.equal(ran.exitCode, 143)
  t.ok(isOpen(where))
})

t.test('what is given back while the gate is closed is no loss', async t => {
  const where = await served(t)
  const ran = await watched(where, {
    rounds: 6,
    at: {
      1: () => {
        rmSync(where.health)
        rmSync(holderFile(where))
      },
    },
  })
  t.equal(ran.exitCode, 143)
  t.match(row(where), { state: 'in-service' })
})

t.test('a metadata service that is away takes no address from anybody, and is told of once', async t => {
  const where = await served(t)
  const ran = await watched(where, { rounds: 6, at: { 1: () => rmSync(join(where.infra, 'instance.yaml')) } })
  t.equal(ran.exitCode, 143)
  t.ok(isOpen(where))
  t.match(ran.warnings, [/can't be told: there is no instance file/])
})

t.test('a public address that the role did not ask for is not watched, nor is one of an earlier start of the machine', async t => {
  const where = await served(t)
  where.write({ 'roles/demo.yaml': SMALL.replace('  - eip\n', '') })
  t.equal((await where.sunup('boot')).code, 0)
  t.notOk(existsSync(join(where.run, 'address')))
  const other = await served(t)
  const file = join(other.run, 'address')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"\d{13}-/, '"0000000000000-'))
  t.equal((await watched(other, { rounds: 6, at: { 1: robbed(other) } })).exitCode, 143)
})

t.test('a boot that finds its address as it was writes nothing of it', async t => {
  const where = await served(t)
  const { ino, mtimeMs } = statSync(join(where.run, 'address'))
  t.equal((await where.sunup('boot')).code, 0)
  t.match(statSync(join(where.run, 'address')), { ino, mtimeMs })
})

t.test('the program ends at SIGTERM with 143, and says what it did', async t => {
  const where = await served(t)
  const started = where.started({}, 'watch', '--format', 'json')
  const { seq } = row(where)
  while (row(where).seq === seq) await new Promise(resolve => setTimeout(resolve, 20))
  started.process.kill('SIGTERM')
  const { code, signal, events, stderr } = await started.end
  t.strictSame([code, signal, stderr], [143, null, ''])
  t.match(events(), [{ type: 'run.started', command: 'watch' }, { type: 'lease.kept', role: 'demo', everyMs: THIRD_MS }, { type: 'run.finished', exitCode: 143, gate: 'untouched' }])
})
