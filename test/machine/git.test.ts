import t, { type Test } from 'tap'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Failure } from '../../src/core/failure.ts'
import type { Checkout, GitWorker } from '../../src/core/git.ts'
import { makeSecret } from '../../src/core/secret.ts'
import { gitWorker } from '../../src/machine/git.ts'
import { onlyRootSetsOwners, rootIgnoresModes } from '../support/machine.ts'
import { aside, gitBackend, httpServer, plainGit, recorder, repository, type Recorder } from '../support/git-repository.ts'

const signal = new AbortController().signal
const worker = (env?: Record<string, string>): GitWorker => gitWorker({ hostPath: path => path, env: { HOME: '/nonexistent', PATH: process.env.PATH ?? '', ...env } })
const nothing = 'f'.repeat(40)

interface Cloned {
  readonly from: ReturnType<typeof repository>
  readonly commit: string
  readonly checkout: Checkout & { readonly index: string }
  readonly recorded: Recorder
  readonly git: GitWorker
}

/** A cache, and a work tree of the branch main beside it. */
async function cloned(t: Test, files?: Record<string, string>, ...initArgs: string[]): Promise<Cloned> {
  const from = repository(t, files, ...initArgs)
  const dir = t.testdir()
  const recorded = recorder(t)
  const git = worker({ PATH: recorded.path })
  const commit = from.git('rev-parse', 'main')
  const checkout = { gitDirectory: join(dir, 'cache'), workTree: join(dir, 'tree'), index: join(dir, 'cache/sunup/index') }
  await git.init(checkout.gitDirectory, { bare: true }, signal)
  if (initArgs.length > 0) rmSync(checkout.gitDirectory, { recursive: true })
  if (initArgs.length > 0) plainGit(dir, 'init', '--quiet', '--bare', ...initArgs, 'cache')
  await git.fetch(checkout.gitDirectory, { url: from.url }, 'main', commit, signal)
  await git.checkout(checkout, commit, signal)
  return { from, commit, checkout, recorded, git }
}

t.test('a ref is resolved as git reads it', async t => {
  const from = repository(t)
  const first = from.git('rev-parse', 'HEAD')
  from.git('tag', 'light')
  from.git('tag', '-a', '-m', 'a tag', 'annotated')
  from.git('branch', 'feature/x')
  const second = from.commit({ 'index.html': 'two\n' })
  from.git('branch', 'both', first)
  from.git('tag', 'both', second)
  const git = worker()
  const resolve = (ref: string): Promise<string | undefined> => git.resolve({ url: from.url }, ref, signal)
  t.equal(await resolve('main'), second, 'a branch')
  t.equal(await resolve('feature/x'), first, 'a branch with a slash')
  t.equal(await resolve('light'), first, 'a tag')
  t.equal(await resolve('annotated'), first, 'an annotated tag is peeled')
  t.equal(await resolve('refs/tags/annotated'), first, 'under its full name, too')
  t.equal(await resolve('both'), second, 'a tag wins over the branch of its name')
  t.equal(await resolve('refs/heads/both'), first, 'whose full name means it')
  t.equal(await resolve('HEAD'), second, 'the default branch')
  t.equal(await resolve('x'), undefined, 'the last part of a name is not the name')
})

t.test('a full SHA is answered without asking', async t => {
  const recorded = recorder(t)
  t.equal(await worker({ PATH: recorded.path }).resolve({ url: 'file:///nonexistent' }, nothing.toUpperCase(), signal), nothing)
  t.strictSame(recorded.calls(), [])
})

t.test('only the ref is fetched', async t => {
  const from = repository(t)
  from.git('checkout', '--quiet', '-b', 'other')
  const other = from.commit({ other: 'x\n' })
  const commit = from.git('rev-parse', 'main')
  const cache = join(t.testdir(), 'cache')
  const git = worker()
  await git.init(cache, { bare: true }, signal)
  t.equal(await git.has(cache, commit, signal), false)
  await git.fetch(cache, { url: from.url }, 'main', commit, signal)
  t.equal(await git.has(cache, commit, signal), true)
  t.equal(await git.has(cache, other, signal), false)
})

