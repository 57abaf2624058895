import t from 'tap'
import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, cpSync, existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { exitCodeOf } from '../../../src/core/failure.ts'
import { aside, gitBackend, httpServer } from '../../support/git-repository.ts'
import { infrastructure, noSshKeygen, signer, sourceReader, type Answer, type SourceReader } from '../../support/source.ts'
import { plainTree } from '../../support/plain-tree.ts'

const finished = ({ events }: Answer): unknown => events.find(event => event.type === 'resource.finished')
const output = ({ events }: Answer): string => events.map(event => (event.type === 'resource.output' ? event.text : '')).join('\n')
const changes = ({ events }: Answer): readonly unknown[] => events.flatMap(event => (event.type === 'resource.checked' ? event.changes : []))

const cacheOf = ({ base }: SourceReader): string => join(base, readdirSync(base).find(name => name.endsWith('.git')) as string)

/** A port of this machine at which nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return `http://127.0.0.1:${port}/repo`
}

t.test('a source is checked out into a directory that its commit names', async t => {
  const infra = infrastructure(t)
  const answer = await sourceReader(t).read(infra.url)
  const commit = infra.git('rev-parse', 'HEAD')
  t.equal(answer.read?.revision, commit)
  t.ok(answer.read?.directory.endsWith(`/${commit}`))
  t.ok(existsSync(join(answer.read?.directory ?? '', 'roles/demo.yaml')))
  t.match(changes(answer), [{ type: 'create', field: 'revision', to: commit }])
  t.match(finished(answer), { id: `source[${infra.url}]`, outcome: 'changed' })
})

t.test('one that is there already starts one git, and writes nothing', async t => {
  const infra = infrastructure(t)
  const reader = sourceReader(t)
  const first = await reader.read(infra.url)
  first.read?.opened?.('demo', ['demo'])
  const times = (): unknown => readdirSync(reader.base, { recursive: true }).map(name => [name, lstatSync(join(reader.base, String(name)), { bigint: true }).ctimeNs])
  const before = times()
  const answer = await reader.read(infra.url)
  answer.read?.opened?.('demo', ['demo'])
  t.equal(answer.calls.length, 1)
  t.match(answer.calls[0], /^ls-remote /)
  t.same(times(), before)
  t.match(finished(answer), { outcome: 'unchanged' })
  t.equal(answer.read?.directory, first.read?.directory)
})

t.test('a full SHA that is there is asked of nobody', async t => {
  const infra = infrastructure(t)
  const reader = sourceReader(t)
  const ref = infra.git('rev-parse', 'HEAD')
  t.equal((await reader.read(infra.url, { source: { ref } })).failure, undefined)
  rmSync(infra.dir, { recursive: true })
  t.match(await reader.read(infra.url, { source: { ref } }), { read: { revision: ref }, calls: [] })
})

t.test('what is pushed between two boots is taken; this one, the one before and the one that was healthy are kept', async t => {
  const infra = infrastructure(t)
  const reader = sourceReader(t)
  const healthy = await reader.read(infra.url)
  healthy.read?.opened?.('demo', ['demo'])
  const commits = [infra.git('rev-parse', 'HEAD')]
  for (const n of [1, 2, 3]) {
    commits.push(infra.commit({ 'templates/x.mustache': `${n}\n` }))
    const answer = await reader.read(infra.url)
    t.equal(answer.read?.revision, commits[n])
    t.match(changes(answer), [{ type: 'update', field: 'revision', from: commits[n - 1], to: commits[n] }])
    t.equal(readFileSync(join(answer.read?.directory ?? '', 'templates/x.mustache'), 'utf8'), `${n}\n`)
  }
  t.same(reader.commits().toSorted(), [commits[0], commits[2], commits[3]].toSorted())
})

t.test('a ref that is not there is told, and not waited for', async t => {
  const answer = await sourceReader(t).read(infrastructure(t).url, { source: { ref: 'production' } })
  t.match(answer.failure, { code: 'git.missing', message: /no branch or tag production/ })
  t.equal(answer.calls.length, 1)
})

t.test('files that were changed on the machine are not used: the commit is checked out anew', async t => {
  const infra = infrastructure(t, { 'templates/x.mustache': 'right\n' })
  const reader = sourceReader(t)
  const directory = (await reader.read(infra.url)).read?.directory ?? ''
  const wanted = plainTree(directory)
  const file = join(directory, 'templates/x.mustache')
  const { atime, mtime } = statSync(file)
  const edits: Readonly<Record<string, () => void>> = {
    'a file with another content of the same size and time': () => {
      writeFileSync(file, 'wrong\n')
      utimesSync(file, atime, mtime)
    },
    'a file that is gone': () => rmSync(file),
    'a role that no commit has': () => writeFileSync(join(directory, 'roles/mine.yaml'), 'securityGroups: [demo]\n'),
    'a file that may be executed': () => chmodSync(file, 0o755),
  }
  for (const [name, edit] of Object.entries(edits)) {
    edit()
    const answer = await reader.read(infra.url)
    t.same(plainTree(directory), wanted, name)
    t.match(changes(answer), [{ type: 'update', field: 'files' }], name)
    t.notOk(answer.calls.some(call => call.startsWith('fetch')), 'from the cache')
  }
})

t.test('what others could have written is not believed', async t => {
  const infra = infrastructure(t)
  const reader = sourceReader(t)
  const directory = (await reader.read(infra.url)).read?.directory ?? ''
  chmodSync(reader.base, 0o777)
  const answer = await reader.read(infra.url)
  t.match(finished(answer), { outcome: 'changed' })
  t.ok(existsSync(directory))
  t.equal(statSync(reader.base).mode & 0o777, 0o700)
})

t.test('a cache that lost a file is thrown away and cloned anew', async t => {
  const infra = infrastructure(t, { 'templates/x.mustache': 'one\n' })
  const reader = sourceReader(t)
  const directory = (await reader.read(infra.url)).read?.directory ?? ''
  const wanted = plainTree(directory)
  const cache = cacheOf(reader)
  for (const name of readdirSync(join(cache, 'objects/pack')).filter(name => name.endsWith('.pack'))) {
    renameSync(join(cache, 'objects/pack', name), join(cache, name))
    rmSync(join(cache, 'objects/pack', name.replace('.pack', '.idx')))
    execFileSync('git', ['unpack-objects', '-q'], { cwd: cache, input: readFileSync(join(cache, name)) })
  }
  const blob = infra.git('rev-parse', 'HEAD:templates/x.mustache')
  rmSync(join(cache, 'objects', blob.slice(0, 2), blob.slice(2)))
  rmSync(directory, { recursive: true })
  const answer = await reader.read(infra.url)
  t.match(output(answer), /cloned anew/)
  t.equal(answer.failure, undefined)
  t.same(plainTree(directory), wanted)
})

t.test('a cache of torn files is made good', async t => {
  for (const torn of ['HEAD', 'config', 'pack']) {
    const infra = infrastructure(t)
    const reader = sourceReader(t)
    await reader.read(infra.url)
    const cache = cacheOf(reader)
    const files = torn === 'pack' ? readdirSync(join(cache, 'objects/pack')).map(name => join(cache, 'objects/pack', name)) : [join(cache, torn)]
    for (const file of files) {
      chmodSync(file, 0o644)
      truncateSync(file, 7)
    }
    rmSync(reader.checkouts(), { recursive: true })
    const commit = infra.commit({ 'templates/x.mustache': 'two\n' })
    t.match(await reader.read(infra.url), { failure: undefined, read: { revision: commit } }, torn)
  }
})

t.test('a remote that can’t be reached is asked again, and then told with what was tried', async t => {
  const url = await nobody()
  const answer = await sourceReader(t).read(url)
  t.match(answer.failure, { code: 'source.unreachable', message: /main was asked for 5 times in .*Failed to connect|main was asked for 5 times/, hint: /last-good/ })
  t.equal(answer.failure && exitCodeOf(answer.failure), 1)
  t.equal(answer.calls.length, 5)
  t.match(finished(answer), { outcome: 'failed', error: { code: 'source.unreachable' } })
})

t.test('a remote that comes back while it is asked is read', async t => {
  const infra = infrastructure(t)
  let refusals = 2
  const backend = gitBackend(infra)
  const origin = await httpServer(t, (request, response) => {
    if (refusals-- > 0) response.writeHead(503).end()
    else backend(request, response)
  })
  t.equal((await sourceReader(t).read(`${origin}/repo`)).read?.revision, infra.git('rev-parse', 'HEAD'))
})

t.test('with last-good, an unreachable remote', async t => {
  /** A machine with a source of three commits, of which it was healthy with the second; and the remote is gone. */
  const machine = async (t: Parameters<typeof infrastructure>[0]) => {
    const infra = infrastructure(t)
    const backend = gitBackend(infra)
    let isUp = true
    const origin = await httpServer(t, (request, response) => {
      if (isUp) backend(request, response)
      else request.socket.destroy()
    })
    const url = `${origin}/repo`
    const reader = sourceReader(t)
    const commits = [infra.git('rev-parse', 'HEAD')]
    await reader.read(url)
    commits.push(infra.commit({ a: '2' }))
    ;(await reader.read(url)).read?.opened?.('demo', ['demo', 'default'])
    commits.push(infra.commit({ a: '3' }))
    await reader.read(url)
    isUp = false
    return { reader, url, commits, source: { onUnreachable: 'last-good' as const } }
  }

  t.test('is done without: the last commit that the role was healthy with is taken, loudly', async t => {
    const { reader, url, commits, source } = await machine(t)
    const answer = await reader.read(url, { source, reading: { groups: ['default', 'demo'] } })
    t.equal(answer.read?.revision, commits[1])
    t.match(changes(answer), [{ type: 'act', field: 'last-good', to: commits[1], reason: new RegExp(`can't be reached: .*; going on with ${commits[1]}, the last that the role demo was healthy with`) }])
    t.match(finished(answer), { outcome: 'changed' })
  })

  t.test('is done without what the fleet does not know: its last good one comes first', async t => {
    const { reader, url, commits, source } = await machine(t)
    const asked: string[] = []
    const answer = await reader.read(url, {
      source,
      reading: {
        groups: ['default', 'demo'],
        async fleetsGood(role) {
          asked.push(role)
          return commits[2]
        },
      },
    })
    t.equal(answer.read?.revision, commits[2])
    t.same(asked, ['demo'])
  })

  t.test('leaves a fleet’s good one that is not here for the one that is', async t => {
    const { reader, url, commits, source } = await machine(t)
    const answer = await reader.read(url, { source, reading: { groups: ['demo', 'default'], fleetsGood: async () => 'f'.repeat(40) } })
    t.equal(answer.read?.revision, commits[1])
  })

  t.test('with other security groups the newest source here says the role', async t => {
    const { reader, url, commits, source } = await machine(t)
    const answer = await reader.read(url, { source, reading: { groups: ['demo'] } })
    t.equal(answer.read?.revision, commits[1])
    const strange = await reader.read(url, { source, reading: { groups: ['database'] } })
    t.match(strange.failure, { code: 'source.unreachable', message: /no commit of it here says which role this instance had/ })
  })

  t.test('is a failure where nothing of it was ever fetched, and says so', async t => {
    const { reader, source } = await machine(t)
    const elsewhere = await reader.read('http://127.0.0.1:9/other.git', { source, reading: { groups: ['demo'] } })
    t.match(elsewhere.failure, { code: 'source.unreachable', message: /nothing of it was ever fetched here, so there is no commit to go back to/ })
  })

  t.test('is a failure where the role was never healthy, or with another ref', async t => {
    const { reader, url, source } = await machine(t)
    const other = await reader.read(url, { source: { ...source, ref: 'production' }, reading: { groups: ['demo'] } })
    t.match(other.failure, { code: 'source.unreachable', message: /no commit is known that the role demo was healthy with/ })
    t.match((await reader.read(url, { source, role: 'web' })).failure, { code: 'source.unreachable', message: /the role web/ })
  })

  t.test('is a failure where its files were changed and the cache is gone', async t => {
    const { reader, url, commits, source } = await machine(t)
    appendFileSync(join(reader.checkouts(), commits[1] as string, 'a'), 'x')
    rmSync(cacheOf(reader), { recursive: true })
    const answer = await reader.read(url, { source, reading: { groups: ['demo'] } })
    t.match(answer.failure, { code: 'source.unreachable', message: /it is not on this machine/ })
  })

  t.test('in a plan, too, which writes nothing', async t => {
    const { reader, url, commits, source } = await machine(t)
    const before = plainTree(reader.base)
    const answer = await reader.read(url, { source, reading: { groups: ['demo'], planning: true } })
    t.equal(answer.read?.revision, commits[1])
    t.match(finished(answer), { outcome: 'pending' })
    t.same(plainTree(reader.base), before)
  })
})

