import type { Test } from 'tap'
import type { BootOfRevision, Cloud, Registry, Row, RowKey } from '../../src/core/cloud.ts'
import { bootIdOf } from '../../src/core/boot-id.ts'
import { lastGood, NO_HISTORY, shouldLeave } from '../../src/core/revisions.ts'
import { address } from '../../src/resources/address.ts'
import { registration } from '../../src/resources/registration.ts'
import type { TestMachine } from '../support/machine.ts'
import { settles } from './settles.ts'

/** A cloud with some instances and addresses in it, of ids it chose itself. */
export interface CloudUnderTest {
  readonly instances: readonly string[]
  /** Allocation ids, in their order. */
  readonly allocations: readonly string[]
  /** The cloud as this instance has it: a process of its own, or as good as one. */
  as(instanceId: string): Cloud
  /** Moves the clock that leases are judged by. */
  advance(ms: number): void
  /** A machine below whose directory lies whatever this cloud writes on disk: a check is held to write nothing there. */
  readonly machine: TestMachine
}

/** What is asked of whatever keeps the fleet's rows. */
export interface FleetUnderTest {
  readonly instances: readonly string[]
  as(instanceId: string): Pick<Cloud, 'registry' | 'revisions'>
  advance(ms: number): void
}

export type FleetFactory = (t: Test, world: { readonly instances: number; readonly addresses: readonly [] }) => Promise<FleetUnderTest>

/** @param world how many instances there are, and the tags of each address; nobody holds any, and the registry is empty */
export type CloudFactory = (t: Test, world: { readonly instances: number; readonly addresses: readonly Readonly<Record<string, string>>[] }) => Promise<CloudUnderTest>

const signal = new AbortController().signal
const FIRST = bootIdOf(1_700_000_000_000, 'aaaaaaaa-1111')
const SECOND = bootIdOf(1_700_000_100_000, 'bbbbbbbb-2222')

/** What every cloud must do. */
export async function behavesAsCloud(t: Test, make: CloudFactory): Promise<void> {
  await behavesAsFleet(t, make)
  await t.test('addresses', t => addressContract(t, make))
  await t.test('resources on it', t => resourceContract(t, make))
  await t.test('lifecycle', async t => {
    const { as, instances } = await make(t, { instances: 1, addresses: [] })
    const { lifecycle } = as(instances[0] as string)
    t.equal(await lifecycle.target(signal), 'InService', 'the target of an instance that nobody wants otherwise')
    await lifecycle.ready(signal)
    await t.resolves(lifecycle.ready(signal), 'an answer may be given twice')
  })
}

/** What the registry and the revisions of every cloud must do. */
export async function behavesAsFleet(t: Test, make: FleetFactory): Promise<void> {
  await t.test('registry', t => registryContract(t, make))
  await t.test('revisions', t => revisionsContract(t, make))
}