t.test('a commit that its branch has left behind is fetched', async t => {
  const from = repository(t)
  const old = from.commit({ 'index.html': 'gone\n' })
  from.git('branch', 'keeps', old)
  from.git('reset', '--quiet', '--hard', 'HEAD~1')
  from.commit({ 'index.html': 'rewritten\n' })
  const cache = join(t.testdir(), 'cache')
  const git = worker()
  await git.init(cache, { bare: true }, signal)
  await git.fetch(cache, { url: from.url }, 'main', old, signal)
  t.equal(await git.has(cache, old, signal), true)
})

t.test('a SHA that no ref names is found by fetching all, where the server hands out refs alone', async t => {
  const from = repository(t)
  const inner = from.git('rev-parse', 'HEAD')
  from.commit({ 'index.html': 'two\n' })
  const backend = gitBackend(from)
  // Protocol 0, in which a server hands out nothing but what its refs name.
  const url = await httpServer(t, (request, response) => {
    delete request.headers['git-protocol']
    backend(request, response)
  })
  const cache = join(t.testdir(), 'cache')
  const git = worker()
  await git.init(cache, { bare: true }, signal)
  await git.fetch(cache, { url: `${url}/repo` }, inner, inner, signal)
  t.equal(await git.has(cache, inner, signal), true)
})

t.test('a commit that the remote does not have is missing', async t => {
  const from = repository(t)
  const cache = join(t.testdir(), 'cache')
  const git = worker()
  await git.init(cache, { bare: true }, signal)
  await t.rejects(git.fetch(cache, { url: from.url }, nothing, nothing, signal), { code: 'git.missing' })
})

t.test('a ref may be a directory of refs later', async t => {
  const from = repository(t)
  from.git('branch', 'topic')
  const cache = join(t.testdir(), 'cache')
  const git = worker()
  await git.init(cache, { bare: true }, signal)
  await git.fetch(cache, { url: from.url }, 'topic', from.git('rev-parse', 'topic'), signal)
  from.git('branch', '-D', 'topic')
  const commit = from.commit({ 'index.html': 'two\n' })
  from.git('branch', 'topic/one')
  await git.fetch(cache, { url: from.url }, 'topic/one', commit, signal)
  t.equal(await git.has(cache, commit, signal), true)
})

t.test('what went wrong is told apart', async t => {
  const git = worker()
  const asking = (url: string): Promise<unknown> => git.resolve({ url }, 'main', signal)
  const answering = (status: number): Promise<string> => httpServer(t, (_request, response) => void response.writeHead(status, { 'www-authenticate': 'Basic realm="x"' }).end())
  await t.rejects(asking(`file://${t.testdir()}/nothing`), { code: 'git.missing' }, 'no such repository')
  await t.rejects(asking('http://127.0.0.1:1/repo'), { code: 'network.failed' }, 'refused')
  await t.rejects(asking('ssh://nobody@127.0.0.1:1/repo'), { code: 'network.failed' }, 'refused, over ssh')
  await t.rejects(asking(`${await answering(503)}/repo`), { code: 'network.failed' }, 'a server in trouble')
  await t.rejects(asking(`${await answering(404)}/repo`), { code: 'git.missing' }, 'not found')
  await t.rejects(asking(`${await answering(401)}/repo`), { code: 'git.denied', hint: /token/ }, 'a login is wanted, and never asked for')
  await t.rejects(asking(`${await answering(403)}/repo`), { code: 'git.denied' }, 'forbidden')
  await t.rejects(worker({ PATH: t.testdirName }).resolve({ url: 'file:///x' }, 'main', signal), { code: 'absent.command', subject: 'git' }, 'no git')
})

t.test('a connection that is cut off may be tried again', async t => {
  const server = createServer(socket => void socket.once('data', () => socket.destroy()))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  await t.rejects(worker().resolve({ url: `http://127.0.0.1:${port}/repo` }, 'main', signal), { code: 'network.failed' })
})