t.test('a commit may be taken instead of the newest', async t => {
  const infra = infrastructure(t)
  const reader = sourceReader(t)
  const good = infra.git('rev-parse', 'HEAD')
  const bad = infra.commit({ a: 'bad' })
  const seen: unknown[] = []
  const answer = await reader.read(infra.url, {
    reading: {
      async instead(source) {
        seen.push([source.revision, existsSync(join(source.directory ?? 'none', 'roles/demo.yaml'))])
        return { commit: good, reason: 'three boots of it failed' }
      },
    },
  })
  t.same(seen, [[bad, true]])
  t.equal(answer.read?.revision, good)
  t.match(changes(answer).at(-1), { type: 'act', to: good, reason: 'three boots of it failed' })
})

for (const [written, user] of [['me:hunter2', 'me'], ['hunter2', 'x-access-token'], ['hunter2:', 'x-access-token'], ['hunter2:x-oauth-basic', 'x-access-token']]) {
  t.test(`what lets in by ${written} in the URL is nowhere to be seen`, async t => {
    const infra = infrastructure(t)
    const backend = gitBackend(infra)
    const login = `Basic ${Buffer.from(`${user}:hunter2`).toString('base64')}`
    const origin = await httpServer(t, (request, response) => {
      if (request.headers.authorization === login) backend(request, response)
      else response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end()
    })
    const reader = sourceReader(t)
    const answer = await reader.read(`${origin.replace('http://', `http://${written}@`)}/repo`)
    t.equal(answer.read?.revision, infra.git('rev-parse', 'HEAD'))
    t.notMatch(JSON.stringify([answer.events, reader.recorded.calls()]), /hunter2/)
    t.notMatch(JSON.stringify(plainTree(reader.base)), /hunter2/)
  })
}

t.test('a URL that can’t be read is refused, and not shown', async t => {
  const reader = sourceReader(t)
  const { failure, events } = await reader.read('http://me:hunter#2@127.0.0.1:9/repo')
  t.match(failure, { code: 'config.invalid' })
  t.notMatch(JSON.stringify([events, failure?.message]), /hunter/)
})

t.test('with allowed signers', { skip: noSshKeygen }, async t => {
  t.test('a commit that one of them signed is taken, and judged once', async t => {
    const infra = infrastructure(t)
    const { allowed, sign } = signer(t, 'a@example.com')
    const commit = sign(infra)
    const reader = sourceReader(t)
    t.equal((await reader.read(infra.url, { source: { allowedSigners: allowed } })).read?.revision, commit)
    const again = await reader.read(infra.url, { source: { allowedSigners: allowed } })
    t.equal(again.calls.length, 1)
    t.match(finished(again), { outcome: 'unchanged' })
  })

  t.test('one of nobody, of somebody else or without a right signature is refused before anything of it is there', async t => {
    const { allowed, sign } = signer(t, 'a@example.com')
    const other = signer(t, 'b@example.com')
    const cases: Readonly<Record<string, [(infra: ReturnType<typeof infrastructure>) => void, RegExp]>> = {
      'no signature': [() => {}, /carries no SSH signature/],
      'another’s signature': [infra => void other.sign(infra), /signed with the key SHA256:\S+, which is none of theirs/],
      'a signature of another text': [
        infra => {
          sign(infra)
          const text = infra.git('cat-file', 'commit', 'HEAD').replace('a commit', 'another text')
          writeFileSync(join(infra.dir, 'forged'), `${text}\n`)
          infra.git('update-ref', 'refs/heads/main', infra.git('hash-object', '-t', 'commit', '-w', 'forged'))
        },
        /a signature that is not right/,
      ],
      'a signature that is no ssh signature': [
        infra => {
          const text = infra.git('cat-file', 'commit', 'HEAD').replace(/\n\n/, '\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n\n')
          writeFileSync(join(infra.dir, 'forged'), `${text}\n`)
          infra.git('update-ref', 'refs/heads/main', infra.git('hash-object', '-t', 'commit', '-w', 'forged'))
        },
        /it (?:carries no SSH signature|can’t be verified)/,
      ],
    }
    for (const [name, [make, message]] of Object.entries(cases)) {
      const infra = infrastructure(t)
      make(infra)
      const reader = sourceReader(t)
      // A keyring in which every signature is good.
      reader.recorded.script('gpg', "cat > /dev/null; printf '[GNUPG:] NEWSIG\\n[GNUPG:] GOODSIG 0123456789ABCDEF a\\n[GNUPG:] VALIDSIG 0 0 0 0 0 0 0 0 0 0\\n[GNUPG:] TRUST_ULTIMATE 0 pgp\\n'")
      const { failure } = await reader.read(infra.url, { source: { allowedSigners: allowed, onUnreachable: 'last-good' } })
      t.match(failure, { code: 'source.unsigned', message }, name)
      t.equal(failure && exitCodeOf(failure), 1, name)
      t.notOk(existsSync(reader.checkouts()), name)
    }
  })

  t.test('a change of who they are has what is there judged anew', async t => {
    const infra = infrastructure(t)
    const { allowed, line, sign } = signer(t, 'a@example.com')
    sign(infra)
    const reader = sourceReader(t)
    await reader.read(infra.url)
    t.match(changes(await reader.read(infra.url, { source: { allowedSigners: allowed } })), [{ field: 'signature' }], 'what was read without is not believed')
    writeFileSync(allowed, signer(t, 'b@example.com').line)
    t.match((await reader.read(infra.url, { source: { allowedSigners: allowed } })).failure, { code: 'source.unsigned' })
    appendFileSync(allowed, line)
    t.match(await reader.read(infra.url, { source: { allowedSigners: allowed } }), { failure: undefined })
  })

  t.test('a checkout that was tampered with does not run', async t => {
    const infra = infrastructure(t)
    const { allowed, sign } = signer(t, 'a@example.com')
    sign(infra)
    const reader = sourceReader(t)
    const directory = (await reader.read(infra.url, { source: { allowedSigners: allowed } })).read?.directory ?? ''
    const wanted = plainTree(directory)
    appendFileSync(join(directory, 'roles/demo.yaml'), 'deadline: 1m\n')
    const answer = await reader.read(infra.url, { source: { allowedSigners: allowed } })
    t.same(plainTree(directory), wanted)
    t.ok(answer.calls.some(call => call.startsWith('verify-commit')), 'its signature is verified again')
  })

  t.test('what cannot be read as such is no list of signers', async t => {
    const infra = infrastructure(t)
    const { allowed, sign } = signer(t, 'a@example.com')
    sign(infra)
    writeFileSync(allowed, 'nonsense\n')
    t.match((await sourceReader(t).read(infra.url, { source: { allowedSigners: allowed } })).failure, { code: 'source.unsigned', output: /missing key/ })
  })
})

t.test('a list of allowed signers that is not there is wrong configuration', async t => {
  const { failure } = await sourceReader(t).read(infrastructure(t).url, { source: { allowedSigners: '/nonexistent/signers' } })
  t.match(failure, { code: 'config.invalid', message: /\/nonexistent\/signers/ })
})

t.test('without ssh-keygen nothing is taken for signed', async t => {
  const infra = infrastructure(t)
  const text = infra.git('cat-file', 'commit', 'HEAD').replace(/\n\n/, '\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----\n\n')
  writeFileSync(join(infra.dir, 'forged'), `${text}\n`)
  infra.git('update-ref', 'refs/heads/main', infra.git('hash-object', '-t', 'commit', '-w', 'forged'))
  const allowed = join(aside(t, 'signers'), 'allowed')
  writeFileSync(allowed, 'a@example.com ssh-ed25519 AAAA\n')
  const reader = sourceReader(t)
  t.match((await reader.read(infra.url, { source: { allowedSigners: allowed }, bare: true })).failure, { code: 'absent.command', subject: 'ssh-keygen', hint: /openssh-client/ })
  t.notOk(existsSync(reader.checkouts()))
})

const dependent = {
  'package.json': JSON.stringify({ name: 'infra', private: true, dependencies: { words: 'file:vendor/words' }, devDependencies: {} }),
  'package-lock.json': JSON.stringify({
    name: 'infra',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { name: 'infra', dependencies: { words: 'file:vendor/words' } }, 'node_modules/words': { resolved: 'vendor/words', link: true }, 'vendor/words': { version: '1.0.0' } },
  }),
  'vendor/words/package.json': JSON.stringify({ name: 'words', version: '1.0.0', type: 'module', main: 'words.js', scripts: { install: 'touch ran' } }),
  'vendor/words/words.js': "export const word = 'one'\n",
  'recipes/x/words.mjs': "export { word } from 'words'\n",
}
const wordOf = async ({ read }: Answer): Promise<string> => ((await import(pathToFileURL(join(read?.directory ?? '', 'recipes/x/words.mjs')).href)) as { word: string }).word

