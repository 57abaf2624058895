import t from 'tap'
import type { RowKey } from '../../src/core/cloud.ts'
import { settle } from '../../src/engine/settle.ts'
import { registration } from '../../src/resources/registration.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { testCloud } from '../support/cloud.ts'

const signal = new AbortController().signal
const key: RowKey = { role: 'web', instanceId: 'i-1', bootId: '1700000000000-a' }
const LATER: RowKey = { ...key, bootId: '1700000000001-b' }
const attributes = { instanceType: 't3.micro', privateIp: '10.0.0.1', publicIp: null }

t.test('it registers as booting', async t => {
  const { registry, machine } = testCloud(t)
  await settles(t, machine, registration({ registry, key, attributes }), [{ type: 'create', to: { instanceType: 't3.micro', privateIp: '10.0.0.1' } }])
  t.match(await registry.read('web', 'i-1', signal), { state: 'booting', ...attributes, publicIp: undefined })
})

t.test('the row that the gate wrote says nothing of this instance yet', async t => {
  const { registry, machine } = testCloud(t)
  await registry.register(key, { state: 'booting' }, signal)
  await settles(t, machine, registration({ registry, key, attributes }), [{ type: 'create', to: { instanceType: 't3.micro', privateIp: '10.0.0.1' } }])
})

t.test('an instance of which nothing is known is registered by that row', async t => {
  const { registry, machine } = testCloud(t)
  await registry.register(key, { state: 'booting' }, signal)
  await settles(t, machine, registration({ registry, key }), [])
})

t.test('what belongs to the gate, the run and watch is never a change', async t => {
  const { registry, machine } = testCloud(t)
  await registry.register(key, { state: 'booting', instanceType: 't3.micro', privateIp: '10.0.0.1' }, signal)
  await registry.update(key, { state: 'in-service', load: 0.3, bootedInMs: 5, revision: 'a', appRevision: 'b', failure: 'c' }, signal)
  await settles(t, machine, registration({ registry, key, attributes }), [])
})

t.test('a changed identity is written, and the state kept', async t => {
  const { registry, machine } = testCloud(t)
  await registry.register(key, { state: 'in-service', instanceType: 't3.micro', privateIp: '10.0.0.9', publicIp: '192.0.2.1', revision: 'a' }, signal)
  await settles(t, machine, registration({ registry, key, attributes: { ...attributes, meta: { port: 80 } } }), [
    { type: 'update', field: 'privateIp', from: '10.0.0.9', to: '10.0.0.1' },
    { type: 'remove', field: 'publicIp', from: '192.0.2.1' },
    { type: 'create', field: 'meta', to: { port: 80 } },
  ])
  const row = await registry.read('web', 'i-1', signal)
  t.match(row, { state: 'in-service', revision: 'a', privateIp: '10.0.0.1', meta: { port: 80 } })
  t.notOk(row && 'publicIp' in row)
})

t.test('an earlier boot’s row is taken over, though its identity is the same', async t => {
  const { registry, machine } = testCloud(t)
  await registry.register(key, { state: 'in-service', instanceType: 't3.micro', privateIp: '10.0.0.1', revision: 'old' }, signal)
  await settles(t, machine, registration({ registry, key: LATER, attributes }), [{ type: 'create', to: { instanceType: 't3.micro', privateIp: '10.0.0.1' } }])
  const row = await registry.read('web', 'i-1', signal)
  t.match(row, { bootId: LATER.bootId, state: 'booting' })
  t.notOk(row && 'revision' in row)
})

t.test('a later boot’s row is not touched', async t => {
  const { registry, machine } = testCloud(t)
  await registry.register(LATER, { state: 'in-service', privateIp: '10.0.0.1' }, signal)
  const before = await registry.read('web', 'i-1', signal)
  for (const state of ['present', 'absent'] as const) {
    const { outcome, failure } = await settle(registration({ registry, key, attributes, state }), surroundings(machine, []))
    t.equal(outcome === 'unchanged' || failure?.code === 'registry.lost', true, state)
    t.strictSame(await registry.read('web', 'i-1', signal), before)
  }
})

t.test('absent removes the row, an earlier boot’s too', async t => {
  const { registry, machine } = testCloud(t)
  await registry.register(key, { state: 'draining' }, signal)
  await settles(t, machine, registration({ registry, key: LATER, state: 'absent' }), [{ type: 'remove', from: 'i-1' }])
  t.equal(await registry.read('web', 'i-1', signal), undefined)
})

t.test('an unknown attribute is refused', async t => {
  const { registry } = testCloud(t)
  t.throws(() => registration({ registry, key, attributes: { load: 1 } as never }), { code: 'resource.invalid', message: /"load"/ })
  t.throws(() => registration({ registry, key: { role: 'web', instanceId: 'i-1' } as never }), { code: 'resource.invalid', message: /bootId/ })
})
