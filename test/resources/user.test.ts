import t, { type Test } from 'tap'
import { look, settle } from '../../src/engine/settle.ts'
import { group } from '../../src/resources/group.ts'
import { user } from '../../src/resources/user.ts'
import { surroundings } from '../conformance/settles.ts'
import { testMachine, type TestMachine } from '../support/machine.ts'

const PASSWD = `root:x:0:0:root:/root:/bin/bash
ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash
bob:x:1001:100::/home/bob:/bin/sh
`
const GROUP = `root:x:0:
ann:x:1000:
users:x:100:ann,bob
adm:x:4:ann
crew:x:2000:ann,bobby
empty:x:2001:
`

function staged(t: Test, files: Record<string, object> = {}): TestMachine {
  return testMachine(t, { etc: { passwd: PASSWD, group: GROUP }, ...files })
}

/** What the check finds: in a staging root users are skipped, but a check can be asked. */
function found(t: Test, resource: ReturnType<typeof user>, machine = staged(t)): Promise<unknown> {
  return Promise.resolve().then(() => look(resource, surroundings(machine, [])))
}

t.test('a user is read from /etc/passwd and /etc/group', async t => {
  t.strictSame(await found(t, user({ name: 'ann', uid: 1000, home: '/home/ann', shell: '/bin/bash', groups: ['users', 'adm', 'crew'] })), [])
  t.strictSame(await found(t, user({ name: 'bob', groups: [] })), [], 'the primary group is none of its supplementary ones')
})

t.test('each difference is a change of its own', async t => {
  t.strictSame(await found(t, user({ name: 'ann', uid: 1005, home: '/srv/ann', shell: '/bin/sh', groups: ['adm'] })), [
    { type: 'update', field: 'uid', from: 1000, to: 1005 },
    { type: 'update', field: 'home', from: '/home/ann', to: '/srv/ann' },
    { type: 'update', field: 'shell', from: '/bin/bash', to: '/bin/sh' },
    { type: 'update', field: 'groups', from: ['adm', 'crew', 'users'], to: ['adm'] },
  ])
})

t.test('a user that is missing is made; one that is to be absent goes', async t => {
  t.strictSame(await found(t, user({ name: 'cat', groups: [] })), [{ type: 'create', field: 'user', to: 'cat' }])
  t.strictSame(await found(t, user({ name: 'cat', state: 'absent' })), [])
  t.strictSame(await found(t, user({ name: 'ann', state: 'absent' })), [{ type: 'remove', field: 'user', from: 'ann' }])
})

t.test('keys are compared whole', async t => {
  const machine = staged(t, { home: { ann: { '.ssh': { authorized_keys: 'ssh-ed25519 AAAA old\n' } } } })
  t.strictSame(await found(t, user({ name: 'ann', keys: ['ssh-ed25519 BBBB new'] }), machine), [
    { type: 'update', field: 'keys', from: 'ssh-ed25519 AAAA old\n', to: 'ssh-ed25519 BBBB new\n' },
  ])
  t.strictSame(await found(t, user({ name: 'bob', keys: [] })), [], 'none are wanted, and there is no file')
})

t.test('a group that is not there is absent', async t => {
  await t.rejects(found(t, user({ name: 'ann', groups: ['nowhere'] })), { code: 'absent.group', subject: 'nowhere' })
})

t.test('a group is read from /etc/group, its members in any order', async t => {
  t.strictSame(await found(t, group({ name: 'users', gid: 100, members: ['bob', 'ann'] })), [])
  t.strictSame(await found(t, group({ name: 'empty', members: [] })), [])
  t.strictSame(await found(t, group({ name: 'crew', gid: 2005, members: ['ann'] })), [
    { type: 'update', field: 'gid', from: 2000, to: 2005 },
    { type: 'update', field: 'members', from: ['ann', 'bobby'], to: ['ann'] },
  ])
  t.strictSame(await found(t, group({ name: 'new', gid: 3000, members: ['ann'] })), [
    { type: 'create', field: 'group', to: 'new' },
    { type: 'create', field: 'gid', to: 3000 },
    { type: 'update', field: 'members', from: [], to: ['ann'] },
  ])
  t.strictSame(await found(t, group({ name: 'crew', state: 'absent' })), [{ type: 'remove', field: 'group', from: 'crew' }])
  await t.rejects(found(t, group({ name: 'crew', members: ['nobody-here'] })), { code: 'absent.user', subject: 'nobody-here' })
})

t.test('a staging root has neither', async t => {
  t.strictSame(await settle(user({ name: 'cat' }), surroundings(staged(t), [])), { outcome: 'skipped' })
  t.strictSame(await settle(group({ name: 'new' }), surroundings(staged(t), [])), { outcome: 'skipped' })
})

t.test('names and values that would break a line of those files are refused', async t => {
  for (const name of ['-r', 'a:b', 'a\nb', '', 'a'.repeat(33), '1st']) t.throws(() => user({ name }), { code: 'resource.invalid' }, JSON.stringify(name))
  t.throws(() => group({ name: 'a b' }), { code: 'resource.invalid' })
  t.throws(() => user({ name: 'ann', shell: '/bin/sh\nroot2:x:0:0' }), { code: 'resource.invalid' })
  t.throws(() => user({ name: 'ann', keys: ['one\ntwo'] }), { code: 'resource.invalid', message: /one line/ })
  t.throws(() => user({ name: 'ann', state: 'gone' as never }), { code: 'resource.invalid', message: /present, absent/ })
})
