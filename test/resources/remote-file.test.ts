import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Failure } from '../../src/core/failure.ts'
import { look, settle } from '../../src/engine/settle.ts'
import { remoteFile, type RemoteFileProps } from '../../src/resources/remote-file.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { httpServer } from '../support/git-repository.ts'
import { testMachine, type TestMachine } from '../support/machine.ts'

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')
const failing = async (machine: TestMachine, props: RemoteFileProps): Promise<Failure | undefined> => (await settle(remoteFile({ retries: 0, ...props }), surroundings(machine, []))).failure

interface Served {
  readonly url: string
  requests: number
}

async function served(t: Test, content: string | Buffer): Promise<Served> {
  const served = { url: '', requests: 0 }
  served.url = `${await httpServer(t, (_request, response) => {
    served.requests++
    response.end(content)
  })}/tool`
  return served
}

t.test('a file is fetched, with its parents', async t => {
  const { url } = await served(t, 'content\n')
  const machine = testMachine(t)
  const wanted = `sha256:${sha256('content\n')}`
  await settles(t, machine, remoteFile({ path: '/opt/bin/tool', url, sha256: sha256('content\n'), mode: '0755' }), [
    { type: 'create', field: 'content', to: wanted, reason: 'makes /opt, /opt/bin' },
    { type: 'create', field: 'mode', to: '0755' },
  ])
  t.equal(readFileSync(join(machine.dir, 'opt/bin/tool'), 'utf8'), 'content\n')
  t.strictSame(readdirSync(join(machine.dir, 'opt/bin')), ['tool'], 'nothing is left beside it')
})

t.test('what has the checksum is not fetched', async t => {
  const served_ = await served(t, 'content\n')
  const machine = testMachine(t, { tool: 'content\n' })
  await settles(t, machine, remoteFile({ path: '/tool', url: served_.url, sha256: sha256('content\n').toUpperCase() }), [])
  t.equal(served_.requests, 0)
})

t.test('another content is replaced, and keeps its mode', async t => {
  const { url } = await served(t, 'new\n')
  const machine = testMachine(t, { tool: 'old\n' })
  machine.setMode('/tool', '0750')
  await settles(t, machine, remoteFile({ path: '/tool', url, sha256: sha256('new\n') }), [
    { type: 'update', field: 'content', from: `sha256:${sha256('old\n')}`, to: `sha256:${sha256('new\n')}` },
  ])
  t.equal(machine.stat('/tool')?.mode, '0750')
})

t.test('a wrong mode alone fetches nothing', async t => {
  const served_ = await served(t, 'content\n')
  const machine = testMachine(t, { tool: 'content\n' })
  machine.setMode('/tool', '0600')
  await settles(t, machine, remoteFile({ path: '/tool', url: served_.url, sha256: sha256('content\n'), mode: '0755' }), [{ type: 'update', field: 'mode', from: '0600', to: '0755' }])
  t.equal(served_.requests, 0)
})

t.test('a link is replaced, what it leads to is left alone', async t => {
  const { url } = await served(t, 'new\n')
  const machine = testMachine(t, { target: 'kept\n' })
  symlinkSync('target', join(machine.dir, 'tool'))
  await settles(t, machine, remoteFile({ path: '/tool', url, sha256: sha256('new\n') }), [
    { type: 'update', field: 'content', from: 'a link to target', to: `sha256:${sha256('new\n')}` },
  ])
  t.equal(machine.readText('/target'), 'kept\n')
})

t.test('a file URL is read', async t => {
  const machine = testMachine(t, { from: 'content\n' })
  await settles(t, machine, remoteFile({ path: '/tool', url: `file://${machine.dir}/from`, sha256: sha256('content\n') }), [
    { type: 'create', field: 'content', to: `sha256:${sha256('content\n')}` },
  ])
  t.match(await failing(machine, { path: '/other', url: `file://${machine.dir}/nothing`, sha256: sha256('') }), { code: 'download.missing' })
})

t.test('a server that calls the file compressed hands out the file', async t => {
  const content = gzipSync('content\n')
  const url = await httpServer(t, (request, response) => {
    if (request.headers['accept-encoding']?.includes('gzip')) response.setHeader('content-encoding', 'gzip')
    response.end(content)
  })
  const machine = testMachine(t)
  t.equal(await failing(machine, { path: '/tool.gz', url, sha256: sha256(content) }), undefined)
})

t.test('another checksum leaves the old file, and nothing beside it', async t => {
  const { url } = await served(t, 'evil\n')
  const machine = testMachine(t, { tool: 'old\n' })
  t.match(await failing(machine, { path: '/tool', url, sha256: sha256('good\n') }), { code: 'download.checksum', message: new RegExp(sha256('evil\n')) })
  t.equal(machine.readText('/tool'), 'old\n')
  t.strictSame(readdirSync(machine.dir), ['tool'])
})

