import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errnoOf } from '../../src/core/failure.ts'
import { besideOf } from '../../src/machine/beside.ts'
import { fileFailure } from '../../src/machine/faults.ts'
import { paths } from '../../src/machine/paths.ts'
import { onlyRootSetsOwners, rootIgnoresModes, testHost, testMachine } from '../support/machine.ts'
import { treeOf } from '../support/tree.ts'

t.test('a file and its missing parents have their modes whatever the umask is', async t => {
  const machine = testMachine(t)
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))
  machine.write('/srv/app/conf', 'x', { mode: '0664' })
  machine.makeDirectory('/srv/data/in', { mode: '2775' })
  t.equal(process.umask(), 0o077)
  t.strictSame(['/srv', '/srv/app', '/srv/app/conf', '/srv/data', '/srv/data/in'].map(path => machine.stat(path)?.mode), ['0755', '0755', '0664', '0755', '2775'])
})

t.test('a file is 0644 where no mode is given', async t => {
  const machine = testMachine(t)
  machine.write('/f', 'x')
  t.equal(machine.stat('/f')?.mode, '0644')
})

t.test('bytes are written as they are', async t => {
  const machine = testMachine(t)
  machine.write('/f', Buffer.from([0, 255, 10]))
  t.strictSame(machine.read('/f'), Buffer.from([0, 255, 10]))
})

t.test('a link is replaced, not written through', async t => {
  const machine = testMachine(t, { target: 'kept\n', f: t.fixture('symlink', 'target') })
  machine.write('/f', 'new\n')
  t.equal(machine.readText('/target'), 'kept\n')
  t.equal(machine.stat('/f')?.kind, 'file')
})

t.test('what a killed run left beside a file does not stop the next write, and is gone after it', async t => {
  const machine = testMachine(t, { etc: {} })
  writeFileSync(besideOf(`${machine.dir}/etc/motd`), 'half')
  machine.write('/etc/motd', 'whole\n')
  t.strictSame(machine.list('/etc'), ['motd'])
  symlinkSync('nowhere', besideOf(`${machine.dir}/etc/link`))
  machine.link('/etc/link', 'motd')
  t.strictSame(machine.list('/etc'), ['link', 'motd'])
})

t.test('a leftover that is a link is not written through', async t => {
  const machine = testMachine(t, { etc: {}, victim: 'kept\n' })
  symlinkSync('../victim', besideOf(`${machine.dir}/etc/motd`))
  machine.write('/etc/motd', 'new\n')
  t.equal(machine.readText('/victim'), 'kept\n')
})

t.test('a name as long as names may be can be written', async t => {
  const machine = testMachine(t)
  const name = 'ä'.repeat(127)
  machine.write(`/${name}`, 'x')
  t.strictSame(machine.list('/'), [name])
})

t.test('a write that fails leaves the tree as it was', async t => {
  const machine = testMachine(t, { etc: { d: { f: '' } }, plain: '' })
  const before = treeOf(`${machine.dir}/etc/d`)
  t.throws(() => machine.write('/etc/d', 'x'), { code: 'file.kind', message: /\/etc\/d/ })
  t.throws(() => machine.write('/plain/f', 'x'), { code: 'file.kind' })
  t.strictSame(treeOf(`${machine.dir}/etc/d`), before)
  t.strictSame(machine.list('/etc'), ['d'])
})

t.test('a directory that may not be written is a denial with path and hint', { skip: rootIgnoresModes }, async t => {
  const machine = testMachine(t, { etc: { motd: 'old\n' } })
  withMode(`${machine.dir}/etc`, 0o555, () => {
    t.throws(() => machine.write('/etc/motd', 'new\n'), { code: 'file.denied', message: /writing \/etc\/motd .*EACCES/, hint: /write access/ })
    t.throws(() => machine.remove('/etc/motd'), { code: 'file.denied' })
  })
  t.equal(machine.readText('/etc/motd'), 'old\n')
})

t.test('what may not be looked at is a denial, not an absence', { skip: rootIgnoresModes }, async t => {
  const machine = testMachine(t, { secret: { f: 'x' } })
  withMode(`${machine.dir}/secret`, 0, () => {
    for (const look of [() => machine.stat('/secret/f'), () => machine.read('/secret/f'), () => machine.list('/secret')]) t.throws(look, { code: 'file.denied' })
  })
})

t.test('each refusal of the system has its own code', async t => {
  const where = paths('/')
  const codes = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ELOOP', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EIO'].map(code => [code, fileFailure(Object.assign(new Error(code), { code }), 'writing', '/f', where).code])
  t.strictSame(Object.fromEntries(codes), {
    EACCES: 'file.denied',
    EPERM: 'file.denied',
    EROFS: 'file.denied',
    ENOSPC: 'disk.full',
    EDQUOT: 'disk.full',
    ELOOP: 'file.escape',
    EISDIR: 'file.kind',
    ENOTDIR: 'file.kind',
    ENOTEMPTY: 'file.kind',
    EIO: 'file.denied',
  })
})

