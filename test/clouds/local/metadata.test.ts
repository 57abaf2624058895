import t from 'tap'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Instance } from '../../../src/core/instance.ts'
import { cloudIn, testCloud } from '../../support/cloud.ts'

const signal = new AbortController().signal

function identity(t: Test, text: string): Promise<Instance> {
  const dir = t.testdir({ 'instance.yaml': text })
  return cloudIn(join(dir, 'cloud'), join(dir, 'instance.yaml')).metadata.identity(signal)
}

t.test('what is not written down is null', async t => {
  t.strictSame(await identity(t, 'id: i-1\nsecurityGroups: [web]\n'), {
    id: 'i-1', type: null, region: null, zone: null, privateIp: null, publicIp: null, publicHostname: null, securityGroups: ['web'], tags: {},
  })
})

t.test('all of it', async t => {
  const all = {
    id: 'i-1', type: 't3.micro', region: 'eu-west-1', zone: 'eu-west-1a', privateIp: '10.0.0.1', publicIp: '192.0.2.9', publicHostname: 'web.example.com',
    securityGroups: ['web', 'ssh'], tags: { 'allocation-id': 'eipalloc-1' },
  }
  t.strictSame(await identity(t, JSON.stringify(all)), all)
})

t.test('no security groups is an answer, when it is said', async t => {
  t.strictSame((await identity(t, 'id: i-1\nsecurityGroups: []\n')).securityGroups, [])
})

t.test('the address that the instance holds stands in for the written one', async t => {
  const cloud = testCloud(t, [{ allocationId: 'eipalloc-1', publicIp: '192.0.2.1' }])
  t.equal((await cloud.metadata.identity(signal)).publicIp, null)
  await cloud.addresses.take('eipalloc-1', 'i-1', null, signal)
  t.equal((await cloud.metadata.identity(signal)).publicIp, '192.0.2.1')
  t.equal((await cloud.as('i-2').metadata.identity(signal)).publicIp, null)
})

t.test('an absent file says what the least is', async t => {
  await t.rejects(cloudIn(t.testdir({}), '/nowhere/instance.yaml').metadata.identity(signal), { code: 'instance.missing', message: /\/nowhere\/instance.yaml/, hint: /securityGroups: \[web\]/ })
})

for (const [what, text, message, hint] of [
  ['an unknown key', 'id: i-1\nsecurityGroup: [web]\n', /instance.yaml:2: there is no key "securityGroup"/, /Did you mean securityGroups/],
  ['missing groups', 'id: i-1\ntype: t3.micro\n', /instance.yaml:1: "securityGroups" is missing/, /securityGroups: \[web\]/],
  ['groups that are no list', 'id: i-1\nsecurityGroups: web\n', /instance.yaml:2: "securityGroups" must be a list of names, found "web"/, /\[web\]/],
  ['a group that is no name', 'id: i-1\nsecurityGroups:\n  - web\n  - 7\n', /instance.yaml:4: a security group must be a name, found 7/, /quotes: "7"/],
  ['a missing id', 'securityGroups: [web]\n', /:1: "id" is missing/, /id: i-local/],
  ['an id that is a path', 'securityGroups: [web]\nid: ../../etc\n', /:2: "id" must be letters/, undefined],
  ['a number for a text', 'id: i-1\nsecurityGroups: [web]\ntype: 3\n', /:3: "type" must be a text, found 3/, /quotes/],
  ['an address that is none', 'id: i-1\nsecurityGroups: [web]\nprivateIp: 10.0.0\n', /:3: "privateIp" must be an IP address, found "10.0.0"/, undefined],
  ['tags that are a list', 'id: i-1\nsecurityGroups: [web]\ntags: [a]\n', /:3: "tags" must be a mapping/, undefined],
  ['a tag that is a number', 'id: i-1\nsecurityGroups: [web]\ntags:\n  a: x\n  build: 42\n', /:5: the tag "build" must be a text, found 42/, /quotes: "42"/],
  ['an empty file', '', /:1: an instance file is a mapping, found nothing/, /The least is/],
  ['a list', '- a\n', /:1: an instance file is a mapping, found a list/, /The least is/],
  ['bad YAML', 'id: i-1\nsecurityGroups: [web\n', /instance.yaml:\d: flow sequence/, undefined],
  ['a key twice', 'id: i-1\nsecurityGroups: [web]\nid: i-2\n', /:3: map keys must be unique/, 'Keep one of the two.'],
  ['two documents', 'id: i-1\nsecurityGroups: [web]\n---\nid: i-2\n', /:3: a second document begins/, /Keep one document/],
  ['aliases without end', `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n`, /more than 100000 values/, /Aliases of aliases/],
] as const) {
  t.test(`${what} is refused with its line`, async t => {
    const error = await identity(t, text).catch((reason: unknown) => reason)
    t.match(error, { name: 'Failure', code: 'instance.invalid', message, hint })
  })
}

t.test('a directory in its place can’t be read', async t => {
  const dir = t.testdir({ 'instance.yaml': {} })
  await t.rejects(cloudIn(dir, join(dir, 'instance.yaml')).metadata.identity(signal), { code: 'file.denied' })
})

t.test('an aborted signal ends it', async t => {
  const cloud = testCloud(t)
  await t.rejects(cloud.metadata.identity(AbortSignal.abort(new Error('stop'))), { message: 'stop' })
})

t.test('an instance file that is no UTF-8 is refused, with its line', async t => {
  const latin = Buffer.from('id: i-1\nsecurityGroups: [caf\xe9]\n', 'latin1') as unknown as string
  await t.rejects(identity(t, latin), { code: 'instance.invalid', message: /instance\.yaml:2: bytes that are no UTF-8 text/ })
})

t.test('an id that can’t be the name of a directory is refused', async t => {
  for (const id of ['a/b', '.', '..', '../x', '"a\\u0007b"', '"a\\n"', 'x'.repeat(256)]) {
    await t.rejects(identity(t, `id: ${id}\nsecurityGroups: []\n`), { code: 'instance.invalid', message: /instance\.yaml:1: "id"/ }, id)
  }
  t.equal((await identity(t, `id: ${'x'.repeat(200)}\nsecurityGroups: []\n`)).id.length, 200)
})
