import { chmodSync } from 'node:fs'
import t from 'tap'
import { look } from '../../src/engine/settle.ts'
import { directory } from '../../src/resources/directory.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { onlyRootSetsOwners, testMachine } from '../support/machine.ts'

t.test('a directory is made with its parents, which are 0755', async t => {
  const machine = testMachine(t)
  await settles(t, machine, directory({ path: '/srv/app/data', mode: '0750' }), [
    { type: 'create', field: 'directory', reason: 'makes /srv, /srv/app' },
    { type: 'create', field: 'mode', to: '0750' },
  ])
  t.strictSame(['/srv', '/srv/app', '/srv/app/data'].map(path => machine.stat(path)?.mode), ['0755', '0755', '0750'])
})

t.test('a directory that is there keeps what is not asked for', async t => {
  const machine = testMachine(t, { d: { f: 'x' } })
  chmodSync(`${machine.dir}/d`, 0o711)
  await settles(t, machine, directory({ path: '/d' }), [])
})

t.test('a wrong mode is a change', async t => {
  const machine = testMachine(t, { d: { f: 'x' } })
  chmodSync(`${machine.dir}/d`, 0o700)
  await settles(t, machine, directory({ path: '/d', mode: '2775' }), [{ type: 'update', field: 'mode', from: '0700', to: '2775' }])
  t.strictSame(machine.list('/d'), ['f'])
})

t.test('owners are set, on a new directory and on an old one', { skip: onlyRootSetsOwners }, async t => {
  const machine = testMachine(t, { old: {} })
  await settles(t, machine, directory({ path: '/new', owner: '500', group: '501' }), [
    { type: 'create', field: 'directory' },
    { type: 'create', field: 'owner', to: '500' },
    { type: 'create', field: 'group', to: '501' },
  ])
  await settles(t, machine, directory({ path: '/old', owner: '500' }), [{ type: 'update', field: 'owner', from: '0', to: '500' }])
  t.match([machine.stat('/new'), machine.stat('/old')], [{ uid: 500, gid: 501 }, { uid: 500, gid: 0 }])
})

t.test('a purge lists every entry it removes, and follows no link', async t => {
  const machine = testMachine(t, { kept: { f: '' }, d: { a: '', sub: { x: '', y: '' }, '.hidden': '', out: t.fixture('symlink', '../kept') } })
  await settles(t, machine, directory({ path: '/d', purge: true }), [
    { type: 'remove', field: 'entry', from: '.hidden' },
    { type: 'remove', field: 'entry', from: 'a' },
    { type: 'remove', field: 'entry', from: 'out' },
    { type: 'remove', field: 'entry', from: 'sub', reason: 'a directory with 2 entries' },
  ])
  t.strictSame([machine.list('/d'), machine.list('/kept')], [[], ['f']])
})

t.test('a purge keeps what it is told to, by name or by pattern', async t => {
  const machine = testMachine(t, { d: { 'a.conf': '', 'b.conf': '', 'b.conf~': '', axconf: '', c: '' } })
  await settles(t, machine, directory({ path: '/d', purge: { keep: ['*.conf', 'c'] } }), [
    { type: 'remove', field: 'entry', from: 'axconf' },
    { type: 'remove', field: 'entry', from: 'b.conf~' },
  ])
})

t.test('a purge keeps the backups of what it keeps, and of nothing else', async t => {
  const machine = testMachine(t, { d: { 'a.conf': '', 'a.conf.sunup-2': '', 'a.conf.sunup-x': '', 'b.sunup-1': '' } })
  await settles(t, machine, directory({ path: '/d', purge: { keep: ['a.conf'] } }), [
    { type: 'remove', field: 'entry', from: 'a.conf.sunup-x' },
    { type: 'remove', field: 'entry', from: 'b.sunup-1' },
  ])
})

t.test('a file or a link in its place is refused', async t => {
  const machine = testMachine(t, { f: '', d: {}, l: t.fixture('symlink', 'd') })
  const check = (path: string) => async () => look(directory({ path }), surroundings(machine, []))
  await t.rejects(check('/f'), { code: 'file.kind', message: /is a file/ })
  await t.rejects(check('/l'), { code: 'file.kind', message: /is a link/ })
  await t.rejects(check('/f/d'), { code: 'file.kind', message: /\/f is not a directory/ })
})

t.test('a purge that is neither true nor a list to keep is refused', async t => {
  for (const purge of ['yes', { keeep: [] }, { keep: 'a' }, 1]) t.throws(() => directory({ path: '/d', purge: purge as never }), { code: 'resource.invalid', message: /"purge"/ })
})
