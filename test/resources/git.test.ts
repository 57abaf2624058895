import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Event } from '../../src/core/events.ts'
import { makeSecret } from '../../src/core/secret.ts'
import { look, settle, type Settled } from '../../src/engine/settle.ts'
import { gitWorker } from '../../src/machine/git.ts'
import { git, type GitProps } from '../../src/resources/git.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { plainGit, recorder, repository, type Recorder, type Repository } from '../support/git-repository.ts'
import { testMachine, type TestMachine } from '../support/machine.ts'

interface Stage {
  readonly from: Repository
  readonly machine: TestMachine
  readonly recorded: Recorder
  readonly first: string
  app(more?: Partial<GitProps>): ReturnType<typeof git>
  /** The path on the host. */
  at(name: string): string
  run(more?: Partial<GitProps>): Promise<Settled>
}

/** A repository with one commit, and a machine that would have it at /srv/app. */
function stage(t: Test, files: Record<string, string> = { 'index.html': 'one\n', 'd/b': 'b\n' }): Stage {
  const from = repository(t, files)
  const recorded = recorder(t)
  const plain = testMachine(t)
  const machine = { ...plain, git: gitWorker({ hostPath: plain.hostPath, env: { PATH: recorded.path, HOME: '/nonexistent' } }) }
  const app = (more: Partial<GitProps> = {}): ReturnType<typeof git> => git({ repository: from.url, ref: 'main', path: '/srv/app', ...more })
  return {
    from,
    machine,
    recorded,
    first: from.git('rev-parse', 'main'),
    app,
    at: name => join(machine.dir, 'srv/app', name),
    run: more => settle(app(more), surroundings(machine, [])),
  }
}

const made = { reason: 'makes /srv, /srv/app' }