t.test('an aborted signal ends the git', async t => {
  const controller = new AbortController()
  const reason = new Failure('signal.term', 'ended by SIGTERM')
  let gone: Promise<void> | undefined
  const url = await httpServer(t, request => {
    gone = new Promise(resolve => void request.socket.once('close', () => resolve()))
    controller.abort(reason)
  })
  await t.rejects(worker().resolve({ url: `${url}/repo` }, 'main', controller.signal), reason)
  t.resolves(gone as unknown as Promise<void>, 'its connection is closed')
  await gone
})

t.test('an aborted signal ends even what git waits for', async t => {
  const recorded = recorder(t)
  const dir = t.testdir()
  // It ignores being told to end, and holds git's output open, until the test is over.
  recorded.script('ssh', `trap '' INT TERM; echo $$ > ${dir}/pid; mkfifo ${dir}/never; read x < ${dir}/never`)
  const controller = new AbortController()
  const asking = worker({ PATH: recorded.path }).resolve({ url: 'ssh://a@b/c' }, 'main', controller.signal)
  while (!existsSync(join(dir, 'never'))) await new Promise(resolve => void setImmediate(resolve))
  const reason = new Failure('resource.timeout', 'too long')
  controller.abort(reason)
  await t.rejects(asking, reason)
  process.kill(Number(readFileSync(join(dir, 'pid'), 'utf8')), 'SIGKILL')
})

t.test('a token opens the door, and stands in no argv, nor in an error', async t => {
  const from = repository(t)
  const token = 'tok-\\n%s-"$HOME"-0123456789'
  const recorded = recorder(t)
  const dir = aside(t, 'argv')
  // The whole process table, seen from within the call.
  const spied = recorder(t)
  spied.script('git', `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' >> ${dir}/argv; env >> ${dir}/env; exec ${JSON.stringify(recorded.path.split(':')[0])}/git "$@"`)
  const backend = gitBackend(from)
  const url = await httpServer(t, (request, response) => {
    const given = Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString()
    readdirSync('/proc').forEach(pid => /^\d+$/.test(pid) && existsSync(`/proc/${pid}/cmdline`) && look(pid))
    if (given !== `x-access-token:${token}`) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    backend(request, response)
  })
  const seen: string[] = []
  function look(pid: string): void {
    try {
      seen.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
    } catch {
      // It has ended.
    }
  }
  const git = worker({ PATH: spied.path })
  t.equal(await git.resolve({ url: `${url}/repo`, token: makeSecret(token) }, 'main', signal), from.git('rev-parse', 'main'))
  const cache = join(dir, 'cache')
  await git.init(cache, { bare: true }, signal)
  await git.fetch(cache, { url: `${url}/repo`, token: makeSecret(token) }, 'main', from.git('rev-parse', 'main'), signal)
  const said = [...seen, readFileSync(join(dir, 'argv'), 'utf8'), ...recorded.calls(), readFileSync(join(cache, 'config'), 'utf8')].join('\n')
  t.match(said, /ls-remote/, 'argvs were seen')
  t.notOk(said.includes(token), 'the token is in none of them')
  t.match(readFileSync(join(dir, 'env'), 'utf8'), /SUNUP_GIT_TOKEN=/)
  t.notOk(readFileSync(join(dir, 'env'), 'utf8').includes(token), 'nor in the environment, which a library may log')
  const error = await git.resolve({ url: `${url}/repo`, token: makeSecret('wrong-token') }, 'main', signal).catch(error => error as Failure)
  t.match(error, { code: 'git.denied' })
  t.notMatch(JSON.stringify({ ...(error as Failure), message: (error as Failure).message }), /wrong-token/)
})

