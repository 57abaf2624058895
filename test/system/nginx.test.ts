import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Event } from '../../src/core/events.ts'
import type { Asset, Recipe, RecipeInput } from '../../src/core/recipe.ts'
import type { Resource } from '../../src/core/resource.ts'
import type { Converged } from '../../src/engine/converge.ts'
import { packages } from '../../src/resources/packages.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { converging } from '../support/converging.ts'
import { testHost, testMachine, type TestMachine } from '../support/machine.ts'

// The recipe with the real nginx, as a service of systemd, on the machine itself.

installHooks(new URL('../../src/index.ts', import.meta.url).href)
const { default: nginx } = (await import('../../recipes/nginx/recipe.ts')) as { default: Recipe }

const OWN = join(import.meta.dirname, '../../recipes/nginx')
const HEALTH = '/run/sunup/health/ping.html'

type Ended = Converged & { readonly events: readonly Event[] }

function resources(params: unknown, templates: Record<string, string>): readonly Resource[] {
  const asset = (name: string): Asset => ({ name, path: join(OWN, name), text: () => templates[name] ?? readFileSync(join(OWN, name), 'utf8') })
  const role = { name: 'web', health: { file: 'ping.html', directory: '/run/sunup/health' } }
  return nginx.resources({ params: nginx.params?.parse(params), role, asset } as unknown as RecipeInput)
}

/** A site named app that answers with this text. */
const says = (text: string, directives = 'listen 80;'): readonly Resource[] =>
  resources({ sites: [{ name: 'app', template: 'app.conf', vars: { text } }] }, {
    'app.conf': `server {\n  server_name app;\n  ${directives}\n  location / {\n    default_type text/plain;\n    return 200 "{{text}}";\n  }\n}\n`,
  })

async function settled(t: Test, machine: TestMachine, all: readonly Resource[]): Promise<Ended> {
  const before = workers()
  const ended = await converging(t, machine, all)
  if (ended.failure) throw ended.failure.failure
  if (ended.outcomes.get('service[nginx]') === 'changed') await untilGone(before)
  return ended
}

/** The processes that take connections: those that are shutting down say so in their titles. */
const workers = (): readonly string[] => spawnSync('pgrep', ['-xf', 'nginx: worker process'], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)

/** Old workers take connections for a moment after new ones do. */
async function untilGone(old: readonly string[]): Promise<void> {
  for (const limit = performance.now() + 10_000; workers().some(pid => old.includes(pid)); await setTimeout(20)) {
    if (performance.now() > limit) throw new Error('old workers of nginx still take connections')
  }
}

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** A connection of its own: one that is kept would be answered by a worker with the old configuration. */
function ask(path: string, host: string, port = 80): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { Host: host }, agent: false }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    }).on('error', reject)
  })
}

const outputOf = (events: readonly Event[]): string => events.flatMap(event => (event.type === 'resource.output' ? [event.text] : [])).join('\n')

t.test('nginx is installed, and serves Debian\'s default site', async t => {
  const machine = testHost(t)
  await settled(t, machine, [packages({ install: ['nginx-light'] })])
  t.ok(existsSync('/etc/nginx/sites-enabled/default'))
})

t.test('a site is served under its name, and Debian\'s default site is gone', async t => {
  const machine = testHost(t)
  const { counts, events } = await settled(t, machine, says('hello'))
  t.equal(counts.changed, 3, 'the include, the tree, and the reload it caused')
  t.match(outputOf(events), /test is successful/, 'the checker ran')
  t.match(await ask('/', 'app'), { status: 200, body: 'hello' })
  t.equal(existsSync('/etc/nginx/sites-enabled/default'), false)
})

t.test('once more changes nothing', async t => {
  const { counts } = await settled(t, testHost(t), says('hello'))
  t.match(counts, { unchanged: 3, changed: 0 })
})