t.test('what the server says is told apart', async t => {
  const machine = testMachine(t)
  for (const [status, code] of [[404, 'download.missing'], [410, 'download.missing'], [401, 'download.denied'], [403, 'download.denied'], [500, 'network.failed'], [503, 'network.failed'], [429, 'network.failed']] as const) {
    const url = await httpServer(t, (_request, response) => void response.writeHead(status).end('no'))
    t.match(await failing(machine, { path: '/tool', url: `${url}/x?signature=s3cr3t`, sha256: sha256('') }), { code, message: /\/x answered/ }, String(status))
    t.notMatch((await failing(machine, { path: '/tool', url: `${url}/x?signature=s3cr3t`, sha256: sha256('') }))?.message, /s3cr3t/)
  }
  t.match(await failing(machine, { path: '/tool', url: 'http://127.0.0.1:1/x', sha256: sha256('') }), { code: 'network.failed' }, 'refused')
  const cut = await httpServer(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half', () => response.destroy())
  })
  t.match(await failing(machine, { path: '/tool', url: cut, sha256: sha256('') }), { code: 'network.failed' }, 'cut off')
  t.strictSame(readdirSync(machine.dir), [], 'nothing is left')
})

t.test('a server in trouble is asked again', async t => {
  let requests = 0
  const url = await httpServer(t, (_request, response) => void (requests++ === 0 ? response.writeHead(503).end() : response.end('content\n')))
  const machine = testMachine(t)
  t.equal((await settle(remoteFile({ path: '/tool', url, sha256: sha256('content\n'), retries: 1 }), surroundings(machine, []))).outcome, 'changed')
})

t.test('an abort in the middle ends it, and leaves nothing', async t => {
  const controller = new AbortController()
  const reason = new Failure('signal.term', 'ended by SIGTERM')
  const url = await httpServer(t, (_request, response) => void response.write('half', () => controller.abort(reason)))
  const machine = testMachine(t)
  const resource = remoteFile({ path: '/tool', url, sha256: sha256('x') })
  const around = surroundings(machine, [])
  const changes = await look(resource, around)
  await t.rejects(
    Promise.resolve(resource.apply(changes, { observer: machine, machine, signal: controller.signal, pinned: around.pins.pinned, interrupted: false, planning: false, mark: '', output: () => {} })),
    reason,
  )
  t.strictSame(readdirSync(machine.dir), [])
})

t.test('what a killed download left is taken up', async t => {
  const { url } = await served(t, 'content\n')
  const machine = testMachine(t)
  writeFileSync(join(machine.dir, '.sunup-download-tool'), 'half')
  t.equal(await failing(machine, { path: '/tool', url, sha256: sha256('content\n') }), undefined)
  t.strictSame(readdirSync(machine.dir), ['tool'])
})

t.test('a directory in its place is refused', async t => {
  const machine = testMachine(t)
  mkdirSync(join(machine.dir, 'tool'))
  t.match(await failing(machine, { path: '/tool', url: 'http://127.0.0.1:1/', sha256: sha256('') }), { code: 'file.kind' })
})

t.test('what is wrong with the props is refused', async t => {
  const good = { path: '/tool', url: 'https://example.com/tool', sha256: sha256('') }
  t.doesNotThrow(() => remoteFile(good))
  t.throws(() => remoteFile({ ...good, url: 'ftp://example.com/tool' }), { code: 'resource.invalid' })
  t.throws(() => remoteFile({ ...good, url: './tool' }), { code: 'resource.invalid' })
  t.throws(() => remoteFile({ ...good, url: 'https://user:pass@example.com/' }), { code: 'secret.misplaced' })
  t.throws(() => remoteFile({ ...good, url: 'https://ghp_0123@example.com/' }), { code: 'secret.misplaced' })
  t.throws(() => remoteFile({ ...good, sha256: 'abc' }), { code: 'resource.invalid', hint: /sha256sum/ })
  t.throws(() => remoteFile({ path: '/tool', url: good.url } as RemoteFileProps), { code: 'resource.invalid' })
})

t.test('a file URL that leads to a pipe is refused instead of waited for', async t => {
  const machine = testMachine(t)
  execFileSync('mkfifo', [join(machine.dir, 'pipe')])
  t.match(await failing(machine, { path: '/tool', url: `file://${machine.dir}/pipe`, sha256: sha256('') }), { code: 'download.denied', message: /no regular file/ })
})