t.test('a full disk is said to be full, keeps the old file, and nothing is left beside it', async t => {
  const dir = t.testdir({ disk: {} })
  const script = `
    import { hostMachine } from ${JSON.stringify(new URL('../../src/machine/machine.ts', import.meta.url).href)}
    const machine = hostMachine({ root: ${JSON.stringify(join(dir, 'disk'))} })
    machine.write('/f', 'old')
    try { machine.write('/f', 'x'.repeat(1e6)) } catch (error) { console.log(JSON.stringify([error.code, machine.readText('/f'), machine.list('/')])) }`
  const mount = `mount -t tmpfs -o size=64k none ${join(dir, 'disk')} && exec "$@"`
  const inNamespace = spawnSync('unshare', [...(process.geteuid?.() === 0 ? [] : ['-r']), '-m', 'sh', '-c', mount, 'sh', process.execPath, '--input-type=module', '-e', script], { encoding: 'utf8' })
  if (errnoOf(inNamespace.error) === 'ENOENT' || inNamespace.stdout === '') return t.pass('no small disk can be had here: no unshare(1), or user namespaces are off', { skip: inNamespace.stderr || 'no unshare' })
  t.strictSame(JSON.parse(inNamespace.stdout), ['disk.full', 'old', ['f']])
})

t.test('removing takes a tree, and never what its links lead to', async t => {
  const machine = testMachine(t, { kept: { f: '' }, gone: { a: { b: '' }, out: t.fixture('symlink', '../kept') }, l: t.fixture('symlink', 'kept') })
  machine.remove('/gone')
  machine.remove('/l')
  machine.remove('/never/was')
  t.strictSame([machine.list('/'), machine.list('/kept')], [['kept'], ['f']])
})

t.test('making a directory that is there changes only what is asked for', async t => {
  const machine = testMachine(t, { d: { f: '' } })
  machine.makeDirectory('/d', { mode: '0700' })
  machine.makeDirectory('/d')
  t.equal(machine.stat('/d')?.mode, '0700')
  t.strictSame(machine.list('/d'), ['f'])
})

t.test('a mode is not set through a link', async t => {
  const machine = testMachine(t, { f: '', l: t.fixture('symlink', 'f') })
  const before = machine.stat('/f')?.mode
  t.throws(() => machine.setMode('/l', '0777'), { code: 'file.kind' })
  t.equal(machine.stat('/f')?.mode, before)
})

t.test('a link is swung over another, and not put into what that leads to', async t => {
  const machine = testMachine(t, { one: {}, two: {}, current: t.fixture('symlink', 'one') })
  machine.link('/current', 'two')
  t.equal(machine.readLink('/current'), 'two')
  t.strictSame(machine.list('/one'), [])
})

t.test('renaming makes the parents of the new name, and what is not there can not be renamed', async t => {
  const machine = testMachine(t, { a: 'x' })
  machine.rename('/a', '/b/c/d')
  t.equal(machine.readText('/b/c/d'), 'x')
  t.throws(() => machine.rename('/a', '/e/f'), { code: 'file.denied' })
  t.equal(machine.stat('/e'), undefined)
})

t.test('owners are set before the file can be seen', { skip: onlyRootSetsOwners }, async t => {
  const machine = testHost(t)
  machine.write(`${machine.dir}/f`, 'x', { owner: '+1234', group: '+1235', mode: '4755' })
  const { uid, gid, mode } = machine.stat(`${machine.dir}/f`) ?? {}
  t.strictSame([uid, gid, mode], [1234, 1235, '4755'])
})

t.test('an owner that nobody is called is said before anything is written', async t => {
  const machine = testHost(t)
  t.throws(() => machine.write(`${machine.dir}/f`, 'x', { owner: 'nobody-is-called-so' }), { code: 'absent.user', subject: 'nobody-is-called-so' })
  t.throws(() => machine.write(`${machine.dir}/f`, 'x', { group: 'no-group-is-called-so' }), { code: 'absent.group' })
  t.strictSame(machine.list(machine.dir), [])
})

t.test('in a staging root an owner that the root does not know is left as it is', async t => {
  const machine = testMachine(t)
  machine.write('/f', 'x', { owner: 'nobody-is-called-so', group: 'nor-so' })
  t.equal(machine.stat('/f')?.uid, process.geteuid?.())
})

t.test('other kinds of files are told apart', async t => {
  const machine = testHost(t)
  mkdirSync(join(machine.dir, 'd'))
  t.equal(machine.stat('/dev/null')?.kind, 'other')
  t.equal(machine.stat(`${machine.dir}/d`)?.kind, 'directory')
  t.throws(() => machine.read(`${machine.dir}/d`), { code: 'file.kind' })
  t.equal(machine.stat(`${machine.dir}/d`)?.mode, (statSync(join(machine.dir, 'd')).mode & 0o7777).toString(8).padStart(4, '0'))
})

/** Given back at once: the test's directory is removed before its teardowns run. */
function withMode(path: string, mode: number, act: () => void): void {
  chmodSync(path, mode)
  try {
    act()
  } finally {
    chmodSync(path, 0o755)
  }
}
