import { chmodSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { makeSecret } from '../../src/core/secret.ts'
import { settle } from '../../src/engine/settle.ts'
import { file } from '../../src/resources/file.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { onlyRootSetsOwners, testHost, testMachine, type TestMachine } from '../support/machine.ts'
import { treeOf } from '../support/tree.ts'

const NODE = process.execPath

t.test('a new file is created, with the directories it needs', async t => {
  const machine = testMachine(t)
  await settles(t, machine, file({ path: '/etc/app/conf.d/a.conf', content: 'a\n' }), [
    { type: 'create', field: 'content', to: 'a\n', reason: 'makes /etc, /etc/app, /etc/app/conf.d' },
  ])
  t.equal(machine.stat('/etc/app/conf.d/a.conf')?.mode, '0644')
  t.equal(machine.stat('/etc/app')?.mode, '0755')
})

t.test('a file with other content is replaced', async t => {
  const machine = testMachine(t, { etc: { motd: 'old\n' } })
  await settles(t, machine, file({ path: '/etc/motd', content: 'new\n' }), [{ type: 'update', field: 'content', from: 'old\n', to: 'new\n' }])
})

t.test('content of the same length is compared, not guessed', async t => {
  const machine = testMachine(t, { f: 'über' })
  await settles(t, machine, file({ path: '/f', content: 'uber!' }), [{ type: 'update', field: 'content', from: 'über', to: 'uber!' }])
})

t.test('a file that is as it should be is left alone', async t => {
  const machine = testMachine(t, { etc: { motd: 'same\n' } })
  await settles(t, machine, file({ path: '/etc/motd', content: 'same\n' }), [])
})

t.test('an empty file is a content, too', async t => {
  const machine = testMachine(t)
  await settles(t, machine, file({ path: '/empty', content: '' }), [{ type: 'create', field: 'content', to: '' }])
})

t.test('a wrong mode alone is set without rewriting the file', async t => {
  const machine = testMachine(t, { f: 'x' })
  chmodSync(`${machine.dir}/f`, 0o600)
  const ino = machine.stat('/f')?.ino
  await settles(t, machine, file({ path: '/f', content: 'x', mode: '755' }), [{ type: 'update', field: 'mode', from: '0600', to: '0755' }])
  t.equal(machine.stat('/f')?.ino, ino)
})

t.test('a mode that is not asked for stays when the content is replaced', async t => {
  const machine = testMachine(t, { f: 'old' })
  chmodSync(`${machine.dir}/f`, 0o641)
  await settles(t, machine, file({ path: '/f', content: 'new' }), [{ type: 'update', field: 'content', from: 'old', to: 'new' }])
  t.equal(machine.stat('/f')?.mode, '0641')
})

t.test('owner and group are changed, each as a change, and the set-id bits survive it', { skip: onlyRootSetsOwners }, async t => {
  const machine = testMachine(t, { f: 'x', etc: { passwd: 'root:x:0:0::/:/bin/sh\napp:x:500:500::/:/bin/sh\n', group: 'root:x:0:\napp:x:500:\n' } })
  chmodSync(`${machine.dir}/f`, 0o4755)
  await settles(t, machine, file({ path: '/f', content: 'x', mode: '4755', owner: 'app', group: 'app' }), [
    { type: 'update', field: 'owner', from: 'root', to: 'app' },
    { type: 'update', field: 'group', from: 'root', to: 'app' },
  ])
  t.equal(machine.stat('/f')?.mode, '4755')
})

t.test('an owner that is not asked for stays when the content is replaced', { skip: onlyRootSetsOwners }, async t => {
  const machine = testMachine(t, { f: 'old' })
  machine.setOwner('/f', '+500', '+501')
  await settles(t, machine, file({ path: '/f', content: 'new' }), [{ type: 'update', field: 'content', from: 'old', to: 'new' }])
  t.match(machine.stat('/f'), { uid: 500, gid: 501 })
})

t.test('an unknown owner or group is absent, with its name as the subject', async t => {
  const machine = testHost(t)
  await fails(t, machine, file({ path: `${machine.dir}/f`, content: '', owner: 'nobody-is-called-so' }), { code: 'absent.user', subject: 'nobody-is-called-so' })
  await fails(t, machine, file({ path: `${machine.dir}/f`, content: '', group: 'no-group-is-called-so' }), { code: 'absent.group' })
})

t.test('a directory in its place is refused, and stays', async t => {
  const machine = testMachine(t, { f: { precious: '' } })
  await fails(t, machine, file({ path: '/f', content: '' }), { code: 'file.kind', message: /\/f should be a file, but is a directory/ })
})

t.test('a file where a directory is needed is refused before anything is made', async t => {
  const machine = testMachine(t, { etc: '' })
  await fails(t, machine, file({ path: '/etc/app/conf', content: '' }), { code: 'file.kind', message: /\/etc is not a directory/ })
})

t.test('a link in its place is replaced, and what it led to stays', async t => {
  const machine = testMachine(t, { target: 'kept\n', f: t.fixture('symlink', 'target') })
  await settles(t, machine, file({ path: '/f', content: 'new\n' }), [
    { type: 'remove', field: 'link', from: 'target' },
    { type: 'create', field: 'content', to: 'new\n' },
  ])
  t.equal(machine.readText('/target'), 'kept\n')
})

t.test('binary content is described, not dumped', async t => {
  const machine = testMachine(t)
  writeFileSync(`${machine.dir}/f`, Buffer.from([0xff, 0x00, 0x01]))
  await settles(t, machine, file({ path: '/f', content: 'text\n' }), [{ type: 'update', field: 'content', to: 'text\n', reason: 'it replaces 3 bytes that are no text' }])
})

t.test('a long file is counted, not shown', async t => {
  const machine = testMachine(t, { f: 'x'.repeat(600_000) })
  await settles(t, machine, file({ path: '/f', content: 'y'.repeat(700_000) }), [{ type: 'update', field: 'content', reason: 'it replaces 600000 bytes', to: '(700000 bytes)' }])
})

t.test('what others may not read is not shown when it is replaced', async t => {
  const machine = testMachine(t, { f: 'password: old\n' })
  chmodSync(`${machine.dir}/f`, 0o640)
  await settles(t, machine, file({ path: '/f', content: 'no password\n' }), [
    { type: 'update', field: 'content', to: 'no password\n', reason: 'what it replaces is not shown: others may not read it' },
  ])
})

t.test('a secret is written for its owner alone, and shown to nobody', async t => {
  const machine = testMachine(t, { f: 'swordfish-1' })
  await settles(t, machine, file({ path: '/new', content: makeSecret('swordfish-2\n') }), [{ type: 'create', field: 'content', secret: true }, { type: 'create', field: 'mode', to: '0600' }], { secrets: ['swordfish'] })
  t.equal(machine.readText('/new'), 'swordfish-2\n')
  t.equal(machine.stat('/new')?.mode, '0600')
  chmodSync(`${machine.dir}/f`, 0o644)
  await settles(
    t,
    machine,
    file({ path: '/f', content: makeSecret('swordfish-3') }),
    [
      { type: 'update', field: 'content', secret: true },
      { type: 'update', field: 'mode', from: '0644', to: '0600' },
    ],
    { secrets: ['swordfish'] },
  )
})

t.test('verify sees the new content, under its ending, before it replaces the old', async t => {
  const machine = testMachine(t, { etc: { 'a.conf': 'old\n' } })
  const script = 'const [path] = process.argv.slice(1), { readFileSync } = require("node:fs"); if (readFileSync(path, "utf8") !== "new\\n" || !path.endsWith("a.conf")) process.exit(1); if (readFileSync(process.env.SUNUP_ROOT + "/etc/a.conf", "utf8") !== "old\\n") process.exit(2)'
  await settles(t, machine, file({ path: '/etc/a.conf', content: 'new\n', verify: [NODE, '-e', script, '{path}'] }), [{ type: 'update', field: 'content', from: 'old\n', to: 'new\n' }])
  t.strictSame(machine.list('/etc'), ['a.conf'])
})

t.test('what verify refuses does not replace the old, and is told with what it said', async t => {
  const machine = testMachine(t, { etc: { 'a.conf': 'old\n' } })
  await fails(t, machine, file({ path: '/etc/a.conf', content: 'new\n', verify: [NODE, '-e', 'console.error("line 1 is bad"); process.exit(1)', '{path}'] }), {
    code: 'file.refused',
    message: /\/etc\/a\.conf/,
    output: /line 1 is bad/,
  }, ['etc/a.conf'])
  t.strictSame(machine.list('/etc'), ['a.conf'])
})

t.test('what verify says of a secret is not passed on', async t => {
  const machine = testMachine(t)
  const quoting = 'console.error(require("node:fs").readFileSync(process.argv[1], "utf8")); process.exit(1)'
  const { failure, events } = await attempt(machine, file({ path: '/f', content: makeSecret('swordfish'), verify: [NODE, '-e', quoting, '{path}'] }))
  t.equal(failure?.code, 'file.refused')
  t.notMatch(JSON.stringify([failure, failure?.output, events]), /swordfish/)
})

t.test('a verify that can not be run leaves the old file and nothing beside it', async t => {
  const machine = testMachine(t, { f: 'old' })
  await fails(t, machine, file({ path: '/f', content: 'new', verify: ['no-such-checker', '{path}'] }), { code: 'absent.command' }, ['f'])
  t.strictSame(machine.list('/'), ['f'])
})

t.test('what a kill left of a verify is removed, also when none is asked for any more', async t => {
  const machine = testMachine(t, { etc: { '.sunup-verify-f': 'half', '.sunup-new-.sunup-verify-f': '' } })
  await settles(t, machine, file({ path: '/etc/f', content: 'new' }), [{ type: 'create', field: 'content', to: 'new' }])
  t.strictSame(machine.list('/etc'), ['f'])
})

t.test('a backup keeps what was replaced, as many as asked for', async t => {
  const machine = testMachine(t, { f: 'one' })
  const step = (content: string) => settle(file({ path: '/f', content, backup: 2 }), surroundings(machine, []))
  for (const content of ['two', 'three', 'four']) await step(content)
  t.strictSame(machine.list('/'), ['f', 'f.sunup-2', 'f.sunup-3'])
  t.strictSame(['/f', '/f.sunup-2', '/f.sunup-3'].map(path => machine.readText(path)), ['four', 'two', 'three'])
})

t.test('a backup has the mode of what it keeps', async t => {
  const machine = testMachine(t, { f: 'old' })
  chmodSync(`${machine.dir}/f`, 0o600)
  await settles(t, machine, file({ path: '/f', content: 'new', mode: '0644', backup: true }), [
    { type: 'update', field: 'content', to: 'new', reason: 'what it replaces is not shown: others may not read it' },
    { type: 'update', field: 'mode', from: '0600', to: '0644' },
  ])
  t.equal(machine.stat('/f.sunup-1')?.mode, '0600')
})

t.test('what types would refuse is refused without them', async t => {
  const bad = (props: object) => () => file(props as never)
  t.throws(bad({ path: 'etc/motd', content: '' }), { code: 'resource.invalid', message: /"path" must be an absolute path/ })
  for (const [path, hint] of [['/a/./b', '/a/b'], ['//a', '/a'], ['/a/', '/a'], ['/a/../b', '/b']]) {
    t.throws(bad({ path, content: '' }), { code: 'resource.invalid', message: /"path" must be an absolute path in its plain form, found/, hint: `Did you mean ${hint}?` })
  }
  t.throws(bad({ path: '/f' }), { code: 'resource.invalid', message: /"content" is missing/ })
  t.throws(bad({ path: '/f', content: '', mod: '0644' }), { code: 'resource.invalid', hint: 'Did you mean mode?' })
  t.throws(bad({ path: '/f', content: '', mode: 644 }), { code: 'resource.invalid', message: /octal/ })
  t.throws(bad({ path: '/f', content: '', verify: ['nginx', '-t'] }), { code: 'resource.invalid', message: /\{path\}/ })
  t.throws(bad({ path: '/f', content: '', backup: -1 }), { code: 'resource.invalid', message: /"backup"/ })
})

async function attempt(machine: TestMachine, resource: ReturnType<typeof file>) {
  const events: Parameters<typeof surroundings>[1] = []
  const { failure } = await settle(resource, surroundings(machine, events))
  return { failure, events }
}

/** It fails so, and touches nothing; where a verify was run beside a file, that file at least. */
async function fails(t: Parameters<typeof settles>[0], machine: TestMachine, resource: ReturnType<typeof file>, expected: object, kept?: readonly string[]): Promise<void> {
  const lines = () => Object.entries(treeOf(machine.dir)).filter(([name]) => kept === undefined || kept.includes(name.slice(2)))
  const before = lines()
  const { failure } = await attempt(machine, resource)
  t.match(failure, expected)
  t.strictSame(lines(), before, 'nothing was touched')
}