t.test('a token is not carried to another host by a redirect', async t => {
  const heard: (string | undefined)[] = []
  const other = await httpServer(t, (request, response) => {
    heard.push(request.headers.authorization)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
  })
  const url = await httpServer(t, (request, response) => void response.writeHead(302, { location: `${other}${request.url}` }).end())
  await t.rejects(worker().resolve({ url: `${url}/repo`, token: makeSecret('tok-123') }, 'main', signal), { code: 'git.denied' })
  t.ok(heard.length > 0, 'the other host was asked')
  t.strictSame(heard.filter(one => one !== undefined), [])
})

t.test('a key and known hosts reach ssh as private files that nobody else sees', async t => {
  const from = repository(t)
  const recorded = recorder(t)
  const dir = t.testdir()
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----'
  recorded.script(
    'ssh',
    `printf '%s\\n' "$@" > ${dir}/argv
     for last do case "$last" in UserKnownHostsFile=*) cat "\${last#*=}" > ${dir}/hosts;; esac; done
     while [ "$1" != -i ]; do shift; done; stat -L -c %a "$2" > ${dir}/mode; cat "$2" > ${dir}/key
     for last do :; done; eval "exec \${last}"`,
  )
  const before = readdirSync(tmpdir()).filter(name => name.startsWith('sunup-') && !name.startsWith('sunup-test-'))
  const remote = { url: `ssh://git@host.example${from.dir}`, key: makeSecret(key), knownHosts: 'host.example ssh-ed25519 AAAA' }
  t.equal(await worker({ PATH: recorded.path }).resolve(remote, 'main', signal), from.git('rev-parse', 'main'))
  const argv = readFileSync(join(dir, 'argv'), 'utf8')
  t.match(argv, /^BatchMode=yes$/m)
  t.match(argv, /^ConnectTimeout=15$/m)
  t.match(argv, /^StrictHostKeyChecking=yes$/m)
  t.match(argv, /^GlobalKnownHostsFile=\/dev\/null$/m)
  t.match(argv, /^IdentitiesOnly=yes$/m)
  t.notMatch(argv, /c2VjcmV0|AAAA/, 'neither text is in the argv')
  t.equal(readFileSync(join(dir, 'key'), 'utf8'), `${key}\n`, 'the whole key, ended by a newline')
  t.equal(readFileSync(join(dir, 'mode'), 'utf8').trim(), '600')
  t.equal(readFileSync(join(dir, 'hosts'), 'utf8').trim(), remote.knownHosts)
  t.notMatch(recorded.calls().join('\n'), /c2VjcmV0/)
  t.strictSame(readdirSync(tmpdir()).filter(name => name.startsWith('sunup-') && !name.startsWith('sunup-test-')), before, 'nothing of it is left')
})

t.test('without known hosts of its own, ssh asks nobody and learns no host', async t => {
  const recorded = recorder(t)
  const dir = t.testdir({ key: 'a key' })
  recorded.script('ssh', `printf '%s\\n' "$@" > ${dir}/argv; echo 'Host key verification failed.' >&2; exit 255`)
  await t.rejects(worker({ PATH: recorded.path }).resolve({ url: 'git@host.example:repo', key: join(dir, 'key') }, 'main', signal), { code: 'git.denied', hint: /knownHosts/ })
  const argv = readFileSync(join(dir, 'argv'), 'utf8')
  t.match(argv, /^BatchMode=yes$/m)
  t.ok(argv.includes(join(dir, 'key')), 'a key’s path is given as it is')
  t.notMatch(argv, /StrictHostKeyChecking=(no|accept-new)/)
})

t.test('a checkout is exactly the commit', async t => {
  const { checkout } = await cloned(t, { a: 'a\n', 'd/b': 'b\n' })
  t.strictSame(readdirSync(checkout.workTree).sort(), ['a', 'd'])
  t.equal(readFileSync(join(checkout.workTree, 'd/b'), 'utf8'), 'b\n')
})