t.test('releases', async t => {
  t.test('a commit becomes a release, and current leads to it', async t => {
    const { machine, first, app, at } = stage(t)
    await settles(t, machine, app(), [{ type: 'create', field: 'revision', to: first, ...made }])
    t.equal(readlinkSync(at('current')), `releases/${first}`)
    t.strictSame(readdirSync(at(`releases/${first}`)).sort(), ['d', 'index.html'], 'exactly the commit’s files, and no .git')
    t.equal(readFileSync(at('current/index.html'), 'utf8'), 'one\n')
    t.strictSame(readdirSync(at('')).sort(), ['current', 'releases', 'repository.git'])
    t.equal(lstatSync(at('repository.git')).mode & 0o777, 0o700, 'the cache is nobody else’s to read')
    t.equal(app().revision(machine), first)
  })

  t.test('a new commit is a new release beside the old', async t => {
    const { machine, from, first, app, at, run } = stage(t)
    await run()
    const second = from.commit({ 'index.html': 'two\n', 'd/b': null })
    await settles(t, machine, app(), [{ type: 'update', field: 'revision', from: first, to: second }])
    t.strictSame(readdirSync(at('releases')).sort(), [first, second].sort())
    t.equal(readFileSync(at('current/index.html'), 'utf8'), 'two\n')
    t.notOk(existsSync(at('current/d')))
  })

  t.test('a settled check asks the remote once, and forks nothing else', async t => {
    const { machine, app, run, recorded } = stage(t)
    await run()
    const before = recorded.calls().length
    const around = surroundings(machine, [])
    t.strictSame(await look(app(), around), [])
    t.equal(recorded.calls().length, before + 1)
    t.match(recorded.calls().at(-1), /ls-remote/)
    t.strictSame(await look(app(), around), [])
    t.equal(recorded.calls().length, before + 1, 'nor is it asked again in the same run')
  })

  t.test('a full SHA that is checked out asks no remote at all', async t => {
    const { machine, from, app, first, run, recorded } = stage(t)
    await run({ ref: first })
    rmSync(from.dir, { recursive: true })
    const before = recorded.calls().length
    t.strictSame(await look(app({ ref: first }), surroundings(machine, [])), [])
    t.equal(recorded.calls().length, before)
  })

  t.test('a commit that the cache has is not fetched', async t => {
    const { from, first, run, recorded } = stage(t)
    await run()
    from.commit({ 'index.html': 'two\n' })
    await run()
    const before = recorded.calls().length
    t.equal((await run({ ref: first })).outcome, 'changed')
    t.notMatch(recorded.calls().slice(before).join('\n'), /fetch/)
  })

  t.test('a push in the middle of a run changes nothing', async t => {
    const { machine, from, app, first } = stage(t)
    const around = surroundings(machine, [])
    t.match(await look(app(), around), [{ to: first }])
    from.commit({ 'index.html': 'two\n' })
    t.equal((await settle(app(), around)).outcome, 'changed')
    t.equal(app().revision(machine), first)
    t.strictSame(await look(app(), around), [], 'nor is it found missing when verified')
  })

  t.test('a push between the question and the fetch fetches what was asked for', async t => {
    const { machine, from, app, first } = stage(t)
    const around = surroundings(machine, [])
    await look(app(), around)
    from.git('checkout', '--quiet', '--orphan', 'new')
    from.commit({ 'index.html': 'rewritten\n' })
    from.git('branch', 'keeps', 'main')
    from.git('branch', '-M', 'new', 'main')
    t.equal((await settle(app(), around)).outcome, 'changed')
    t.equal(app().revision(machine), first)
  })

  for (const [kind, ref] of [['an annotated tag', 'v1'], ['a lightweight tag', 'light'], ['a branch with a slash', 'feature/x'], ['the default branch', 'HEAD']] as const) {
    t.test(`${kind} is taken`, async t => {
      const { machine, from, first, app, run } = stage(t)
      from.git('tag', '-a', '-m', 'a tag', 'v1')
      from.git('tag', 'light')
      from.git('branch', 'feature/x')
      await run({ ref })
      t.equal(app().revision(machine), first)
    })
  }

  t.test('a ref that is not there is named', async t => {
    const { run, at } = stage(t)
    const { failure } = await run({ ref: 'mian' })
    t.match(failure, { code: 'git.missing', message: /git\[\/srv\/app\].*mian/ })
    t.notOk(existsSync(at('')))
    t.match((await run({ ref: 'abcdef1' })).failure, { code: 'git.missing', hint: /full SHA/ })
  })

  t.test('the newest are kept, and always the current one and the one before it', async t => {
    const { machine, from, first, at, app, run } = stage(t)
    const all = [first]
    await run({ keep: 3 })
    utimesSync(at(`repository.git/sunup/${first}.index`), 1, 1)
    for (const n of [2, 3, 4]) {
      all.push(from.commit({ 'index.html': `${n}\n` }))
      await run({ keep: 3 })
      utimesSync(at(`repository.git/sunup/${all.at(-1)}.index`), n, n)
    }
    t.strictSame(readdirSync(at('releases')).sort(), all.slice(1).sort())
    t.strictSame(await look(app({ keep: 3 }), surroundings(machine, [])), [])
    // Back to the oldest; the one before is then the newest.
    await run({ keep: 3, ref: all[1] as string })
    t.strictSame(readdirSync(at('releases')).sort(), all.slice(1).sort())
    await settles(t, machine, app({ keep: 1, ref: all[1] as string }), [{ type: 'remove', field: 'release', from: all[2] as string }])
    t.strictSame(readdirSync(at('releases')).sort(), [all[1], all[3]].sort())
    t.strictSame(readdirSync(at('repository.git/sunup')).filter(name => name.endsWith('.index')).sort(), [`${all[1]}.index`, `${all[3]}.index`].sort())
  })

  t.test('local changes are refused, and named', async t => {
    const { from, at, run } = stage(t)
    await run()
    writeFileSync(at('current/index.html'), 'edited\n')
    rmSync(at('current/d/b'))
    t.match((await run()).failure, { code: 'git.changed', message: /D d\/b, M index.html/, hint: /discard/ })
    from.commit({ 'index.html': 'two\n' })
    t.match((await run()).failure, { code: 'git.changed' }, 'nor is an edited release left for a new one')
    t.equal(readFileSync(at('current/index.html'), 'utf8'), 'edited\n')
  })

  t.test('local changes are discarded where that is asked for', async t => {
    const { machine, app, at, run } = stage(t)
    await run()
    writeFileSync(at('current/index.html'), 'edited\n')
    rmSync(at('current/d/b'))
    writeFileSync(at('current/upload'), 'x\n')
    await settles(t, machine, app({ discard: true }), [{ type: 'update', field: 'files', from: ['D d/b', 'M index.html'], reason: 'changed on this machine, and discarded' }])
    t.equal(readFileSync(at('current/index.html'), 'utf8'), 'one\n')
    t.ok(existsSync(at('current/upload')), 'untracked files stay')
  })

  t.test('a release that was edited is not gone back to', async t => {
    const { from, first, at, run } = stage(t)
    await run()
    from.commit({ 'index.html': 'two\n' })
    await run()
    writeFileSync(at(`releases/${first}/index.html`), 'edited\n')
    t.match((await run({ ref: first })).failure, { code: 'git.changed' })
  })

  t.test('a repository that moved is fetched from its new place', async t => {
    const { machine, from, app, run } = stage(t)
    await run()
    const other = repository(t, {})
    other.git('pull', '--quiet', from.dir, 'main', '--allow-unrelated-histories', '--no-rebase', '--no-edit')
    const commit = other.commit({ 'index.html': 'moved\n' })
    t.equal((await run({ repository: other.url })).outcome, 'changed')
    t.equal(app().revision(machine), commit)
    t.notMatch(readFileSync(join(machine.dir, 'srv/app/repository.git/config'), 'utf8'), /url/, 'no remote is stored')
  })

  t.test('a cache with torn objects is cloned anew', async t => {
    const { from, machine, at, run, app } = stage(t)
    await run()
    spoil(at('repository.git'))
    const second = from.commit({ 'index.html': 'two\n' })
    t.match(await run(), { outcome: 'changed' })
    t.equal(app().revision(machine), second)
    t.strictSame(await look(app(), surroundings(machine, [])), [])
  })

  t.test('a cache that lost a file of a commit it has is cloned anew', async t => {
    const { from, machine, first, at, run, app } = stage(t)
    await run()
    from.commit({ 'index.html': 'two\n' })
    await run()
    rmSync(at(`releases/${first}`), { recursive: true })
    // All objects but the one blob that the checkout needs.
    const cache = at('repository.git')
    unpackAll(cache)
    const blob = plainGit(from.dir, 'rev-parse', `${first}:index.html`)
    rmSync(join(cache, 'objects', blob.slice(0, 2), blob.slice(2)))
    t.match(await run({ ref: first }), { outcome: 'changed' })
    t.equal(app().revision(machine), first)
    t.equal(readFileSync(at('current/index.html'), 'utf8'), 'one\n')
  })

  t.test('a cache of which a power cut left half is completed', async t => {
    for (const half of ['HEAD', 'config', 'objects', 'refs']) {
      const { machine, first, at, run, app, from } = stage(t)
      await run()
      rmSync(at(`repository.git/${half}`), { recursive: true })
      from.commit({ 'index.html': 'two\n' })
      t.equal((await run()).outcome, 'changed', `without ${half}`)
      t.not(app().revision(machine), first)
    }
  })

  t.test('a torn index is written anew, with its files', async t => {
    const { machine, first, at, run, app } = stage(t)
    await run()
    truncateSync(at(`repository.git/sunup/${first}.index`), 20)
    await settles(t, machine, app(), [{ type: 'update', field: 'files', reason: `the index of ${first} is gone, so its files are written again` }])
  })

  t.test('a release that was removed is made again', async t => {
    const { machine, first, at, run, app } = stage(t)
    await run()
    rmSync(at(`releases/${first}`), { recursive: true })
    await settles(t, machine, app(), [{ type: 'create', field: 'release', to: first }])
  })

  t.test('what a crash left of an earlier release is removed', async t => {
    const { machine, at, run, app } = stage(t)
    await run()
    const left = 'a'.repeat(40)
    mkdirSync(at(`releases/.${left}.new/d`), { recursive: true })
    mkdirSync(at(`releases/.${left}.old`))
    mkdirSync(at('releases/somebody-else'))
    await settles(t, machine, app(), [
      { type: 'remove', field: 'leftover', from: `.${left}.new` },
      { type: 'remove', field: 'leftover', from: `.${left}.old` },
    ])
    t.ok(existsSync(at('releases/somebody-else')))
  })

  t.test('a half checkout is taken up', async t => {
    const { machine, first, at, run, app } = stage(t)
    mkdirSync(at(`releases/.${first}.new/d`), { recursive: true })
    writeFileSync(at(`releases/.${first}.new/d/b`), 'tor')
    t.match(await look(app(), surroundings(machine, [])), [{ field: 'revision' }])
    await run()
    t.strictSame(readdirSync(at('releases')), [first])
    t.equal(readFileSync(at('current/d/b'), 'utf8'), 'b\n')
  })

  t.test('what the release’s name held before the link of a staging root is followed inside it', async t => {
    const { machine, first, run, app } = stage(t)
    mkdirSync(join(machine.dir, 'data'))
    symlinkSync('/data', join(machine.dir, 'srv'))
    await run()
    t.equal(app().revision(machine), first)
    t.ok(existsSync(join(machine.dir, 'data/app/current/index.html')))
  })
})

