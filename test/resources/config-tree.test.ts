import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import type { Event } from '../../src/core/events.ts'
import type { Failure } from '../../src/core/failure.ts'
import type { Resource } from '../../src/core/resource.ts'
import { makeSecret } from '../../src/core/secret.ts'
import { look, settle, type Settled, type Surroundings } from '../../src/engine/settle.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import { configTree, type ConfigTreeProps } from '../../src/resources/config-tree.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { testHost, testMachine, type TestMachine } from '../support/machine.ts'
import { treeOf } from '../support/tree.ts'

const STEPS = join(import.meta.dirname, '../support/tree-steps.ts')
const READER = join(import.meta.dirname, '../support/tree-reader.ts')

const noNamespaces = spawnSync('unshare', ['--map-root-user', '--mount', 'true']).status === 0 ? false : 'this user may make no mount namespaces here'

/** A tree of two files in a staging root; the host has no /etc/app to show it in, so a checker is given the staged path. */
const app = (more: Partial<ConfigTreeProps> = {}): Resource =>
  configTree({ path: '/etc/app/tree', files: { 'main.conf': { content: 'one\n' }, 'sites/a.conf': { content: 'two\n' } }, ...more })

async function take(machine: TestMachine, tree: Resource, more: Partial<Surroundings> = {}): Promise<{ settled: Settled; output: string; events: Event[] }> {
  const events: Event[] = []
  const settled = await settle(tree, { ...surroundings(machine, events), ...more })
  return { settled, events, output: events.flatMap(event => (event.type === 'resource.output' ? [event.text] : [])).join('\n') }
}

async function taken(machine: TestMachine, tree: Resource): Promise<void> {
  const { settled } = await take(machine, tree)
  if (settled.failure) throw settled.failure
}