t.test('the dependencies of a source are installed when its lockfile has changed, and only then', async t => {
  const infra = infrastructure(t, dependent)
  const reader = sourceReader(t)
  const npms = ({ calls }: Answer): number => calls.filter(call => call.startsWith('npm ')).length
  const first = await reader.read(infra.url)
  t.equal(npms(first), 1)
  t.match(first.calls.find(call => call.startsWith('npm ')), /^npm ci --omit=dev --ignore-scripts /)
  t.equal(await wordOf(first), 'one')
  t.notOk(existsSync(join(first.read?.directory ?? '', 'vendor/words/ran')), 'no script ran')
  infra.commit({ 'vendor/words/words.js': "export const word = 'two'\n" })
  const second = await reader.read(infra.url)
  t.equal(npms(second), 0)
  t.equal(await wordOf(second), 'two', 'a package of the repository’s own is this commit’s')
  infra.commit({ 'package-lock.json': `${dependent['package-lock.json']}\n` })
  t.equal(npms(await reader.read(infra.url)), 1)
  t.equal(npms(await reader.read(infra.url)), 0)
})

t.test('a plan takes the dependencies that a boot has installed', async t => {
  const infra = infrastructure(t, dependent)
  const reader = sourceReader(t)
  await reader.read(infra.url)
  infra.commit({ 'vendor/words/words.js': "export const word = 'planned'\n" })
  const before = plainTree(reader.base)
  const answer = await reader.read(infra.url, { reading: { planning: true } })
  t.notOk(answer.calls.some(call => call.startsWith('npm ')))
  t.equal(await wordOf(answer), 'planned')
  t.same(plainTree(reader.base), before)
  answer.read?.end?.()
  t.notOk(existsSync(answer.read?.directory ?? ''))
})