t.test('in place', async t => {
  const there = { layout: 'inPlace' } as const

  t.test('a commit is checked out to the directory itself', async t => {
    const { machine, first, app, at } = stage(t)
    await settles(t, machine, app(there), [{ type: 'create', field: 'revision', to: first, ...made }])
    t.strictSame(readdirSync(at('')).sort(), ['.git', 'd', 'index.html'])
    t.equal(plainGit(at(''), '-c', `safe.directory=${at('')}`, 'rev-parse', 'HEAD'), first, 'as a git repository')
    t.equal(plainGit(at(''), '-c', `safe.directory=${at('')}`, 'status', '--porcelain'), '')
    t.equal(app(there).revision(machine), first)
  })

  t.test('a new commit replaces the files that differ', async t => {
    const { machine, from, first, app, at, run } = stage(t)
    await run(there)
    writeFileSync(at('upload'), 'x\n')
    const second = from.commit({ 'index.html': 'two\n', 'd/b': null })
    await settles(t, machine, app(there), [{ type: 'update', field: 'revision', from: first, to: second }])
    t.strictSame(readdirSync(at('')).sort(), ['.git', 'index.html', 'upload'])
  })

  t.test('a settled check asks the remote once, and forks nothing else', async t => {
    const { machine, app, run, recorded } = stage(t)
    await run(there)
    const before = recorded.calls().length
    t.strictSame(await look(app(there), surroundings(machine, [])), [])
    t.equal(recorded.calls().length, before + 1)
  })

  t.test('local changes are refused, staged ones too', async t => {
    const { at, run } = stage(t)
    await run(there)
    writeFileSync(at('index.html'), 'edited\n')
    t.match((await run(there)).failure, { code: 'git.changed', message: /M index.html/ })
    plainGit(at(''), '-c', `safe.directory=${at('')}`, 'add', 'index.html')
    t.match((await run(there)).failure, { code: 'git.changed', message: /M index.html/ })
    t.equal(readFileSync(at('index.html'), 'utf8'), 'edited\n')
  })

  t.test('local changes are discarded where that is asked for', async t => {
    const { machine, app, at, run } = stage(t)
    await run(there)
    writeFileSync(at('index.html'), 'edited\n')
    await settles(t, machine, app({ ...there, discard: true }), [{ type: 'update', field: 'files', from: ['M index.html'], reason: 'changed on this machine, and discarded' }])
    t.equal(readFileSync(at('index.html'), 'utf8'), 'one\n')
  })

  t.test('a directory with somebody’s files is refused', async t => {
    const { at, run } = stage(t)
    mkdirSync(at(''), { recursive: true })
    writeFileSync(at('index.html'), 'mine\n')
    t.match((await run(there)).failure, { code: 'file.kind', message: /index\.html/ })
    t.equal(readFileSync(at('index.html'), 'utf8'), 'mine\n')
    t.equal((await run({ ...there, discard: true })).outcome, 'changed')
    t.equal(readFileSync(at('index.html'), 'utf8'), 'one\n')
  })

  t.test('a clone that somebody made is taken over, on its branch too', async t => {
    const { machine, from, app, at, run } = stage(t)
    mkdirSync(at('..'), { recursive: true })
    plainGit(at('..'), 'clone', '--quiet', from.url, 'app')
    t.strictSame(await look(app(there), surroundings(machine, [])), [])
    const second = from.commit({ 'index.html': 'two\n' })
    await run(there)
    t.equal(app(there).revision(machine), second)
    t.equal(readFileSync(at('index.html'), 'utf8'), 'two\n')
  })

  t.test('a checkout that did not end is ended, and called nobody’s work', async t => {
    const { machine, from, app, at, run } = stage(t)
    await run(there)
    const second = from.commit({ 'index.html': 'two\n', 'd/b': null })
    // As a kill between the first file and the index leaves it.
    writeFileSync(at('.git/sunup-checkout'), `${second}\n`)
    writeFileSync(at('index.html'), 'tw')
    t.equal((await run(there)).outcome, 'changed')
    t.equal(app(there).revision(machine), second)
    t.strictSame(readdirSync(at('')).sort(), ['.git', 'index.html'])
    t.strictSame(await look(app(there), surroundings(machine, [])), [])
  })

  t.test('a repository with torn objects is cloned anew', async t => {
    const { from, machine, at, run, app } = stage(t)
    await run(there)
    spoil(at('.git'))
    const second = from.commit({ 'index.html': 'two\n', 'd/b': null })
    t.equal((await run(there)).outcome, 'changed')
    t.equal(app(there).revision(machine), second)
    t.strictSame(readdirSync(at('')).sort(), ['.git', 'index.html'])
    t.strictSame(await look(app(there), surroundings(machine, [])), [])
  })
})