t.test('whoever asks by address gets the health file while it is there, whatever host he names', async t => {
  const machine = testHost(t)
  machine.remove(HEALTH)
  for (const host of ['127.0.0.1', '10.0.0.17', 'anything.example']) {
    t.match(await ask('/ping.html', host), { status: 404 }, `closed: ${host}`)
    t.match(await ask('/', host), { status: 404 }, 'and nothing else')
  }
  machine.write(HEALTH, 'ok i-1\n')
  for (const host of ['127.0.0.1', '10.0.0.17', 'anything.example']) t.match(await ask('/ping.html', host), { status: 200, body: 'ok i-1\n' }, `open: ${host}`)
  const { headers } = await ask('/ping.html', '127.0.0.1')
  t.equal(headers['cache-control'], 'no-store')
  for (const name of ['etag', 'last-modified', 'expires']) t.notOk(name in headers, `no ${name}`)
  machine.remove(HEALTH)
  t.match(await ask('/ping.html', '127.0.0.1'), { status: 404 }, 'closed again at once')
})

t.test('a default server of the user\'s own serves the health file, too, and makes no page of a closed gate', async t => {
  const machine = testHost(t)
  await settled(t, machine, says('mine', 'listen 80 default_server;\n  include /etc/nginx/sunup/snippets/health.conf;\n  error_page 404 =200 /;\n  deny 127.0.0.1;'))
  t.match(await ask('/', 'app'), { body: 'mine' })
  t.match(await ask('/ping.html', '10.0.0.17'), { status: 404 })
  machine.write(HEALTH, 'ok i-1\n')
  t.match(await ask('/ping.html', '10.0.0.17'), { status: 200, body: 'ok i-1\n' })
  machine.remove(HEALTH)
})

t.test('conf stands in the http block, before what the sites say', async t => {
  const machine = testHost(t)
  const template = 'server { listen 80; server_name app; access_log /var/log/nginx/app.log short; return 200; }\n'
  await settled(t, machine, resources({ sites: [{ name: 'app', template: 'a' }], conf: 'log_format short "$status";\nserver_tokens off;' }, { a: template }))
  t.equal((await ask('/', 'app')).headers.server, 'nginx', 'no version')
})

t.test('a changed site is reloaded', async t => {
  const machine = testHost(t)
  await settled(t, machine, says('one'))
  const { counts } = await settled(t, machine, says('two'))
  t.match(counts, { unchanged: 1, changed: 2 })
  t.match(await ask('/', 'app'), { body: 'two' })
})

t.test('what nginx refuses is not taken up, and is named by file and line', async t => {
  const machine = testHost(t)
  await settled(t, machine, says('good'))
  const { failure, counts } = await converging(t, machine, says('bad', 'listen 80;\n  no_such_directive on;'))
  t.equal(failure?.failure.code, 'file.refused')
  t.match(failure?.failure.message, 'nginx -t refuses it at /etc/nginx/sunup/sites/app.conf:4 (from app.conf): no_such_directive on;')
  t.match(failure?.failure.output, 'unknown directive "no_such_directive" in /etc/nginx/sunup/sites/app.conf:4')
  t.match(counts, { failed: 1, skipped: 1 })
  t.equal(spawnSync('nginx', ['-t']).status, 0, 'what is live is still good')
  t.match(await ask('/', 'app'), { body: 'good' })
})

t.test('when nginx can\'t take it up after all, what was before is live again, and served', async t => {
  const machine = testHost(t)
  await settled(t, machine, says('good'))
  const holder = createServer().listen(8099, '0.0.0.0')
  t.teardown(() => holder.close())
  const { failure, events } = await converging(t, machine, says('bad', 'listen 80;\n  listen 8099;'))
  t.equal(failure?.id, 'service[nginx]', 'nginx -t does not mind a port in use')
  t.match(outputOf(events), '/etc/nginx/sunup was taken back to sunup.d/')
  t.match(readFileSync('/etc/nginx/sunup/sites/app.conf', 'utf8'), 'return 200 "good"')
  t.equal(spawnSync('systemctl', ['reload', 'nginx']).status, 0)
  t.match(await ask('/', 'app'), { body: 'good' })
})