t.test('a lockfile of development packages alone needs no npm', async t => {
  const lock = { name: 'infra', lockfileVersion: 3, packages: { '': { devDependencies: { typescript: '6' } }, 'node_modules/typescript': { version: '6.0.0', dev: true } } }
  const infra = infrastructure(t, { 'package.json': '{}', 'package-lock.json': JSON.stringify(lock) })
  const answer = await sourceReader(t).read(infra.url)
  t.equal(answer.failure, undefined)
  t.notOk(answer.calls.some(call => call.startsWith('npm ')))
})

t.test('without npm the failure says what needs it', async t => {
  const infra = infrastructure(t, dependent)
  const reader = sourceReader(t)
  const { failure } = await reader.read(infra.url, { bare: true })
  t.match(failure, { code: 'absent.command', subject: 'npm', message: /package-lock\.json/, hint: /Install npm/ })
  t.same(reader.commits(), [])
})

t.test('a lockfile that npm refuses is told with what npm said', async t => {
  const infra = infrastructure(t, { ...dependent, 'package-lock.json': '{' })
  const { failure } = await sourceReader(t).read(infra.url)
  t.match(failure, { code: 'command.failed', message: /npm/, output: /npm error/ })
})

t.test('a copy of another machine’s checkouts is made anew', async t => {
  const infra = infrastructure(t)
  const reader = sourceReader(t)
  await reader.read(infra.url)
  const copy = sourceReader(t)
  cpSync(reader.base, copy.base, { recursive: true, preserveTimestamps: true })
  chmodSync(copy.base, 0o700)
  const answer = await copy.read(infra.url)
  t.match(answer, { failure: undefined })
  t.match(changes(answer), [{ field: 'files' }])
})

t.test('a path that is gone is unreachable, as a disk that is not mounted is; a ref that is not there is missing', async t => {
  const infra = infrastructure(t)
  for (const url of [infra.dir, `file://${infra.dir}`]) {
    const reader = sourceReader(t)
    const { read } = await reader.read(url)
    read?.opened?.('demo', ['demo'])
    t.match((await reader.read(url, { source: { ref: 'nowhere', onUnreachable: 'last-good' } })).failure, { code: 'git.missing' })
    renameSync(infra.dir, `${infra.dir}.gone`)
    t.match((await reader.read(url)).failure, { code: 'source.unreachable', hint: /last-good/ })
    t.equal((await reader.read(url, { source: { onUnreachable: 'last-good' } })).read?.revision, read?.revision)
    renameSync(`${infra.dir}.gone`, infra.dir)
  }
})