t.test('the user’s configuration changes no byte, and runs no hook', async t => {
  const from = repository(t, { text: 'one\ntwo\n' })
  const home = t.testdir({ '.gitconfig': '', hooks: { 'post-index-change': '' }, clone: {} })
  writeFileSync(join(home, 'hooks/post-index-change'), `#!/bin/sh\ntouch ${home}/hooked\n`)
  chmodSync(join(home, 'hooks/post-index-change'), 0o755)
  writeFileSync(join(home, '.gitconfig'), `[core]\n\tautocrlf = true\n\thooksPath = ${home}/hooks\n\tsplitIndex = true\n[index]\n\tversion = 4\n[init]\n\tdefaultBranch = trunk\n`)
  const git = worker({ HOME: home })
  const commit = from.git('rev-parse', 'main')
  const checkout = { gitDirectory: join(home, 'clone/.git'), workTree: join(home, 'clone') }
  await git.init(checkout.gitDirectory, { bare: false }, signal)
  await git.fetch(checkout.gitDirectory, { url: from.url }, 'main', commit, signal)
  await git.checkout(checkout, commit, signal)
  t.equal(readFileSync(join(home, 'clone/text'), 'utf8'), 'one\ntwo\n')
  t.notOk(existsSync(join(home, 'hooked')))
  t.strictSame(await git.status(checkout, commit, signal), [])
})

t.test('the user’s configuration is read: a URL may be rewritten there', async t => {
  const from = repository(t)
  const home = t.testdir({ '.gitconfig': `[url "${from.url}"]\n\tinsteadOf = https://git.example.com/app.git\n` })
  t.equal(await worker({ HOME: home }).resolve({ url: 'https://git.example.com/app.git' }, 'main', signal), from.git('rev-parse', 'main'))
})

t.test('an unchanged work tree needs no git to be seen as such', async t => {
  const { git, checkout, commit, recorded } = await cloned(t, { a: 'a\n', 'd/b': 'b\n', [`${'long/'.repeat(30)}name`]: 'x\n' })
  const before = recorded.calls().length
  t.strictSame(await git.status(checkout, commit, signal), [])
  t.equal(recorded.calls().length, before)
})

t.test('with SHA-256, neither', async t => {
  const { git, checkout, commit, recorded } = await cloned(t, { a: 'a\n', 'd/b': 'b\n' }, '--object-format=sha256')
  t.equal(commit.length, 64)
  const before = recorded.calls().length
  t.strictSame(await git.status(checkout, commit, signal), [])
  t.equal(recorded.calls().length, before)
  writeFileSync(join(checkout.workTree, 'a'), 'b\n')
  t.strictSame(await git.status(checkout, commit, signal), ['M a'])
})

t.test('local changes are found, each by its kind', async t => {
  const { git, checkout, commit } = await cloned(t, { edited: 'a\n', gone: 'a\n', 'd/gone': 'a\n', executable: 'a\n', linked: 'a\n', dir: 'a\n', 'ä ö': 'a\n' })
  const tree = (name: string): string => join(checkout.workTree, name)
  writeFileSync(tree('edited'), 'b\n')
  rmSync(tree('gone'))
  rmSync(tree('d'), { recursive: true })
  writeFileSync(tree('d'), '')
  chmodSync(tree('executable'), 0o755)
  rmSync(tree('linked'))
  symlinkSync('edited', tree('linked'))
  rmSync(tree('dir'))
  mkdirSync(tree('dir'))
  writeFileSync(tree('ä ö'), 'b\n')
  const found = await git.status(checkout, commit, signal)
  t.strictSame(
    found.map(line => line.replace(/^T/, 'M')).sort(),
    ['D d/gone', 'D dir', 'D gone', 'M edited', 'M executable', 'M linked', 'M ä ö'],
  )
})

t.test('an edit that keeps size and time is found', async t => {
  const { git, checkout, commit } = await cloned(t, { a: 'a\n' })
  const file = join(checkout.workTree, 'a')
  const time = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 5_000)
  utimesSync(file, time, time)
  await git.checkout(checkout, commit, signal)
  writeFileSync(file, 'b\n')
  utimesSync(file, time, time)
  t.strictSame(await git.status(checkout, commit, signal), ['M a'])
})

