import t from 'tap'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Addresses } from '../../src/core/cloud.ts'
import { Failure } from '../../src/core/failure.ts'
import { look, settle } from '../../src/engine/settle.ts'
import type { Event } from '../../src/core/events.ts'
import { address } from '../../src/resources/address.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { LEASE_MS, testCloud, type TestCloud } from '../support/cloud.ts'

const signal = new AbortController().signal
const ONE = [{ allocationId: 'eipalloc-1', publicIp: '192.0.2.1', tags: { role: 'web' } }]
const THREE = [1, 2, 3].map(n => ({ allocationId: `eipalloc-${n}`, publicIp: `192.0.2.${n}`, tags: { role: 'web' } }))
const quickly = { every: 1, tries: 3 }

/** i-2 holds the address, and its row says this of it. */
async function heldByTwo(cloud: TestCloud, state?: 'in-service' | 'draining' | 'failed'): Promise<void> {
  await cloud.addresses.take('eipalloc-1', 'i-2', null, signal)
  if (state) await cloud.registry.register({ role: 'web', instanceId: 'i-2', bootId: '1700000000000-a' }, { state }, signal)
}

async function outcomeOf(cloud: TestCloud, resource: ReturnType<typeof address>) {
  const events: Event[] = []
  const result = await settle(resource, surroundings(cloud.machine, events))
  return { ...result, events }
}

t.test('a free address is taken', async t => {
  const cloud = testCloud(t, ONE)
  await settles(t, cloud.machine, address({ addresses: cloud.addresses, instanceId: 'i-1', allocation: 'eipalloc-1' }), [{ type: 'create', field: 'holder', from: null, to: 'i-1' }])
})

t.test('the id says how it was chosen', async t => {
  const { addresses } = testCloud(t, ONE)
  const props = { addresses, instanceId: 'i-1' }
  t.equal(address({ ...props, allocation: 'eipalloc-1' }).id, 'address[eipalloc-1]')
  t.equal(address({ ...props, tagged: { tag: 'allocation-id', allocation: 'eipalloc-1' } }).id, 'address[tag allocation-id]')
  t.equal(address({ ...props, pool: { role: 'web', zone: 'a' } }).id, 'address[pool role=web zone=a]')
})

for (const [takeover, state, expected] of [
  ['dead', 'in-service', 'held'],
  ['dead', 'draining', 'held'],
  ['dead', 'failed', 'taken'],
  ['dead', undefined, 'held'],
  ['draining', 'in-service', 'held'],
  ['draining', 'draining', 'taken'],
  ['draining', 'failed', 'taken'],
  ['any', 'in-service', 'taken'],
] as const) {
  t.test(`takeover ${takeover}: from an owner that is ${state ?? 'unknown'} it is ${expected}`, async t => {
    const cloud = testCloud(t, ONE)
    await heldByTwo(cloud, state)
    const { outcome, failure } = await outcomeOf(cloud, address({ addresses: cloud.addresses, instanceId: 'i-1', allocation: 'eipalloc-1', takeover, ...quickly }))
    const { holder } = await cloud.addresses.byAllocation('eipalloc-1', signal)
    if (expected === 'taken') return t.strictSame([outcome, holder], ['changed', 'i-1'])
    t.equal(holder, 'i-2')
    return t.match(failure, { code: 'address.held', message: /held by i-2, which is (alive|draining) \(asked 3 times\)/, hint: /By hand: rm .*eipalloc-1.json/ })
  })
}

t.test('an owner whose lease is past by half a minute is dead; a second earlier it is not', async t => {
  const cloud = testCloud(t, ONE)
  await heldByTwo(cloud, 'in-service')
  cloud.advance(LEASE_MS + 30_000)
  t.equal(await cloud.addresses.holderState('i-2', signal), 'alive')
  cloud.advance(1)
  t.equal(await cloud.addresses.holderState('i-2', signal), 'dead')
})

t.test('an owner that serves in one role is alive, whatever it was in another', async t => {
  const cloud = testCloud(t, ONE)
  await heldByTwo(cloud, 'failed')
  await cloud.registry.register({ role: 'db', instanceId: 'i-2', bootId: '1700000000000-a' }, { state: 'in-service' }, signal)
  t.equal(await cloud.addresses.holderState('i-2', signal), 'alive')
})

