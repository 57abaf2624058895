import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/roles/config.ts'
import { failureOf } from '../support/provisioning.ts'

const load = (cwd: string, more: { file?: string; env?: string } = {}) => loadConfig({ file: more.file, env: more.env, cwd: () => cwd })

t.test('an empty file has the defaults', async t => {
  const cwd = t.testdir({ 'sunup.yaml': '' })
  t.strictSame(load(cwd), {
    file: join(cwd, 'sunup.yaml'),
    cloud: 'aws',
    source: { directory: cwd },
    registry: { table: 'sunup-registry', leaseMs: 90_000 },
    state: '/var/lib/sunup',
    run: '/run/sunup',
    secrets: { cacheMs: undefined },
    local: { instance: join(cwd, 'instance.yaml'), directory: join(cwd, '.sunup/cloud') },
  })
})

t.test('paths are relative to the file, wherever one stands', async t => {
  const dir = t.testdir({ etc: { 'my.yaml': 'state: ./state\nrun: /run/x\nsource: { directory: ../infra }\nlocal: { instance: id.yaml, directory: cloud }\n' } })
  t.match(load('/', { file: join(dir, 'etc/my.yaml') }), {
    state: join(dir, 'etc/state'),
    run: '/run/x',
    source: { directory: join(dir, 'infra') },
    local: { instance: join(dir, 'etc/id.yaml'), directory: join(dir, 'etc/cloud') },
  })
})

t.test('a repository may be a URL, as scp has it, or a path', async t => {
  const repository = (url: string) => {
    const cwd = t.testdir({ 'sunup.yaml': `source: { repository: "${url}", allowedSigners: signers }\n` })
    return { cwd, source: load(cwd).source }
  }
  t.match(repository('https://git.example.com/a.git').source, { repository: 'https://git.example.com/a.git', ref: 'main', onUnreachable: 'fail', breaker: undefined })
  t.match(repository('git@github.com:acme/infra.git').source, { repository: 'git@github.com:acme/infra.git' })
  const { cwd, source } = repository('../infra.git')
  t.match(source, { repository: join(cwd, '../infra.git'), allowedSigners: join(cwd, 'signers') })
})

t.test('--config comes before $SUNUP_CONFIG, and that before ./sunup.yaml', async t => {
  const cwd = t.testdir({ 'sunup.yaml': 'run: /1\n', 'two.yaml': 'run: /2\n', 'three.yaml': 'run: /3\n' })
  t.equal(load(cwd).run, '/1')
  t.equal(load(cwd, { env: 'two.yaml' }).run, '/2')
  t.equal(load(cwd, { env: 'two.yaml', file: 'three.yaml' }).run, '/3')
  t.equal(load(cwd, { env: '' }).run, '/1')
})

t.test('a file that was named must be there', async t => {
  const cwd = t.testdir({ 'sunup.yaml': '' })
  t.match(await failureOf(() => load(cwd, { file: 'x.yaml' })), { code: 'config.missing', message: /--config names .*x\.yaml/ })
  t.match(await failureOf(() => load(cwd, { env: 'x.yaml' })), { code: 'config.missing', message: /\$SUNUP_CONFIG/ })
})

t.test('faults are told all at once with file, line and the nearest name', async t => {
  const cwd = t.testdir({ 'sunup.yaml': 'cloud: aw\nregistry:\n  lease: 90\n  tabel: x\nsource: { directory: ., ref: main }\nstate: 3\n' })
  const failure = await failureOf(() => load(cwd))
  t.equal(failure.code, 'config.invalid')
  t.strictSame(failure.faults.map(fault => [fault.place.line, fault.message]), [
    [1, 'cloud must be one of aws, local, found "aw"'],
    [3, 'registry.lease must be a duration with its unit, e.g. "90s" or "15m", found 90'],
    [4, 'unknown key "tabel" in registry'],
    [5, 'source.ref is of use only with a repository'],
    [6, 'state must be a text, found the number 3'],
  ])
  t.ok(failure.message.startsWith(`${join(cwd, 'sunup.yaml')}:1: `))
})

t.test('a file that is a list is refused', async t => {
  t.match(await failureOf(() => load(t.testdir({ 'sunup.yaml': '- a\n' }))), { code: 'config.invalid', message: /sunup\.yaml must be a map, found a list/ })
})