/** What programs find: the files behind the link. */
function live(machine: TestMachine, path = '/etc/app/tree'): Record<string, string> | undefined {
  const at = join(machine.dir, path)
  if (!existsSync(at)) return undefined
  const files = readdirSync(at, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return Object.fromEntries(files.sort().map(file => [file.slice(at.length + 1), readFileSync(file, 'utf8')]))
}

function generationsOf(machine: TestMachine): string[] {
  return readdirSync(join(machine.dir, '/etc/app/tree.d')).sort()
}

t.test('a tree that is not there is made, with its directories', async t => {
  const machine = testMachine(t)
  await settles(t, machine, app(), [
    { type: 'create', reason: 'makes /etc, /etc/app' },
    { type: 'create', field: 'main.conf', to: 'one\n' },
    { type: 'create', field: 'sites/a.conf', to: 'two\n' },
  ])
  t.strictSame(live(machine), { 'main.conf': 'one\n', 'sites/a.conf': 'two\n' })
  t.equal(readlinkSync(join(machine.dir, 'etc/app/tree')), 'tree.d/1')
})

t.test('one change is told for each file and mode that differs', async t => {
  const machine = testMachine(t)
  await taken(machine, app())
  const at = join(machine.dir, 'etc/app/tree')
  writeFileSync(join(at, 'main.conf'), 'by hand\n')
  chmodSync(join(at, 'sites/a.conf'), 0o664)
  writeFileSync(join(at, 'sites/extra.conf'), 'more\n')
  mkdirSync(join(at, 'empty'))
  await settles(t, machine, app({ files: { 'main.conf': { content: 'one\n' }, 'sites/a.conf': { content: 'two\n' }, 'sites/b.conf': { content: 'three\n' } } }), [
    { type: 'remove', field: 'empty' },
    { type: 'update', field: 'main.conf', from: 'by hand\n', to: 'one\n' },
    { type: 'update', field: 'sites/a.conf mode', from: '0664', to: '0644' },
    { type: 'remove', field: 'sites/extra.conf', from: 'more\n' },
    { type: 'create', field: 'sites/b.conf', to: 'three\n' },
  ])
  t.strictSame(live(machine), { 'main.conf': 'one\n', 'sites/a.conf': 'two\n', 'sites/b.conf': 'three\n' })
})

t.test('a directory where a file should be, and a file where a directory should be, are replaced', async t => {
  const machine = testMachine(t)
  await taken(machine, app({ files: { a: { content: '' }, 'b/c': { content: '' } } }))
  await settles(t, machine, app({ files: { 'a/c': { content: 'x' }, b: { content: 'y' } } }), [
    { type: 'remove', field: 'a', from: '' },
    { type: 'update', field: 'b', reason: 'a directory is in its place', to: 'y' },
    { type: 'create', field: 'a/c', to: 'x' },
  ])
})

t.test('an empty tree is a tree', async t => {
  const machine = testMachine(t)
  await settles(t, machine, app({ files: {} }), [{ type: 'create', reason: 'makes /etc, /etc/app' }])
  t.strictSame(live(machine), {})
})

t.test('a link that leads elsewhere is swung', async t => {
  const machine = testMachine(t, { etc: { app: { tree: t.fixture('symlink', '/opt/old') } } })
  await settles(t, machine, app({ files: {} }), [
    { type: 'update', field: 'link', from: '/opt/old', to: '/etc/app/tree.d' },
    { type: 'create' },
  ])
})

t.test('a directory at the path is refused, and left as it is', async t => {
  const machine = testMachine(t, { etc: { app: { tree: { mine: 'kept\n' } } } })
  const before = treeOf(machine.dir)
  const { settled } = await take(machine, app())
  t.equal(settled.failure?.code, 'file.kind')
  t.strictSame(treeOf(machine.dir), before)
})

t.test('files are made from templates', async t => {
  const source = { name: 'app.conf', path: '/nowhere', text: () => 'root {{root}};\n' }
  const machine = testMachine(t)
  await taken(machine, app({ files: { 'a.conf': { source, vars: { root: '/srv' } } } }))
  t.strictSame(live(machine), { 'a.conf': 'root /srv;\n' })
  t.throws(() => app({ files: { 'a.conf': { source, vars: {} } } }), { code: 'template.name' }, 'a name that is missing is found before anything is touched')
})

t.test('what is wrong in its props is refused', async t => {
  const wrong: [string, object][] = [
    ['an unknown prop', { verfy: ['true'] }],
    ['a path out of the tree', { files: { '../a': { content: '' } } }],
    ['an absolute path', { files: { '/a': { content: '' } } }],
    ['an empty name', { files: { '': { content: '' } } }],
    ['a file that is a directory, too', { files: { a: { content: '' }, 'a/b': { content: '' } } }],
    ['a file with no content', { files: { a: {} } }],
    ['a file that is text', { files: { a: 'text' } }],
    ['an unknown prop of a file', { files: { a: { content: '', owner: 'root' } } }],
    ['a checker that is text', { verify: 'nginx -t' }],
    ['an unknown prop of the checker', { verify: { argv: ['true'], tmp: [] } }],
  ]
  for (const [what, props] of wrong) t.throws(() => app(props), { code: 'resource.invalid' }, what)
})

t.test('the checker is run on the staged tree, under its path', async t => {
  const machine = testMachine(t)
  writeFileSync(join(machine.dir, 'check.sh'), 'echo "saw $(cat "$1/main.conf")" >seen\n')
  await taken(machine, app({ verify: ['sh', 'check.sh', '{path}'] }))
  t.equal(readFileSync(join(machine.dir, 'seen'), 'utf8'), 'saw one\n', 'with the staging root as its directory')
})

t.test('what the checker refuses never becomes live, and the failure says where and why', async t => {
  const machine = testMachine(t)
  await taken(machine, app())
  writeFileSync(join(machine.dir, 'check.sh'), 'echo "unknown word in $1/sites/a.conf:2" >&2; exit 1\n')
  const before = treeOf(machine.dir)
  const source = { name: 'a.conf.mustache', path: '/nowhere', text: () => 'fine\nnot fine\n' }
  const { settled } = await take(machine, app({ files: { 'sites/a.conf': { source } }, verify: ['sh', 'check.sh', '{path}'] }))
  const failure = settled.failure as Failure
  t.equal(failure.code, 'file.refused')
  t.match(failure.message, 'at /etc/app/tree/sites/a.conf:2 (from a.conf.mustache): not fine')
  t.equal(failure.output, 'unknown word in /etc/app/tree/sites/a.conf:2', 'in terms of the live tree')
  t.match(failure.hint, 'Nothing live has changed')
  const files = (tree: Record<string, string>): string[] => Object.entries(tree).filter(([name]) => !/^\.(\/etc\/app(\/tree\.d)?)?$/.test(name)).map(entry => entry.join(' '))
  t.strictSame(files(treeOf(machine.dir)), files(before), 'nothing is left of it')
})

t.test('a refused first tree leaves nothing at all', async t => {
  const machine = testMachine(t, { etc: { app: { other: 'kept\n' } } })
  const { settled } = await take(machine, app({ verify: ['false', '{path}'] }))
  t.equal(settled.failure?.code, 'file.refused')
  t.strictSame(readdirSync(join(machine.dir, 'etc/app')), ['other'])
})

t.test('a tree that can be shown to no checker is taken up, and that is said', async t => {
  const machine = testMachine(t)
  const { settled, output } = await take(machine, app({ verify: ['false'] }))
  t.equal(settled.outcome, 'changed')
  t.match(output, /^not checked with false: no private view of \/etc\/app\/tree can be made here/)
})

t.test('a checker that the host does not have is said to be skipped in a staging root', async t => {
  const machine = testMachine(t)
  const { settled, output } = await take(machine, app({ verify: ['no-such-checker', '{path}'] }))
  t.equal(settled.outcome, 'changed')
  t.match(output, 'not checked with no-such-checker /etc/app/tree: there is no command no-such-checker here')
})

t.test('on the machine itself a checker that is not there is a failure', async t => {
  const machine = testHost(t)
  const { settled } = await take(machine, configTree({ path: `${machine.dir}/tree`, files: {}, verify: ['no-such-checker', '{path}'] }))
  t.equal(settled.failure?.code, 'absent.command')
  t.equal(settled.failure?.subject, 'no-such-checker')
})

t.test('in a mount namespace the checker finds the staged tree live, what it replaces gone, and all else in its place', { skip: noNamespaces }, async t => {
  const machine = testHost(t, { etc: { main: 'main\n', enabled: { default: 'default\n', other: t.fixture('symlink', '../main') } } })
  const { dir } = machine
  const script = `cat ${dir}/etc/tree/a.conf ${dir}/etc/main ${dir}/etc/enabled/other; ls ${dir}/etc/enabled ${dir}/empty; touch ${dir}/empty/written`
  mkdirSync(join(dir, 'empty'))
  const tree = configTree({
    path: `${dir}/etc/tree`,
    files: { 'a.conf': { content: 'staged\n' } },
    replaces: [`${dir}/etc/enabled/default`],
    verify: { argv: ['sh', '-c', script], scratch: [`${dir}/empty`] },
  })
  const { settled, output } = await take(machine, tree)
  t.equal(settled.outcome, 'changed')
  t.equal(output, `staged\nmain\nmain\n${dir}/empty:\n${dir}/etc/enabled:\nother`)
  t.strictSame(readdirSync(join(dir, 'etc/enabled')), ['other'], 'what is replaced goes when the tree is live')
  t.strictSame(readdirSync(join(dir, 'empty')), process.geteuid?.() === 0 ? ['written'] : [], 'who is not root writes to directories of the checker\'s own')
})

t.test('a checker in a mount namespace that refuses leaves the replaced and the live as they were', { skip: noNamespaces }, async t => {
  const machine = testHost(t, { etc: { default: 'default\n' } })
  const { dir } = machine
  const { settled } = await take(machine, configTree({
    path: `${dir}/etc/tree`,
    files: { 'a.conf': { content: 'bad\n' } },
    replaces: [`${dir}/etc/default`],
    verify: ['sh', '-c', `echo "bad word in ${dir}/etc/tree/a.conf:1"; exit 3`],
  }))
  t.equal(settled.failure?.code, 'file.refused')
  t.match(settled.failure?.message, `at ${dir}/etc/tree/a.conf:1: bad`)
  t.strictSame(readdirSync(join(dir, 'etc')), ['default'])
})

t.test('what it takes the place of is removed, also when it comes back', async t => {
  const machine = testMachine(t, { etc: { app: { default: t.fixture('symlink', 'available') } } })
  const tree = app({ files: {}, replaces: ['/etc/app/default'] })
  await settles(t, machine, tree, [{ type: 'create' }, { type: 'remove', field: '/etc/app/default', reason: '/etc/app/tree takes its place' }])
  symlinkSync('available', join(machine.dir, 'etc/app/default'))
  await settles(t, machine, tree, [{ type: 'remove', field: '/etc/app/default', reason: '/etc/app/tree takes its place' }])
  t.strictSame(generationsOf(machine), ['1', 'previous'], 'for that no new generation is made')
})

t.test('a reader sees the old tree or the new one, never a mixture, never none', async t => {
  const machine = testMachine(t)
  const version = (n: number): Resource => app({ files: { a: { content: `${n}` }, b: { content: `${n}` }, c: { content: `${n}` } } })
  await taken(machine, version(0))
  const reader = spawn(process.execPath, [READER, join(machine.dir, 'etc/app/tree')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(reader, 'exit')
  const lines = createInterface(reader.stdout)[Symbol.asyncIterator]()
  t.equal((await lines.next()).value, 'reading')
  for (let n = 1; n <= 150; n++) await taken(machine, version(n))
  reader.stdin.end()
  const said = JSON.parse((await lines.next()).value as string)
  await exit
  t.ok(said.reads > 0, `it read ${said.reads} times, overtaken ${said.overtaken} times`)
  t.strictSame(said.wrong, [])
})

t.test('the generation before the live one is kept, older ones are not', async t => {
  const machine = testMachine(t)
  for (const content of ['1', '2', '3']) await taken(machine, app({ files: { a: { content } } }))
  t.strictSame(generationsOf(machine), ['2', '3', 'previous'])
  t.equal(readFileSync(join(machine.dir, 'etc/app/tree.d/previous/a'), 'utf8'), '2')
})

/** A service that can't take up what it is told to reload. */
const stubborn = (tree: Resource): Resource => ({
  id: 'service[app]',
  kind: 'service',
  props: {},
  triggers: [{ act: 'reload', on: [tree.id] }],
  retries: 0,
  check: () => [],
  apply() {
    throw new Error('it does not reload')
  },
})

async function takeAndReload(machine: TestMachine, tree: Resource): Promise<{ output: string; around: Surroundings }> {
  const events: Event[] = []
  const service = stubborn(tree)
  const around: Surroundings = {
    ...surroundings(machine, events),
    owedWhenChanged: id => (id === tree.id ? [{ id: service.id, act: 'reload', cause: tree.id }] : []),
    resource: id => (id === tree.id ? tree : service),
  }
  await settle(tree, around)
  await settle(service, around)
  return { around, output: events.flatMap(event => (event.type === 'resource.output' ? [event.text] : [])).join('\n') }
}

t.test('when the reload that it caused fails, the tree before it is live again', async t => {
  const machine = testMachine(t)
  await taken(machine, app({ files: { a: { content: 'good' } } }))
  const { around, output } = await takeAndReload(machine, app({ files: { a: { content: 'bad' } } }))
  t.strictSame(live(machine), { a: 'good' })
  t.match(output, '/etc/app/tree was taken back to tree.d/1')
  t.strictSame(generationsOf(machine), ['1'], 'and nothing is left of the other')
  t.equal(around.journal.owedBy('service[app]').length, 1, 'the reload stays owed')
})

t.test('when the reload of a first tree fails, there is none again', async t => {
  const machine = testMachine(t)
  await takeAndReload(machine, app())
  t.equal(live(machine), undefined)
  t.equal(existsSync(join(machine.dir, 'etc/app/tree')), false)
})

t.test('a tree is taken back once: then there is nothing to go back to', async t => {
  const machine = testMachine(t)
  const tree = (content: string): Resource => app({ files: { a: { content } } })
  for (const content of ['1', '2']) await taken(machine, tree(content))
  await takeAndReload(machine, tree('3'))
  const { output } = await takeAndReload(machine, tree('2'))
  t.strictSame(live(machine), { a: '2' }, 'what is live is what the user wants now')
  t.equal(output, '', 'nothing changed, so nothing was owed')
  await takeAndReload(machine, tree('4'))
  t.strictSame(live(machine), { a: '2' })
})

for (const [before, start] of [['no tree', []], ['a tree', ['old']], ['a tree and one before it', ['older', 'old']]] as const) {
  t.test(`killed before any of its steps, with ${before} before it: the old or the new is live, and the next run heals it`, async t => {
    const wanted = { path: '/etc/app/tree', files: { a: { content: 'new' }, 'b/c': { content: 'new' } }, replaces: ['/etc/app/default'], verify: ['true', '{path}'] }
    const parent = t.testdir({ 'props.json': JSON.stringify(wanted) })
    const old = start.length === 0 ? undefined : { a: 'old', 'b/c': 'old' }
    let step = 1
    for (let killed = true; killed; step++) {
      const root = join(parent, String(step))
      mkdirSync(root)
      const machine: TestMachine = { ...hostMachine({ root }), dir: root }
      for (const content of start) await taken(machine, app({ files: { a: { content }, 'b/c': { content } } }))
      machine.link('/etc/app/default', 'available')
      const { status, signal, stderr } = spawnSync(process.execPath, [STEPS, root, String(step), join(parent, 'props.json')], { encoding: 'utf8' })
      killed = signal === 'SIGKILL'
      if (!killed) t.equal(status, 0, stderr)
      const found = live(machine)
      t.ok([JSON.stringify(old), '{"a":"new","b/c":"new"}'].includes(JSON.stringify(found) as string), `step ${step}: ${JSON.stringify(found)} is live`)
      await taken(machine, configTree(wanted))
      t.strictSame(live(machine), { a: 'new', 'b/c': 'new' })
      t.strictSame(await look(configTree(wanted), surroundings(machine, [])), [], 'settled')
      const kept = generationsOf(machine)
      t.equal(kept.length, 2 + (start.length > 0 ? 1 : 0), `nothing is left of what was cut off: ${kept}`)
      t.equal(existsSync(join(root, 'etc/app/default')), false)
      rmSync(root, { recursive: true })
    }
    t.ok(step > 8, `${step - 1} steps`)
  })
}

t.test('killed while its checker runs: nothing live has changed, and the next run heals it', async t => {
  const machine = testMachine(t)
  await taken(machine, app())
  const props = { path: '/etc/app/tree', files: { a: { content: 'new' } }, verify: ['sh', '-c', 'kill -9 $PPID', 'sh', '{path}'] }
  writeFileSync(join(machine.dir, 'props.json'), JSON.stringify(props))
  const { signal } = spawnSync(process.execPath, [STEPS, machine.dir, '0', join(machine.dir, 'props.json')])
  t.equal(signal, 'SIGKILL')
  t.strictSame(live(machine), { 'main.conf': 'one\n', 'sites/a.conf': 'two\n' })
  t.strictSame(generationsOf(machine), ['1', '2', 'previous', 'view'])
  await settles(t, machine, app(), [
    { type: 'remove', field: '/etc/app/tree.d/2', reason: 'left by a run that was cut off' },
    { type: 'remove', field: '/etc/app/tree.d/view', reason: 'left by a run that was cut off' },
  ])
})

t.test('a file made with a secret is nobody else\'s, and its content is shown nowhere', async t => {
  const machine = testMachine(t)
  const key = (text: string): Partial<ConfigTreeProps> => ({ files: { key: { content: makeSecret(text) }, plain: { content: 'plain\n' } } })
  await settles(t, machine, app(key('hunter2')), [
    { type: 'create', reason: 'makes /etc, /etc/app' },
    { type: 'create', field: 'key', secret: true },
    { type: 'create', field: 'plain', to: 'plain\n' },
  ])
  t.equal(machine.stat('/etc/app/tree.d/1/key')?.mode, '0600')
  await settles(t, machine, app(key('hunter3')), [{ type: 'update', field: 'key', secret: true }], { secrets: ['hunter2'] })
  await settles(t, machine, app({ files: { key: { content: 'open\n' }, plain: { content: 'plain\n' } } }), [
    { type: 'update', field: 'key', reason: 'what it replaces is not shown: others may not read it', to: 'open\n' },
    { type: 'update', field: 'key mode', from: '0600', to: '0644' },
  ], { secrets: ['hunter3'] })
  await settles(t, machine, app(key('hunter4')), [
    { type: 'update', field: 'key', secret: true },
    { type: 'update', field: 'key mode', from: '0644', to: '0600' },
  ])
  await settles(t, machine, app({ files: {} }), [
    { type: 'remove', field: 'key', reason: 'what it says is not shown: others may not read it' },
    { type: 'remove', field: 'plain', from: 'plain\n' },
  ], { secrets: ['hunter4'] })
})

t.test('of what a checker says about a tree with a secret only lines about its other files are shown', async t => {
  const machine = testMachine(t)
  const files = { key: { content: makeSecret('token hunter2;\n') }, plain: { content: 'plain\n' } }
  const script = 'cat "$1/key"; echo "strange $(cat "$1/key") in $1/key:1"; echo "strange plain in $1/plain:1"; exit 1'
  const { settled, events } = await take(machine, app({ files, verify: ['sh', '-c', script, 'sh', '{path}'] }))
  t.equal(settled.failure?.output, [
    '(not shown: the tree holds a secret)',
    '/etc/app/tree/key:1 (not shown: it holds a secret)',
    'strange plain in /etc/app/tree/plain:1',
  ].join('\n'))
  t.match(settled.failure?.message, 'at /etc/app/tree/key:1')
  t.notMatch(JSON.stringify(events), 'hunter2')
})

t.test('looking at a settled tree starts no program', async t => {
  const machine = testMachine(t)
  await taken(machine, app({ verify: ['true', '{path}'] }))
  const probe = (): never => t.fail('a program was started') as never
  t.strictSame(await look(app({ verify: ['true', '{path}'] }), surroundings({ ...machine, probe, run: probe }, [])), [])
})

t.test('a tree does not take the place of itself', async t => {
  for (const replaces of ['/etc/app', '/etc/app/', '/etc/./app', '/etc/app.d', '/etc']) {
    t.throws(() => configTree({ path: '/etc/app', files: {}, replaces: [replaces] }), { code: 'resource.invalid', message: /where the tree itself lies/ } as object as Error, replaces)
  }
})