t.test('a submodule is left empty, and is no change', async t => {
  const from = repository(t)
  from.git('update-index', '--add', '--cacheinfo', `160000,${nothing},sub/module`)
  from.git('commit', '--quiet', '-m', 'a submodule')
  const commit = from.git('rev-parse', 'HEAD')
  const dir = t.testdir()
  const recorded = recorder(t)
  const git = worker({ PATH: recorded.path })
  const checkout = { gitDirectory: join(dir, '.git'), workTree: dir }
  await git.init(checkout.gitDirectory, { bare: false }, signal)
  await git.fetch(checkout.gitDirectory, { url: from.url }, 'main', commit, signal)
  await git.checkout(checkout, commit, signal)
  t.strictSame(readdirSync(join(dir, 'sub/module')), [])
  const before = recorded.calls().length
  t.strictSame(await git.status(checkout, commit, signal), [])
  t.equal(recorded.calls().length, before)
})

t.test('repositories that belong to somebody else are read as the role asks, from here and there', { skip: onlyRootSetsOwners }, async t => {
  const { git, checkout, commit, from } = await cloned(t)
  for (const dir of [from.dir, checkout.gitDirectory, checkout.workTree]) execFileSync('chown', ['-R', '12345:12345', dir])
  t.equal(await git.resolve({ url: from.url }, 'main', signal), commit)
  t.equal(await git.resolve({ url: from.dir }, 'main', signal), commit)
  t.strictSame(await git.status(checkout, commit, signal), [])
  execFileSync('chown', ['-R', '0:0', from.dir])
  const next = from.commit({ 'index.html': 'two\n' })
  execFileSync('chown', ['-R', '12345:12345', from.dir])
  await git.fetch(checkout.gitDirectory, { url: from.url }, 'main', next, signal)
  await git.checkout(checkout, next, signal)
  t.equal(readFileSync(join(checkout.workTree, 'index.html'), 'utf8'), 'two\n')
})

t.test('files git does not track are no change', async t => {
  const { git, checkout, commit } = await cloned(t)
  writeFileSync(join(checkout.workTree, 'upload'), 'x')
  t.strictSame(await git.status(checkout, commit, signal), [])
})

t.test('a file that was only touched is no change, and needs no git', async t => {
  const { git, checkout, commit, recorded } = await cloned(t)
  utimesSync(join(checkout.workTree, 'index.html'), 1, 1)
  const before = recorded.calls().length
  t.strictSame(await git.status(checkout, commit, signal), [])
  t.equal(recorded.calls().length, before)
})

t.test('a file that git converts is no change when it was only touched', async t => {
  const { git, checkout, commit } = await cloned(t, { '.gitattributes': '*.txt text eol=crlf\n', 'a.txt': 'one\ntwo\n' })
  t.equal(readFileSync(join(checkout.workTree, 'a.txt'), 'utf8'), 'one\r\ntwo\r\n')
  utimesSync(join(checkout.workTree, 'a.txt'), 1, 1)
  t.strictSame(await git.status(checkout, commit, signal), [])
})

t.test('a change that was staged is found', async t => {
  const from = repository(t)
  const dir = t.testdir()
  const git = worker()
  const checkout = { gitDirectory: join(dir, '.git'), workTree: dir }
  const commit = from.git('rev-parse', 'main')
  await git.init(checkout.gitDirectory, { bare: false }, signal)
  await git.fetch(checkout.gitDirectory, { url: from.url }, 'main', commit, signal)
  await git.checkout(checkout, commit, signal)
  writeFileSync(join(dir, 'index.html'), 'staged\n')
  plainGit(dir, 'add', 'index.html')
  t.strictSame(await git.status(checkout, commit, signal), ['M index.html'])
})

t.test('an index of another version is left to git', async t => {
  const { git, checkout, commit, recorded } = await cloned(t)
  plainGit(checkout.workTree, `--git-dir=${checkout.gitDirectory}`, '--work-tree=.', 'init', '--quiet')
  renameSync(checkout.index, join(checkout.gitDirectory, 'index'))
  plainGit(checkout.workTree, `--git-dir=${checkout.gitDirectory}`, '--work-tree=.', 'update-index', '--index-version=4')
  renameSync(join(checkout.gitDirectory, 'index'), checkout.index)
  const before = recorded.calls().length
  t.strictSame(await git.status(checkout, commit, signal), [])
  t.equal(recorded.calls().length, before + 1)
})

