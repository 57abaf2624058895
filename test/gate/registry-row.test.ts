import t from 'tap'
import type { RowKey } from '../../src/core/cloud.ts'
import type { Verified } from '../../src/core/gate.ts'
import { launchHookGate } from '../../src/gate/launch-hook.ts'
import { registryRowGate } from '../../src/gate/registry-row.ts'
import { testCloud } from '../support/cloud.ts'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const verified = { checked: 3 } as unknown as Verified
const signal = new AbortController().signal
const key: RowKey = { role: 'web', instanceId: 'i-1', bootId: '1700000000000-a' }

t.test('closing makes the row where there is none: it is known before it is', async t => {
  const { registry } = testCloud(t)
  await registryRowGate({ registry, key, facts: () => ({}) }).close(signal)
  t.match(await registry.read('web', 'i-1', signal), { state: 'booting', seq: 1 })
})

t.test('opening says since when, and what it runs', async t => {
  const { registry } = testCloud(t)
  const gate = registryRowGate({ registry, key, facts: () => ({ bootedInMs: 1_234, revision: 'abc', appRevision: 'def' }) })
  await gate.close(signal)
  await registry.update(key, { failure: 'of the last run' }, signal)
  await gate.open(verified, signal)
  const row = await registry.read('web', 'i-1', signal)
  t.match(row, { state: 'in-service', bootedInMs: 1_234, revision: 'abc', appRevision: 'def' })
  t.notOk(row && 'failure' in row)
})

t.test('closing takes back what only an open gate may say, and keeps the identity', async t => {
  const { registry } = testCloud(t)
  const gate = registryRowGate({ registry, key, facts: () => ({ bootedInMs: 1_234 }) })
  await gate.close(signal)
  await registry.update(key, { privateIp: '10.0.0.1' }, signal)
  await gate.open(verified, signal)
  await gate.close(signal)
  const row = await registry.read('web', 'i-1', signal)
  t.match(row, { state: 'booting', privateIp: '10.0.0.1' })
  t.notOk(row && 'bootedInMs' in row)
})

t.test('a drain and a failure close it under their own names', async t => {
  const { registry } = testCloud(t)
  await registryRowGate({ registry, key, facts: () => ({}), closedAs: 'draining' }).close(signal)
  t.match(await registry.read('web', 'i-1', signal), { state: 'draining' })
  await registryRowGate({ registry, key, facts: () => ({}), closedAs: 'failed', failure: 'file[/etc/motd]: denied' }).close(signal)
  t.match(await registry.read('web', 'i-1', signal), { state: 'failed', failure: 'file[/etc/motd]: denied' })
})

t.test('a row that was taken away is not opened', async t => {
  const { registry } = testCloud(t)
  const gate = registryRowGate({ registry, key, facts: () => ({}) })
  await gate.close(signal)
  await registry.remove(key, signal)
  await t.rejects(gate.open(verified, signal), { code: 'registry.lost', message: /removed/ })
  t.equal(await registry.read('web', 'i-1', signal), undefined)
})

t.test('a later boot’s row is neither opened nor closed', async t => {
  const { registry } = testCloud(t)
  const gate = registryRowGate({ registry, key, facts: () => ({}) })
  await gate.close(signal)
  await registry.register({ ...key, bootId: '1700000000001-b' }, { state: 'in-service' }, signal)
  await t.rejects(gate.open(verified, signal), { code: 'registry.lost' })
  await t.rejects(gate.close(signal), { code: 'registry.lost' })
  t.match(await registry.read('web', 'i-1', signal), { bootId: '1700000000001-b', state: 'in-service' })
})

t.test('the launch hook is told once, and only where there is one', async t => {
  const { lifecycle, directory } = testCloud(t)
  const file = join(directory, 'lifecycle.json')
  await launchHookGate({ lifecycle }).open(verified, signal)
  t.notOk(existsSync(file), 'no hook: nothing is written')
  writeFileSync(file, '{"target":"InService"}')
  await launchHookGate({ lifecycle }).open(verified, signal)
  await launchHookGate({ lifecycle }).open(verified, signal)
  await launchHookGate({ lifecycle }).close(signal)
  t.match(JSON.parse(readFileSync(file, 'utf8')).answered, [{ answer: 'ready', at: /^\d{4}-/ }])
  t.equal(JSON.parse(readFileSync(file, 'utf8')).answered.length, 1)
})