t.test('a staging root is checked with the host\'s nginx and the root\'s own tree', async t => {
  // What the host's tree says is not asked: it would clash.
  await settled(t, testHost(t), says('host', 'listen 80 default_server;\n  include /etc/nginx/sunup/snippets/health.conf;'))
  const machine = testMachine(t)
  const { events } = await settled(t, machine, says('staged'))
  t.match(outputOf(events), /test is successful/)
  t.match(readFileSync(join(machine.dir, 'etc/nginx/sunup/sites/app.conf'), 'utf8'), 'staged')
  const { failure } = await converging(t, machine, says('bad', 'listen 80;\n  no_such_directive on;'))
  t.match(failure?.failure.message, '/etc/nginx/sunup/sites/app.conf:4')
  t.match(await ask('/', 'app'), { body: 'host' })
})

const NOBODY = 65_534
const asNobody = (...argv: string[]): string[] => ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--', ...argv]
const noNamespaces = spawnSync('setpriv', asNobody('unshare', '--map-root-user', '--mount', 'true')).status === 0 ? false : 'an ordinary user may make no namespaces here'

t.test('a user who is not root checks a staging root with the real nginx, too', { skip: noNamespaces }, async t => {
  const machine = testHost(t)
  const { dir } = machine
  const module = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href)
  writeFileSync(join(dir, 'take.ts'), `
    import { configTree } from ${module('src/resources/config-tree.ts')}
    import { hostMachine } from ${module('src/machine/machine.ts')}
    import { settle } from ${module('src/engine/settle.ts')}
    import { surroundings } from ${module('test/conformance/settles.ts')}
    const machine = hostMachine({ root: process.argv[2] })
    const events = []
    machine.write('/etc/nginx/conf.d/sunup.conf', 'include /etc/nginx/sunup/*.conf;')
    await settle(configTree({
      path: '/etc/nginx/sunup',
      files: { 'a.conf': { content: 'server {\\n listen 80; listen 10.1.2.3:81;\\n' + process.argv[3] + '\\n}\\n' } },
      replaces: ['/etc/nginx/sites-enabled/default'],
      verify: { argv: ['nginx', '-t'], scratch: ['/run', '/var/lib/nginx', '/var/log/nginx'] },
    }), surroundings(machine, events))
    console.log(JSON.stringify(events.at(-1)), events.map(event => event.text ?? '').join(' '))
  `)
  // Where that user may go: below the checkout he may read.
  const root = `/tmp/sunup-nginx-${process.pid}`
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  machine.makeDirectory(root)
  chownSync(root, NOBODY, NOBODY)
  chmodSync(root, 0o755)
  const take = (line: string): string => {
    const { stdout, stderr } = spawnSync('setpriv', asNobody(process.execPath, '--disable-warning=ExperimentalWarning', join(dir, 'take.ts'), root, line), { encoding: 'utf8', env: { HOME: root, PATH: process.env.PATH } })
    return stdout + stderr
  }
  t.match(take('return 200;'), /"outcome":"changed".*test is successful/)
  t.match(take('no_such_directive on;'), /"outcome":"failed".*nginx -t refuses it at \/etc\/nginx\/sunup\/a\.conf:3: no_such_directive on;/)
})

t.test('a tree that was begun and never finished is healed', async t => {
  const machine = testHost(t)
  await settled(t, machine, says('good'))
  machine.write('/etc/nginx/sunup.d/99/sites/app.conf', 'half')
  machine.makeDirectory('/etc/nginx/sunup.d/view/.real')
  await settled(t, machine, says('good'))
  t.notOk(machine.list('/etc/nginx/sunup.d')?.some(name => name === '99' || name === 'view'))
})