t.test('an owner that lets go between two tries is followed', async t => {
  const cloud = testCloud(t, ONE)
  await heldByTwo(cloud, 'in-service')
  let asked = 0
  const addresses: Addresses = {
    ...cloud.addresses,
    async holderState(...args) {
      if (++asked === 2) await cloud.addresses.release('eipalloc-1', 'i-2', signal)
      return await cloud.addresses.holderState(...args)
    },
  }
  const { outcome, events } = await outcomeOf(cloud, address({ addresses, instanceId: 'i-1', allocation: 'eipalloc-1', ...quickly, tries: 5 }))
  t.equal(outcome, 'changed')
  t.match(events.filter(event => event.type === 'resource.output').map(event => event.text), [/held by i-2, which is alive; asking again in 0.001 s \(4 tries left\)/])
})

t.test('waiting ends with the signal, at once', async t => {
  const cloud = testCloud(t, ONE)
  await heldByTwo(cloud, 'in-service')
  const stop = new AbortController()
  const around = { ...surroundings(cloud.machine, []), signal: stop.signal, story: { run: 'x', tell: (event: { type: string }) => void (event.type === 'resource.output' && stop.abort(new Failure('signal.term', 'ended'))) } }
  const result = await settle(address({ addresses: cloud.addresses, instanceId: 'i-1', allocation: 'eipalloc-1', every: '1h' }), around)
  t.equal(result.failure?.code, 'signal.term')
})

t.test('the waits are no part of the timeout', async t => {
  const { addresses } = testCloud(t, ONE)
  t.equal(address({ addresses, instanceId: 'i-1', allocation: 'eipalloc-1', tries: 10, every: '2m' }).timeoutMs, 25 * 60_000)
  t.equal(address({ addresses, instanceId: 'i-1', allocation: 'eipalloc-1', timeout: '1s' }).timeoutMs, 1_000, 'but one that was set is kept')
})

t.test('a cloud that lags is read until it says us', async t => {
  const cloud = testCloud(t, ONE)
  let stale = 0
  const addresses: Addresses = {
    ...cloud.addresses,
    async byAllocation(...args) {
      const address = await cloud.addresses.byAllocation(...args)
      return address.holder === 'i-1' && stale++ < 2 ? { ...address, holder: null } : address
    },
  }
  t.equal((await outcomeOf(cloud, address({ addresses, instanceId: 'i-1', allocation: 'eipalloc-1' }))).outcome, 'changed')
  t.equal(stale, 3)
})

t.test('a cloud that said yes to another too is not believed', async t => {
  const cloud = testCloud(t, ONE)
  const addresses: Addresses = {
    ...cloud.addresses,
    async take(...args) {
      await cloud.addresses.take(...args)
      await cloud.addresses.take('eipalloc-1', 'i-2', 'i-1', signal)
    },
  }
  const { failure } = await outcomeOf(cloud, address({ addresses, instanceId: 'i-1', allocation: 'eipalloc-1' }))
  t.match(failure, { code: 'address.lost', message: /i-2 holds it/ })
})

t.test('a cloud whose word takes a while to settle is not believed at the first', async t => {
  const cloud = testCloud(t, ONE)
  let reads = 0
  const addresses: Addresses = {
    ...cloud.addresses,
    settlesInMs: 20,
    async byAllocation(...args) {
      const address = await cloud.addresses.byAllocation(...args)
      // The look before it is taken, and the first one after; then comes the other, who was told the same.
      if (address.holder === 'i-1' && ++reads === 2) await cloud.addresses.take('eipalloc-1', 'i-2', 'i-1', signal)
      return await cloud.addresses.byAllocation(...args)
    },
  }
  const { failure } = await outcomeOf(cloud, address({ addresses, instanceId: 'i-1', allocation: 'eipalloc-1' }))
  t.match(failure, { code: 'address.lost', message: /i-2 holds it/ })
})

t.test('a pool gives what is free, and never what is held', async t => {
  const cloud = testCloud(t, THREE)
  for (const id of ['i-1', 'i-2', 'i-3']) {
    t.equal((await outcomeOf(cloud, address({ addresses: cloud.addresses, instanceId: id, pool: { role: 'web' }, ...quickly }))).outcome, 'changed')
  }
  const holders = (await cloud.addresses.byTags({ role: 'web' }, signal)).map(one => one.holder)
  t.strictSame([...holders].sort(), ['i-1', 'i-2', 'i-3'])
  cloud.advance(10 * LEASE_MS)
  const { failure } = await outcomeOf(cloud, address({ addresses: cloud.addresses, instanceId: 'i-4', pool: { role: 'web' }, ...quickly }))
  t.match(failure, { code: 'address.held', message: /every address of the pool role=web is held: eipalloc-1 by i-\d, .*\(asked 3 times\)/ })
})

