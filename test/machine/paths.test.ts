import { lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { hostMachine } from '../../src/machine/machine.ts'
import { paths } from '../../src/machine/paths.ts'
import { testMachine } from '../support/machine.ts'

t.test('the target of an absolute link lies below the root', async t => {
  const machine = testMachine(t, { etc: { motd: 'staged\n' }, motd: t.fixture('symlink', '/etc/motd'), deep: { er: t.fixture('symlink', '/etc') } })
  t.equal(machine.readText('/motd'), 'staged\n')
  t.equal(machine.readText('/deep/er/motd'), 'staged\n')
  t.equal(machine.hostPath('/motd'), `${machine.dir}/etc/motd`)
})

t.test('.. does not lead above the root, neither in a path nor in a link', async t => {
  const machine = testMachine(t, { etc: { motd: 'staged\n' }, up: t.fixture('symlink', '../../../../../../../../../..') })
  t.equal(machine.readText('/../../etc/motd'), 'staged\n')
  t.equal(machine.readText('/up/etc/motd'), 'staged\n')
  t.equal(machine.hostPath('/up'), machine.dir)
})

t.test('a relative link that would lead out reads nothing there', async t => {
  const dir = t.testdir({ outside: 'secret\n', root: { leak: t.fixture('symlink', '../outside'), out: t.fixture('symlink', '..') } })
  const machine = hostMachine({ root: join(dir, 'root') })
  t.equal(machine.read('/leak'), undefined)
  t.equal(machine.read('/out/outside'), undefined)
  t.equal(machine.stat('/out/outside'), undefined)
})

t.test('writing through a directory link that leads out writes inside', async t => {
  const dir = t.testdir({ outside: {}, root: {} })
  symlinkSync(join(dir, 'outside'), join(dir, 'root/out'))
  const machine = hostMachine({ root: join(dir, 'root') })
  machine.write('/out/file', 'x')
  t.equal(lstatSync(join(dir, 'outside/file'), { throwIfNoEntry: false }), undefined)
  t.equal(readFileSync(join(dir, 'root', dir, 'outside/file'), 'utf8'), 'x')
})

t.test('.. after a link is the parent of where the link leads', async t => {
  const machine = testMachine(t, { here: 'no\n', a: { b: {}, here: 'yes\n' }, l: t.fixture('symlink', 'a/b') })
  t.equal(machine.readText('/l/../here'), 'yes\n')
  t.equal(machine.stat('/l/../here')?.size, 4)
})

t.test('links that lead in a circle are refused by what follows them', async t => {
  const machine = testMachine(t, { a: t.fixture('symlink', 'b'), b: t.fixture('symlink', 'a'), self: t.fixture('symlink', 'self/x') })
  t.throws(() => machine.read('/a'), { code: 'file.escape', message: /\/a/ })
  t.throws(() => machine.write('/self/file', 'x'), { code: 'file.escape' })
  t.equal(machine.stat('/a')?.kind, 'link')
})

t.test('a circle on the machine itself is refused in the same words', async t => {
  const dir = t.testdir({ a: t.fixture('symlink', 'b'), b: t.fixture('symlink', 'a') })
  t.throws(() => hostMachine().read(`${dir}/a`), { code: 'file.escape' })
})

t.test('a link that is changed between two calls is followed to its new target', async t => {
  const machine = testMachine(t, { one: { f: '1' }, two: { f: '2' }, current: t.fixture('symlink', 'one') })
  t.equal(machine.readText('/current/f'), '1')
  rmSync(`${machine.dir}/current`)
  symlinkSync('two', `${machine.dir}/current`)
  t.equal(machine.readText('/current/f'), '2')
  rmSync(`${machine.dir}/current`)
  mkdirSync(`${machine.dir}/current`)
  writeFileSync(`${machine.dir}/current/f`, '3')
  t.equal(machine.readText('/current/f'), '3')
})

t.test('a root that does not exist is empty to what looks', async t => {
  const root = join(t.testdir({}), 'not/yet')
  const machine = hostMachine({ root })
  t.strictSame([machine.stat('/etc'), machine.read('/etc/motd'), machine.list('/'), machine.readLink('/x'), machine.account('root')], [undefined, undefined, undefined, undefined, undefined])
  machine.remove('/etc/motd')
  t.equal(lstatSync(root, { throwIfNoEntry: false }), undefined)
})

t.test('a root that does not exist is made by what writes', async t => {
  const root = join(t.testdir({}), 'not/yet')
  hostMachine({ root }).write('/etc/motd', 'hello\n')
  t.equal(readFileSync(join(root, 'etc/motd'), 'utf8'), 'hello\n')
})

t.test('the root itself is not removed', async t => {
  const machine = testMachine(t, { kept: '' })
  for (const path of ['/', '/.', '/..', '//']) t.throws(() => machine.remove(path), { code: 'file.kind' })
  t.strictSame(machine.list('/'), ['kept'])
})

t.test('on the machine itself paths are passed on as they are', async t => {
  t.equal(paths('/').through('/etc/../etc//x'), '/etc/../etc//x')
})

t.test('whatever links there are, no path leads outside', async t => {
  const dir = realpathSync(t.testdir({}))
  const part = fc.constantFrom('a', 'b', 'c', '..', '.', '')
  const somePath = fc.array(part, { minLength: 1, maxLength: 5 }).map(parts => parts.join('/'))
  const target = fc.oneof(somePath, somePath.map(path => `/${path}`), fc.constant(dir)).filter(text => text !== '')
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'a/b', 'b/a', 'd/a'), target), { maxLength: 6 }), somePath, (links, path) => {
      const root = join(dir, 'root')
      rmSync(root, { recursive: true, force: true })
      for (const [name, to] of links) {
        try {
          mkdirSync(dirname(join(root, name)), { recursive: true })
          symlinkSync(to, join(root, name))
        } catch {
          // Taken already, or below a link made before: the tree is as good without it.
        }
      }
      rmSync(join(dir, 'c'), { recursive: true, force: true })
      mkdirSync(root, { recursive: true })
      for (const resolve of [paths(root).through, paths(root).entry]) {
        const found = attempted(() => resolve(`/${path}`))
        if (found === undefined) continue
        const parent = attempted(() => realpathSync(found === root ? found : dirname(found)))
        if (!inside(found, root) || (parent !== undefined && !inside(parent, root))) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
})

function inside(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`)
}

/** undefined: a circle, or nothing there. */
function attempted(act: () => string): string | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