t.test('a token or key is in no event and in no argv', async t => {
  const { machine, recorded } = stage(t)
  const events: Event[] = []
  const secrets = { token: makeSecret('tok-0123456789') }
  const { failure } = await settle(git({ repository: 'http://127.0.0.1:1/repo', path: '/srv/app', retries: 0, ...secrets }), surroundings(machine, events))
  t.match(failure, { code: 'network.failed' })
  t.notMatch(JSON.stringify(events) + recorded.calls().join('\n'), /tok-0123456789/)
})

t.test('what is wrong with the props is refused', async t => {
  const good = { repository: 'https://git.example.com/app.git', path: '/srv/app' }
  const refused = (props: object, code: string): void => void t.throws(() => git({ ...good, ...props } as GitProps), { code }, JSON.stringify(props))
  t.doesNotThrow(() => git(good))
  for (const repository of ['git@github.com:acme/infra.git', 'ssh://git@host:22/x', '/srv/git/app.git', 'file:///srv/git/app.git', 'codecommit::eu-west-1://app']) t.doesNotThrow(() => git({ ...good, repository }), repository)
  for (const repository of ['app.git', './app', '--upload-pack=x', '-oProxyCommand=x:y']) refused({ repository }, 'resource.invalid')
  refused({ repository: 'https://user:pass@git.example.com/app.git' }, 'secret.misplaced')
  refused({ repository: 'https://ghp_0123@git.example.com/app.git' }, 'secret.misplaced')
  refused({ repository: 'https://ghp_0123:@git.example.com/app.git' }, 'secret.misplaced')
  t.doesNotThrow(() => git({ ...good, repository: 'https://ada@git.example.com/app.git', token: makeSecret('x') }), 'whose token it is')
  for (const ref of ['-x', 'a..b', 'a b', 'a:b', '+main', 'a^', 'x.lock', '*'].filter(ref => ref !== '+main')) refused({ ref }, 'resource.invalid')
  refused({ layout: 'inplace' }, 'resource.invalid')
  refused({ keep: -1 }, 'resource.invalid')
  refused({ token: 'plain' }, 'secret.misplaced')
  refused({ repository: 'http://git.example.com/app.git', token: makeSecret('x') }, 'resource.invalid')
  refused({ repository: 'git@host:x', token: makeSecret('x') }, 'resource.invalid')
  refused({ key: '-----BEGIN OPENSSH PRIVATE KEY-----' }, 'secret.misplaced')
  refused({ key: 'id_ed25519' }, 'resource.invalid')
  refused({ repo: 'x' }, 'resource.invalid')
})

/** Cuts every pack short. */
function spoil(gitDirectory: string): void {
  const packs = join(gitDirectory, 'objects/pack')
  for (const name of readdirSync(packs).filter(name => name.endsWith('.pack'))) {
    chmodSync(join(packs, name), 0o644)
    truncateSync(join(packs, name), 40)
  }
}

function unpackAll(gitDirectory: string): void {
  const packs = join(gitDirectory, 'objects/pack')
  for (const name of readdirSync(packs).filter(name => name.endsWith('.pack'))) {
    const pack = readFileSync(join(packs, name))
    rmSync(join(packs, name))
    rmSync(join(packs, name.replace('.pack', '.idx')))
    execFileSync('git', ['unpack-objects', '-q'], { input: pack, env: { PATH: process.env.PATH, GIT_DIR: gitDirectory } })
  }
}

