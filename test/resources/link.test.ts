import t from 'tap'
import { look } from '../../src/engine/settle.ts'
import { link } from '../../src/resources/link.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { testMachine } from '../support/machine.ts'

t.test('a link is made, with the directories it needs, whether or not it leads anywhere', async t => {
  const machine = testMachine(t)
  await settles(t, machine, link({ path: '/srv/app/current', to: 'releases/1' }), [{ type: 'create', field: 'to', to: 'releases/1', reason: 'makes /srv, /srv/app' }])
  t.equal(machine.readLink('/srv/app/current'), 'releases/1')
})

t.test('a link that leads elsewhere is swung', async t => {
  const machine = testMachine(t, { one: {}, two: {}, current: t.fixture('symlink', 'one') })
  await settles(t, machine, link({ path: '/current', to: '/two' }), [{ type: 'update', field: 'to', from: 'one', to: '/two' }])
  t.strictSame(machine.list('/one'), [])
})

t.test('a link that is as it should be is left alone', async t => {
  await settles(t, testMachine(t, { current: t.fixture('symlink', 'one') }), link({ path: '/current', to: 'one' }), [])
})

t.test('a file or directory in its place is refused', async t => {
  const machine = testMachine(t, { f: '', d: {} })
  const check = (path: string) => async () => look(link({ path, to: 'x' }), surroundings(machine, []))
  await t.rejects(check('/f'), { code: 'file.kind', message: /is a file/ })
  await t.rejects(check('/d'), { code: 'file.kind', message: /is a directory/ })
})

t.test('a link to nothing is refused', async t => {
  t.throws(() => link({ path: '/l', to: '' }), { code: 'resource.invalid' })
})

t.test('a target with a NUL byte is refused when it is written', async t => {
  t.throws(() => link({ path: '/a', to: 'b\0c' }), { code: 'resource.invalid' } as object as Error)
})