async function registryContract(t: Test, make: FleetFactory): Promise<void> {
  const { as, instances, advance } = await make(t, { instances: 2, addresses: [] })
  const [one, two] = instances as [string, string]
  const { registry } = as(one)
  const key: RowKey = { role: 'web', instanceId: one, bootId: FIRST }

  await t.test('a row that is not there is undefined', async t => {
    t.equal(await registry.read('web', one, signal), undefined)
  })
  await t.test('an update of a row that is not there is refused, and makes none', async t => {
    await t.rejects(registry.update(key, { load: 1 }, signal), { code: 'registry.lost' })
    t.equal(await registry.read('web', one, signal), undefined)
  })
  await t.test('registering makes the row, with its lease', async t => {
    const row = await registry.register(key, { state: 'booting', privateIp: '10.0.0.1', meta: { port: 80, tags: ['a'] } }, signal)
    t.match(row, { role: 'web', instanceId: one, bootId: FIRST, seq: 1, state: 'booting', privateIp: '10.0.0.1', meta: { port: 80, tags: ['a'] } })
    t.equal(row.expiresAt, Math.floor(row.leaseUntil / 1_000) + 7 * 24 * 3_600, 'expiresAt is seven days after leaseUntil, in seconds')
    t.strictSame(await registry.read('web', one, signal), row, 'what is read is what was returned')
  })
  await t.test('each write adds one to seq, renews the lease and keeps what it does not name', async t => {
    const before = (await registry.read('web', one, signal)) as Row
    advance(1_000)
    const row = await registry.update(key, { state: 'in-service', load: 0.5 }, signal)
    t.match(row, { seq: before.seq + 1, state: 'in-service', load: 0.5, privateIp: '10.0.0.1' })
    t.equal(row.leaseUntil, before.leaseUntil + 1_000)
  })
  await t.test('undefined takes an attribute away', async t => {
    const row = await registry.update(key, { load: undefined }, signal)
    t.notOk('load' in row)
    t.notOk('load' in ((await registry.read('web', one, signal)) as Row))
  })
  await t.test('registering again in the same boot keeps state and attributes', async t => {
    t.match(await registry.register(key, { revision: 'abc' }, signal), { state: 'in-service', privateIp: '10.0.0.1', revision: 'abc' })
  })
  await t.test('a later boot takes the row over: who the instance is stays, what the earlier boot came to goes', async t => {
    const before = await registry.update(key, { load: 0.5, bootedInMs: 7, failure: 'none' }, signal)
    const row = await registry.register({ ...key, bootId: SECOND }, { state: 'booting' }, signal)
    t.match(row, { bootId: SECOND, state: 'booting', seq: before.seq + 1, privateIp: '10.0.0.1' })
    t.strictSame(['revision', 'load', 'bootedInMs', 'failure'].filter(name => name in row), [])
  })
  await t.test('a late writer of an earlier boot loses, and changes nothing', async t => {
    const before = await registry.read('web', one, signal)
    await t.rejects(registry.register(key, { state: 'in-service' }, signal), { code: 'registry.lost' })
    await t.rejects(registry.update(key, { state: 'in-service' }, signal), { code: 'registry.lost' })
    t.equal(await registry.remove(key, signal), false)
    t.strictSame(await registry.read('web', one, signal), before)
  })
  await t.test('rows are listed by role, or all of them, without sunup’s own', async t => {
    await as(two).registry.register({ role: 'web', instanceId: two, bootId: FIRST }, { state: 'booting' }, signal)
    await as(two).registry.register({ role: 'db', instanceId: two, bootId: FIRST }, { state: 'booting' }, signal)
    await as(two).registry.register({ role: '#revision', instanceId: 'web', bootId: FIRST }, { state: 'booting' }, signal)
    const ids = async (role?: string): Promise<string[]> => (await listed(registry, role)).map(row => `${row.role}/${row.instanceId}`)
    t.strictSame(await ids('web'), [one, two].sort().map(id => `web/${id}`))
    t.strictSame((await ids()).sort(), [`db/${two}`, ...[one, two].sort().map(id => `web/${id}`)], 'of all roles in whatever order')
    t.strictSame(await ids('nobody'), [])
    t.strictSame(await ids('#revision'), [])
  })
  await t.test('its own boot removes a row; twice is fine', async t => {
    t.equal(await registry.remove({ ...key, bootId: SECOND }, signal), true)
    t.equal(await registry.remove({ ...key, bootId: SECOND }, signal), false)
    t.equal(await registry.read('web', one, signal), undefined)
  })
  await t.test('ten that register at once make ten rows', async t => {
    const { as, instances } = await make(t, { instances: 10, addresses: [] })
    await Promise.all(instances.map(instanceId => as(instanceId).registry.register({ role: 'web', instanceId, bootId: FIRST }, { state: 'booting' }, signal)))
    const rows = await listed(as(instances[0] as string).registry, 'web')
    t.strictSame(rows.map(row => row.instanceId), [...instances].sort())
  })
}

async function revisionsContract(t: Test, make: FleetFactory): Promise<void> {
  const { as, instances } = await make(t, { instances: 10, addresses: [] })
  const [one, two] = instances as [string, string]
  const { revisions } = as(one)
  let runs = 0
  const bootOf = (revision: string, appRevision: string | null = null, instanceId = one): BootOfRevision => ({ revision, appRevision, instanceId, run: `run-${(runs += 1)}` })

  await t.test('of a role that never booted there is no history', async t => {
    t.strictSame(await revisions.history('web', signal), NO_HISTORY)
  })
  await t.test('a gate that opened makes its revisions the last good ones, for every instance', async t => {
    const history = await revisions.recordGood('web', bootOf('good', 'app-1'), signal)
    t.match(lastGood(history), { revision: 'good', appRevision: 'app-1' })
    t.strictSame(await as(two).revisions.history('web', signal), history)
    t.strictSame(await revisions.history('db', signal), NO_HISTORY, 'another role has its own')
  })
  await t.test('what is known already is not written', async t => {
    const { seq } = await revisions.history('web', signal)
    t.equal((await as(two).revisions.recordGood('web', bootOf('good', 'app-1', two), signal)).seq, seq)
    t.equal((await revisions.recordGood('web', bootOf('good', 'app-2'), signal)).seq, seq + 1, 'another application is news')
  })
  await t.test('failures are counted, one for each boot, with who and why', async t => {
    const boot = bootOf('bad')
    await revisions.recordFailed('web', boot, 'nginx: no such host', signal)
    await revisions.recordFailed('web', boot, 'nginx: no such host', signal)
    const history = await revisions.history('web', signal)
    t.match(history.revisions[0], { revision: 'bad', failures: 1, goodAt: null, failed: [{ run: boot.run, instanceId: one, failure: 'nginx: no such host' }] })
    t.notOk(shouldLeave(history, 'bad', 3))
  })
  await t.test('ten that fail at once are ten failures, and all who look decide alike', async t => {
    await Promise.all(instances.map(id => as(id).revisions.recordFailed('web', bootOf('worse', null, id), 'no', signal)))
    const histories = await Promise.all(instances.map(id => as(id).revisions.history('web', signal)))
    t.equal(histories[0]?.revisions.find(record => record.revision === 'worse')?.failures, 10)
    t.ok(histories.every(history => shouldLeave(history, 'worse', 3) && lastGood(history)?.revision === 'good'))
  })
}