t.test('a torn index is said to be broken', async t => {
  const { git, checkout, commit } = await cloned(t)
  truncateSync(checkout.index, 60)
  await t.rejects(git.status(checkout, commit, signal), { code: 'git.broken' })
})

t.test('missing and torn objects are said to be broken', async t => {
  const { git, checkout, commit } = await cloned(t)
  const packs = join(checkout.gitDirectory, 'objects/pack')
  const pack = join(packs, readdirSync(packs).find(name => name.endsWith('.pack')) as string)
  chmodSync(pack, 0o644)
  truncateSync(pack, 40)
  await t.rejects(git.checkout({ ...checkout, workTree: `${checkout.workTree}-2`, index: `${checkout.index}-2` }, commit, signal), { code: 'git.broken' })
  rmSync(packs, { recursive: true })
  await t.rejects(git.checkout({ ...checkout, workTree: `${checkout.workTree}-3`, index: `${checkout.index}-3` }, commit, signal), { code: 'git.broken' })
})

const long = new Date(Date.now() - 10 * 60_000)

t.test('a lock that nobody holds is removed', async t => {
  const { git, checkout, commit } = await cloned(t)
  writeFileSync(`${checkout.index}.lock`, '')
  await git.checkout(checkout, commit, signal)
  t.notOk(existsSync(`${checkout.index}.lock`))
})

t.test('a lock that somebody holds is waited for, however old it is', async t => {
  const { git, checkout, commit } = await cloned(t)
  const descriptor = openSync(`${checkout.index}.lock`, 'w')
  t.teardown(() => closeSync(descriptor))
  utimesSync(`${checkout.index}.lock`, long, long)
  await t.rejects(git.checkout(checkout, commit, signal), { code: 'git.locked' })
  t.ok(existsSync(`${checkout.index}.lock`))
})

t.test('a young lock is left to a git that is at work in the same repository, an old one is not', async t => {
  const { git, checkout, commit } = await cloned(t)
  const busy = spawn('git', ['cat-file', '--batch-check'], { cwd: '/', env: { PATH: process.env.PATH, GIT_DIR: checkout.gitDirectory }, stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => busy.kill())
  busy.stdin.write('HEAD\n')
  await new Promise(resolve => busy.stdout.once('data', resolve))
  writeFileSync(`${checkout.index}.lock`, '')
  await t.rejects(git.checkout(checkout, commit, signal), { code: 'git.locked' })
  utimesSync(`${checkout.index}.lock`, long, long)
  await git.checkout(checkout, commit, signal)
  t.notOk(existsSync(`${checkout.index}.lock`))
})

t.test('other locks that a killed git left are removed, too', async t => {
  const { git, checkout, commit, from } = await cloned(t)
  for (const name of ['config.lock', 'packed-refs.lock', 'refs/sunup/main.lock', 'shallow.lock']) writeFileSync(join(checkout.gitDirectory, name), '')
  await git.init(checkout.gitDirectory, { bare: true }, signal)
  const next = from.commit({ 'index.html': 'two\n' })
  await git.fetch(checkout.gitDirectory, { url: from.url }, 'main', next, signal)
  t.not(next, commit)
  t.equal(await git.has(checkout.gitDirectory, next, signal), true)
})

t.test('a directory that may not be written is denied', { skip: rootIgnoresModes }, async t => {
  const { git, checkout, commit } = await cloned(t)
  chmodSync(dirname(checkout.workTree), 0o500)
  t.teardown(() => chmodSync(dirname(checkout.workTree), 0o700))
  await t.rejects(git.checkout({ ...checkout, workTree: `${checkout.workTree}-2` }, commit, signal), { code: 'file.denied' })
})
