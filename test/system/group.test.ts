import t from 'tap'
import { group } from '../../src/resources/group.ts'
import { user } from '../../src/resources/user.ts'
import { settles } from '../conformance/settles.ts'
import { testHost } from '../support/machine.ts'

t.test('a group is made with its number and members', async t => {
  const machine = testHost(t)
  await settles(t, machine, user({ name: 'ann' }), [{ type: 'create', field: 'user', to: 'ann' }])
  await settles(t, machine, group({ name: 'crew', gid: 4711, members: ['ann', 'daemon'] }), [
    { type: 'create', field: 'group', to: 'crew' },
    { type: 'create', field: 'gid', to: 4711 },
    { type: 'update', field: 'members', from: [], to: ['ann', 'daemon'] },
  ])
  t.strictSame(machine.group('crew'), { name: 'crew', gid: 4711, members: ['ann', 'daemon'] })
})

t.test('its members are exactly those, and may be none', async t => {
  const machine = testHost(t)
  await settles(t, machine, group({ name: 'crew', members: ['daemon'] }), [{ type: 'update', field: 'members', from: ['ann', 'daemon'], to: ['daemon'] }])
  await settles(t, machine, group({ name: 'crew', members: [] }), [{ type: 'update', field: 'members', from: ['daemon'], to: [] }])
  t.strictSame(machine.group('crew')?.members, [])
})

t.test('its number can change', async t => {
  const machine = testHost(t)
  await settles(t, machine, group({ name: 'crew', gid: 4712 }), [{ type: 'update', field: 'gid', from: 4711, to: 4712 }])
})

t.test('a group can go, and is gone then', async t => {
  const machine = testHost(t)
  await settles(t, machine, group({ name: 'crew', state: 'absent' }), [{ type: 'remove', field: 'group', from: 'crew' }])
  await settles(t, machine, group({ name: 'crew', state: 'absent' }), [])
})