t.test('a pool goes on to the next when one was taken a moment before', async t => {
  const cloud = testCloud(t, THREE)
  const tried: string[] = []
  const addresses: Addresses = {
    ...cloud.addresses,
    async take(allocationId, ...args) {
      tried.push(allocationId)
      if (tried.length < 3) throw new Failure('address.held', 'just gone')
      await cloud.addresses.take(allocationId, ...args)
    },
  }
  t.equal((await outcomeOf(cloud, address({ addresses, instanceId: 'i-1', pool: { role: 'web' }, tries: 1 }))).outcome, 'changed')
  t.strictSame([...tried].sort(), ['eipalloc-1', 'eipalloc-2', 'eipalloc-3'])
})

t.test('instances start at different places of a pool', async t => {
  const firsts = new Set<string>()
  for (const id of ['i-1', 'i-2', 'i-3', 'i-4', 'i-5', 'i-6']) {
    const cloud = testCloud(t, THREE)
    await outcomeOf(cloud, address({ addresses: cloud.addresses, instanceId: id, pool: { role: 'web' } }))
    firsts.add((await cloud.addresses.byTags({ role: 'web' }, signal)).find(one => one.holder === id)?.allocationId ?? '')
  }
  t.ok(firsts.size > 1)
})

t.test('a pool without an address is asked as often as a full one', async t => {
  const cloud = testCloud(t, THREE)
  const { failure } = await outcomeOf(cloud, address({ addresses: cloud.addresses, instanceId: 'i-1', pool: { role: 'db' }, ...quickly }))
  t.match(failure, { code: 'address.held', message: /no address carries the tags of the pool role=db \(asked 3 times\)/ })
})

t.test('a missing or empty tag is said, and nothing is asked of the cloud', async t => {
  const cloud = testCloud(t)
  for (const allocation of [undefined, '', '  ']) {
    const { failure } = await outcomeOf(cloud, address({ addresses: cloud.addresses, instanceId: 'i-1', tagged: { tag: 'allocation-id', allocation } }))
    t.match(failure, { code: 'address.missing', message: /no tag allocation-id/, hint: /propagated/ })
  }
})

t.test('an address that does not exist is said, with the nearest', async t => {
  const cloud = testCloud(t, ONE)
  const { failure } = await outcomeOf(cloud, address({ addresses: cloud.addresses, instanceId: 'i-1', allocation: 'eipaloc-1' }))
  t.match(failure, { code: 'address.missing', hint: 'Did you mean eipalloc-1?' })
  t.notOk(existsSync(join(cloud.directory, 'lock')), 'nothing was written')
})

t.test('a plan says whom one would wait for', async t => {
  const cloud = testCloud(t, ONE)
  await heldByTwo(cloud, 'in-service')
  const resource = address({ addresses: cloud.addresses, instanceId: 'i-1', allocation: 'eipalloc-1' })
  const around = { ...surroundings(cloud.machine, []), planning: true }
  t.strictSame(await look(resource, around), [{ type: 'update', field: 'holder', from: 'i-2', to: 'i-1', reason: 'i-2 is alive: it would be waited for' }])
})

t.test('absent gives back what this instance holds, and nobody else’s', async t => {
  const cloud = testCloud(t, THREE)
  await cloud.addresses.take('eipalloc-2', 'i-1', null, signal)
  await cloud.addresses.take('eipalloc-3', 'i-2', null, signal)
  await settles(t, cloud.machine, address({ addresses: cloud.addresses, instanceId: 'i-1', pool: { role: 'web' }, state: 'absent' }), [{ type: 'remove', field: 'eipalloc-2', from: 'i-1', to: null }])
  t.equal((await cloud.addresses.byAllocation('eipalloc-3', signal)).holder, 'i-2')
})

t.test('absent is settled where there is nothing to give back', async t => {
  const cloud = testCloud(t)
  const props = { addresses: cloud.addresses, instanceId: 'i-1', state: 'absent' } as const
  await settles(t, cloud.machine, address({ ...props, allocation: 'eipalloc-9' }), [])
  await settles(t, cloud.machine, address({ ...props, tagged: { tag: 'allocation-id', allocation: undefined } }), [])
})

t.test('wrong props are refused', async t => {
  const { addresses } = testCloud(t, ONE)
  const props = { addresses, instanceId: 'i-1' }
  for (const wrong of [
    {},
    { allocation: 'eipalloc-1', pool: { role: 'web' } },
    { pool: { role: 'web' }, takeover: 'dead' },
    { allocation: 'eipalloc-1', takeover: 'alive' },
    { allocation: 'eipalloc-1', every: 'a minute' },
    { allocation: 'eipalloc-1', tries: 0 },
    { allocation: 'eipalloc-1', state: 'gone' },
    { allocation: 'eipalloc-1', evry: 1 },
  ]) {
    t.throws(() => address({ ...props, ...wrong } as never), { code: 'resource.invalid' }, JSON.stringify(wrong))
  }
})
