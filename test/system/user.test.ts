import t from 'tap'
import { group } from '../../src/resources/group.ts'
import { user } from '../../src/resources/user.ts'
import { settles } from '../conformance/settles.ts'
import { testHost } from '../support/machine.ts'
import { settling } from '../support/settling.ts'

const ONE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJb6gH1zYw1Ck9vHq2yK0x7sJ6m3kq1cVb7d1Qv5n1aB ann@one'
const TWO = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJb6gH1zYw1Ck9vHq2yK0x7sJ6m3kq1cVb7d1Qv5n1aC ann@two'

t.test('a user is made whole: number, groups, home, shell and keys', async t => {
  const machine = testHost(t)
  await settles(t, machine, group({ name: 'crew' }), [{ type: 'create', field: 'group', to: 'crew' }])
  await settles(t, machine, user({ name: 'ann', uid: 4711, groups: ['crew', 'adm'], home: '/srv/ann', shell: '/bin/bash', keys: [ONE, TWO] }), [
    { type: 'create', field: 'user', to: 'ann' },
    { type: 'create', field: 'uid', to: 4711 },
    { type: 'create', field: 'home', to: '/srv/ann' },
    { type: 'create', field: 'shell', to: '/bin/bash' },
    { type: 'create', field: 'groups', to: ['adm', 'crew'] },
    { type: 'create', field: 'keys', to: `${ONE}\n${TWO}\n` },
  ])
  const { gid } = machine.account('ann') ?? {}
  t.match(machine.account('ann'), { uid: 4711, home: '/srv/ann', shell: '/bin/bash' })
  t.equal(machine.groupOf(gid as number)?.name, 'ann', 'with a primary group of its own')
  t.match(machine.stat('/srv/ann/.ssh'), { kind: 'directory', mode: '0700', uid: 4711, gid })
  t.match(machine.stat('/srv/ann/.ssh/authorized_keys'), { kind: 'file', mode: '0600', uid: 4711, gid })
  t.equal((await machine.probe(['passwd', '--status', 'ann'])).stdout.split(' ')[1], 'L', 'nobody logs in with a password')
})

t.test('what is not named stays as it is', async t => {
  await settles(t, testHost(t), user({ name: 'ann' }), [])
})

t.test('its groups and keys are exactly those', async t => {
  const machine = testHost(t)
  await settles(t, machine, user({ name: 'ann', groups: ['crew'], keys: [TWO] }), [
    { type: 'update', field: 'groups', from: ['adm', 'crew'], to: ['crew'] },
    { type: 'update', field: 'keys', from: `${ONE}\n${TWO}\n`, to: `${TWO}\n` },
  ])
  await settles(t, machine, user({ name: 'ann', groups: [] }), [{ type: 'update', field: 'groups', from: ['crew'], to: [] }])
})

t.test('keys that others could write are made the user\'s own again', async t => {
  const machine = testHost(t)
  machine.setMode('/srv/ann/.ssh', '0777')
  await settles(t, machine, user({ name: 'ann', keys: [TWO] }), [{ type: 'update', field: 'keys', reason: 'owner or mode of ~/.ssh are not as sshd wants them' }])
  t.equal(machine.stat('/srv/ann/.ssh')?.mode, '0700')
})

t.test('keys are not written through a link', async t => {
  const machine = testHost(t, { elsewhere: {} })
  machine.remove('/srv/ann/.ssh')
  machine.link('/srv/ann/.ssh', `${machine.dir}/elsewhere`)
  const resource = user({ name: 'ann', keys: [ONE] })
  await t.rejects(settling(machine, resource), { code: 'file.kind' })
  t.strictSame(machine.list(`${machine.dir}/elsewhere`), [])
  machine.remove('/srv/ann/.ssh')
})

t.test('home and shell can change, and the files move along', async t => {
  const machine = testHost(t)
  machine.write('/srv/ann/note', 'mine\n')
  await settles(t, machine, user({ name: 'ann', home: '/home/ann', shell: '/bin/sh' }), [
    { type: 'update', field: 'home', from: '/srv/ann', to: '/home/ann' },
    { type: 'update', field: 'shell', from: '/bin/bash', to: '/bin/sh' },
  ])
  t.equal(machine.readText('/home/ann/note'), 'mine\n')
})

t.test('a user whose group is there already gets that one', async t => {
  const machine = testHost(t)
  await settles(t, machine, group({ name: 'bob', gid: 4800 }), [
    { type: 'create', field: 'group', to: 'bob' },
    { type: 'create', field: 'gid', to: 4800 },
  ])
  await settles(t, machine, user({ name: 'bob' }), [{ type: 'create', field: 'user', to: 'bob' }])
  t.equal(machine.account('bob')?.gid, 4800)
})

t.test('a group that is not there is absent', async t => {
  const machine = testHost(t)
  const before = machine.readText('/etc/passwd')
  await t.rejects(settling(machine, user({ name: 'cat', groups: ['nowhere'] })), { code: 'absent.group', subject: 'nowhere' })
  t.equal(machine.readText('/etc/passwd'), before)
})

t.test('a user can go, and its files stay', async t => {
  const machine = testHost(t)
  await settles(t, machine, user({ name: 'ann', state: 'absent' }), [{ type: 'remove', field: 'user', from: 'ann' }])
  await settles(t, machine, user({ name: 'ann', state: 'absent' }), [])
  t.equal(machine.readText('/home/ann/note'), 'mine\n')
})