async function addressContract(t: Test, make: CloudFactory): Promise<void> {
  const { as, instances, allocations, advance } = await make(t, { instances: 3, addresses: [{ role: 'web' }, { role: 'web', zone: 'a' }] })
  const [one, two, three] = instances as [string, string, string]
  const [first, second] = allocations as [string, string]
  const { addresses, registry } = as(one)

  await t.test('an unknown allocation is missing', async t => {
    await t.rejects(addresses.byAllocation('eipalloc-0none', signal), { code: 'address.missing' })
  })
  await t.test('addresses are found by all of their tags, in the order of their ids', async t => {
    t.strictSame((await addresses.byTags({ role: 'web' }, signal)).map(one => one.allocationId), [first, second])
    t.strictSame((await addresses.byTags({ role: 'web', zone: 'a' }, signal)).length, 1)
    t.strictSame(await addresses.byTags({ role: 'db' }, signal), [])
  })
  await t.test('a free address is taken, and taking it twice is fine', async t => {
    await addresses.take(first, one, null, signal)
    await addresses.take(first, one, null, signal)
    t.match(await addresses.byAllocation(first, signal), { holder: one, publicIp: /\d/ })
  })
  await t.test('it is the public address of who holds it', async t => {
    const { publicIp } = await addresses.byAllocation(first, signal)
    t.equal((await as(one).metadata.identity(signal)).publicIp, publicIp)
  })
  await t.test('one that is held is not taken by who believes it free', async t => {
    await t.rejects(as(two).addresses.take(first, two, null, signal), { code: 'address.held' })
    await t.rejects(as(two).addresses.take(first, two, three, signal), { code: 'address.held' }, 'nor by who believes another to hold it')
    t.equal((await addresses.byAllocation(first, signal)).holder, one)
  })
  await t.test('it is taken from the one that holds it, when that is said', async t => {
    await as(two).addresses.take(first, two, one, signal)
    t.equal((await addresses.byAllocation(first, signal)).holder, two)
  })
  await t.test('it is given back by its holder alone', async t => {
    await addresses.release(first, one, signal)
    t.equal((await addresses.byAllocation(first, signal)).holder, two)
    await as(two).addresses.release(first, two, signal)
    t.equal((await addresses.byAllocation(first, signal)).holder, null)
  })
  await t.test('of many at once exactly one wins', async t => {
    const results = await Promise.allSettled(instances.map(id => as(id).addresses.take(second, id, null, signal)))
    const winners = instances.filter((_id, index) => results[index]?.status === 'fulfilled')
    t.strictSame(winners, [(await addresses.byAllocation(second, signal)).holder])
  })
  await t.test('an instance is alive until the opposite is proven', async t => {
    t.equal(await addresses.holderState(three, signal), 'alive', 'nothing is known of it')
    const key: RowKey = { role: 'web', instanceId: three, bootId: FIRST }
    await registry.register(key, { state: 'in-service' }, signal)
    t.equal(await addresses.holderState(three, signal), 'alive', 'it serves')
    await registry.update(key, { state: 'draining' }, signal)
    t.equal(await addresses.holderState(three, signal), 'draining')
    advance(registry.leaseMs)
    t.not(await addresses.holderState(three, signal), 'dead', 'its lease is just over: clocks may differ')
  })
}

async function resourceContract(t: Test, make: CloudFactory): Promise<void> {
  const { as, instances, allocations, machine } = await make(t, { instances: 1, addresses: [{ role: 'web' }] })
  const [instanceId] = instances as [string]
  const [allocation] = allocations as [string]
  const { addresses, registry } = as(instanceId)
  const key: RowKey = { role: 'web', instanceId, bootId: FIRST }

  await settles(t, machine, address({ addresses, instanceId, allocation }), [{ type: 'create', field: 'holder', from: null, to: instanceId }])
  await settles(t, machine, address({ addresses, instanceId, pool: { role: 'web' } }), [])
  await settles(t, machine, address({ addresses, instanceId, allocation, state: 'absent' }), [{ type: 'remove', field: allocation, from: instanceId, to: null }])
  await settles(t, machine, registration({ registry, key, attributes: { privateIp: '10.0.0.1' } }), [{ type: 'create', to: { privateIp: '10.0.0.1' } }])
  await settles(t, machine, registration({ registry, key, attributes: { privateIp: '10.0.0.2', meta: { port: 80 } } }), [
    { type: 'update', field: 'privateIp', from: '10.0.0.1', to: '10.0.0.2' },
    { type: 'create', field: 'meta', to: { port: 80 } },
  ])
  await settles(t, machine, registration({ registry, key, state: 'absent' }), [{ type: 'remove', from: instanceId }])
}

async function listed(registry: Registry, role?: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of registry.list(role, signal)) rows.push(row)
  return rows
}
