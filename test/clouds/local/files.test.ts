import t from 'tap'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reveal } from '../../../src/core/secret.ts'
import { testCloud } from '../../support/cloud.ts'
import { treeOf } from '../../support/tree.ts'

const signal = new AbortController().signal
const key = { role: 'web', instanceId: 'i-1', bootId: '1700000000000-a' }
const ONE = [{ allocationId: 'eipalloc-1', publicIp: '192.0.2.1', tags: { role: 'web' } }]

t.test('a row is the file registry/<role>/<instance id>.json, with the table’s attributes', async t => {
  const cloud = testCloud(t)
  const row = await cloud.registry.register(key, { state: 'booting', privateIp: '10.0.0.1', meta: { port: 80 } }, signal)
  t.strictSame(JSON.parse(readFileSync(join(cloud.directory, 'registry/web/i-1.json'), 'utf8')), {
    role: 'web', instanceId: 'i-1', bootId: '1700000000000-a', seq: 1, state: 'booting', leaseUntil: row.leaseUntil, expiresAt: row.expiresAt, privateIp: '10.0.0.1', meta: { port: 80 },
  })
  t.strictSame(readdirSync(join(cloud.directory, 'registry/web')), ['i-1.json'], 'nothing is left beside it')
})

t.test('reading writes nothing, nor makes the directory', async t => {
  const cloud = testCloud(t)
  const before = treeOf(cloud.directory)
  await cloud.registry.read('web', 'i-1', signal)
  for await (const row of cloud.registry.list(undefined, signal)) t.fail(row.instanceId)
  await cloud.addresses.byTags({ role: 'web' }, signal)
  await cloud.addresses.holderState('i-2', signal)
  await cloud.lifecycle.target(signal)
  await cloud.metadata.identity(signal)
  t.strictSame(treeOf(cloud.directory), before)
})

for (const [what, text] of [
  ['torn', '{"role":"web","instanceId":"i-1","bootId":"17000'],
  ['empty', ''],
  ['a list', '[]'],
  ['another instance’s', '{"role":"web","instanceId":"i-2","bootId":"1700000000000-a","seq":1,"state":"booting","leaseUntil":1,"expiresAt":1}'],
  ['of an unknown state', '{"role":"web","instanceId":"i-1","bootId":"1700000000000-a","seq":1,"state":"fine","leaseUntil":1,"expiresAt":1}'],
  ['without a seq', '{"role":"web","instanceId":"i-1","bootId":"1700000000000-a","state":"booting","leaseUntil":1,"expiresAt":1}'],
] as const) {
  t.test(`a row that is ${what} is an error that names the file, and is not written over`, async t => {
    const cloud = testCloud(t)
    const file = join(cloud.directory, 'registry/web/i-1.json')
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, text)
    await t.rejects(cloud.registry.read('web', 'i-1', signal), { code: 'cloud.invalid', message: new RegExp(file), hint: /remove/ })
    await t.rejects(cloud.registry.register(key, { state: 'booting' }, signal), { code: 'cloud.invalid' })
    t.equal(readFileSync(file, 'utf8'), text)
  })
}

t.test('files of other names are no rows', async t => {
  const cloud = testCloud(t)
  await cloud.registry.register(key, { state: 'booting' }, signal)
  writeFileSync(join(cloud.directory, 'registry/web/.i-2.json.new'), '{"ro')
  writeFileSync(join(cloud.directory, 'registry/web/README'), 'hello')
  const ids: string[] = []
  for await (const row of cloud.registry.list(undefined, signal)) ids.push(row.instanceId)
  t.strictSame(ids, ['i-1'])
})

t.test('no name leads out of the directory', async t => {
  const { registry, addresses } = testCloud(t, ONE)
  await t.rejects(registry.register({ ...key, instanceId: '../../x' }, { state: 'booting' }, signal), { code: 'cloud.invalid' })
  await t.rejects(registry.register({ ...key, role: '..' }, { state: 'booting' }, signal), { code: 'cloud.invalid' })
  await t.rejects(addresses.take('../x', 'i-1', null, signal), { code: 'cloud.invalid' })
})

t.test('a holder’s file that is torn is an error that names it', async t => {
  const cloud = testCloud(t, ONE)
  mkdirSync(join(cloud.directory, 'addresses'))
  for (const text of ['{"holder":"i-', '{}']) {
    writeFileSync(join(cloud.directory, 'addresses/eipalloc-1.json'), text)
    await t.rejects(cloud.addresses.byAllocation('eipalloc-1', signal), { code: 'cloud.invalid', message: /eipalloc-1.json/ })
  }
})

t.test('an instance has one address: a second takes the place of the first', async t => {
  const cloud = testCloud(t, [...ONE, { allocationId: 'eipalloc-2', publicIp: '192.0.2.2' }])
  await cloud.addresses.take('eipalloc-1', 'i-1', null, signal)
  await cloud.addresses.take('eipalloc-2', 'i-1', null, signal)
  t.equal((await cloud.addresses.byAllocation('eipalloc-1', signal)).holder, null)
  t.equal((await cloud.metadata.identity(signal)).publicIp, '192.0.2.2')
})

for (const [what, text, message] of [
  ['no list', 'eipalloc-1: 192.0.2.1\n', /addresses.yaml:1: a list of addresses/],
  ['an unknown key', '- allocationId: eipalloc-1\n  ip: 192.0.2.1\n', /addresses.yaml:2: there is no key "ip"/],
  ['no allocation id', '- publicIp: 192.0.2.1\n', /addresses.yaml:1: "allocationId" must be/],
  ['an address that is none', '- allocationId: eipalloc-1\n  publicIp: here\n', /addresses.yaml:2: "publicIp" must be an IP address, found "here"/],
  ['a tag that is a number', '- allocationId: e-1\n  publicIp: 192.0.2.1\n  tags: { n: 1 }\n', /addresses.yaml:3: the tag "n" must be a text/],
  ['one twice', '- { allocationId: e-1, publicIp: 192.0.2.1 }\n- { allocationId: e-1, publicIp: 192.0.2.2 }\n', /addresses.yaml:2: e-1 stands there twice/],
  ['bad YAML', '- [\n', /addresses.yaml:\d: flow sequence/],
] as const) {
  t.test(`addresses.yaml with ${what} is refused with its line`, async t => {
    const cloud = testCloud(t)
    writeFileSync(join(cloud.directory, 'addresses.yaml'), text)
    const error = await cloud.addresses.byAllocation('eipalloc-1', signal).catch((reason: unknown) => reason)
    t.match(error, { name: 'Failure', code: 'cloud.invalid', message })
  })
}

t.test('the group hears of a failure, hook or not, and keeps its target', async t => {
  const cloud = testCloud(t)
  await cloud.lifecycle.failed('file[/etc/motd]: denied', signal)
  await cloud.lifecycle.ready(signal)
  const { target, hook, answered } = JSON.parse(readFileSync(join(cloud.directory, 'lifecycle.json'), 'utf8'))
  t.match([target, hook, answered], ['InService', false, [{ answer: 'failed', reason: 'file[/etc/motd]: denied', at: String }]])
  t.equal(answered.length, 1, 'ready has nobody to tell')
})

t.test('a hook hears ready, failed and left in their order', async t => {
  const cloud = testCloud(t)
  writeFileSync(join(cloud.directory, 'lifecycle.json'), '{"target":"Warmed:Stopped"}')
  t.equal(await cloud.lifecycle.target(signal), 'Warmed:Stopped')
  await cloud.lifecycle.ready(signal)
  await cloud.lifecycle.failed('no', signal)
  await cloud.lifecycle.left(signal)
  await cloud.lifecycle.left(signal)
  t.strictSame(JSON.parse(readFileSync(join(cloud.directory, 'lifecycle.json'), 'utf8')).answered.map((one: { answer: string }) => one.answer), ['ready', 'failed', 'left'])
})

t.test('a lifecycle file of somebody else is an error that names it', async t => {
  const cloud = testCloud(t)
  for (const text of ['{', '{"target":7}', '{"hook":"yes"}', '{"answered":{}}']) {
    writeFileSync(join(cloud.directory, 'lifecycle.json'), text)
    await t.rejects(cloud.lifecycle.target(signal), { code: 'cloud.invalid', message: /lifecycle.json/ }, text)
  }
})

t.test('a parameter is a secret', async t => {
  const cloud = testCloud(t)
  writeFileSync(join(cloud.directory, 'parameters.yaml'), '/app/key: "hunter2"\n')
  const secret = await cloud.secrets.read('/app/key', signal)
  t.equal(reveal(secret), 'hunter2')
  t.equal(String(secret), '[secret]')
})

t.test('a missing parameter is said, with what to write', async t => {
  const cloud = testCloud(t)
  await t.rejects(cloud.secrets.read('/app/key', signal), { code: 'secret.missing', hint: /\/app\/key: / })
  t.notOk(existsSync(join(cloud.directory, 'parameters.yaml')))
})

t.test('no complaint about the parameters quotes them', async t => {
  const cloud = testCloud(t)
  for (const text of ['/app/key: 4711471147\n', '4711471147\n', '/app/key: [4711471147\n', '/app/key: "a" {4711471147}\n', '/app/key: !<4711471147\n', '*4711471147\n']) {
    writeFileSync(join(cloud.directory, 'parameters.yaml'), text)
    const error = await cloud.secrets.read('/app/key', signal).catch((reason: unknown) => reason as Error & { hint?: string })
    t.ok(error instanceof Error, text)
    t.notMatch([String((error as Error).stack), String((error as { hint?: string }).hint), String((error as Error).cause)].join('\n'), '4711471147', text)
  }
})
