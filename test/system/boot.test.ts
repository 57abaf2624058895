import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Event } from '../../src/core/events.ts'

// A whole machine: `sunup boot` with packages, a checkout, the real nginx, an address, a registry row, a probe and the health URL.

const checkout = join(import.meta.dirname, '../..')
const work = mkdtempSync('/root/fleet-')
const infra = join(work, 'infra')
const app = join(work, 'app')

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), content)
  }
}

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.invalid', '-c', 'init.defaultBranch=main', ...args], { cwd: app, encoding: 'utf8' })

function commit(page: string): void {
  write(app, { 'public/index.html': page })
  git('add', '.')
  git('commit', '-qm', page)
}

const ROLE = `description: the whole of it
securityGroups: [web]
recipes:
  - packages: { install: [nginx-light] }
  - git-sync: { repository: "file://${app}", ref: main, path: /srv/app }
  - nginx:
      sites:
        - { name: app, template: app.conf, vars: { root: /srv/app/current/public } }
  - eip: { allocation: eipalloc-1 }
  - registry
health:
  probe: { url: "http://127.0.0.1/", headers: { Host: app }, contains: page, within: 5s }
  url: http://127.0.0.1/ping.html
`

const SITE = 'server {\n  listen 80;\n  server_name app;\n  root {{root}};\n}\n'

interface Ran {
  readonly code: number | null
  readonly events: readonly Event[]
  readonly output: string
}

function sunup(verb: string): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, 'bin/sunup.js'), verb, '--config', join(infra, 'sunup.yaml'), '--format', 'json'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
  })
  const events = stdout.split('\n').filter(Boolean).map(line => JSON.parse(line) as Event)
  return { code: status, events, output: `${JSON.stringify(events.findLast(event => event.type === 'run.finished'))} ${stderr}` }
}

const outcomes = ({ events }: Ran): Record<string, string> =>
  Object.fromEntries(events.flatMap(event => (event.type === 'resource.finished' ? [[event.id, event.outcome]] : [])))

const finished = ({ events }: Ran) => events.findLast(event => event.type === 'run.finished')

function asked(path: string, host?: string): Promise<{ status: number | undefined; body: string } | undefined> {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', path, agent: false, headers: host === undefined ? {} : { host } }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => resolve({ status: response.statusCode, body }))
    }).on('error', () => resolve(undefined))
  })
}

const row = (): Record<string, unknown> => JSON.parse(readFileSync(join(infra, '.sunup/cloud/registry/web/i-1.json'), 'utf8')) as Record<string, unknown>

/** What a load balancer sees, over and over, from before the first byte: each answer with what the registry says just after it. What it said before
 *  proves nothing: row and file may both have come while the question was on its way. */
const POLLER = `
const { get } = require('node:http'); const { readFileSync } = require('node:fs')
const state = () => { try { return JSON.parse(readFileSync(process.argv[1], 'utf8')).state } catch { return null } }
const ask = () => { get({ host: '127.0.0.1', path: '/ping.html', agent: false }, r => { const said = state(); r.resume(); r.on('end', () => { console.log(JSON.stringify([r.statusCode, said])); ask() }) }).on('error', () => { console.log('[0,null]'); setTimeout(ask, 5) }) }
ask()`

async function polled(act: () => Ran): Promise<{ readonly ran: Ran; readonly answers: readonly (readonly [number, string | null])[] }> {
  const log = join(work, 'answers')
  // To a file: a full pipe would hold the poller up.
  const out = openSync(log, 'w')
  const poller = spawn(process.execPath, ['-e', POLLER, join(infra, '.sunup/cloud/registry/web/i-1.json')], { stdio: ['ignore', out, 'inherit'] })
  const lines = (): string[] => readFileSync(log, 'utf8').split('\n').slice(0, -1)
  const past = async (count: number): Promise<void> => {
    while (lines().length <= count) await setTimeout(5)
  }
  await past(0)
  const ran = act()
  // The answer after the next began when the boot had ended.
  await past(lines().length + 1)
  const gone = new Promise(resolve => poller.once('close', resolve))
  poller.kill('SIGKILL')
  await gone
  closeSync(out)
  return { ran, answers: lines().map(line => JSON.parse(line) as [number, string | null]) }
}

const workers = (): string => spawnSync('pgrep', ['-xf', 'nginx: worker process'], { encoding: 'utf8' }).stdout

function occupied(port: number): Promise<() => Promise<void>> {
  const server = createServer()
  return new Promise(resolve => server.listen(port, '127.0.0.1', () => resolve(() => new Promise(closed => server.close(() => closed())))))
}

/** The gate as a balancer sees it. */
async function isClosed(t: Test): Promise<void> {
  t.notOk(existsSync('/run/sunup/health/ping.html'), 'the health file is not there')
  const answer = await asked('/ping.html')
  t.ok(answer === undefined || answer.status === 404, 'and is not served')
}

write(infra, {
  'sunup.yaml': 'cloud: local\n',
  'instance.yaml': 'id: i-1\nprivateIp: 10.0.0.1\nsecurityGroups: [default, web]\n',
  'roles/web.yaml': ROLE,
  'templates/app.conf': SITE,
  '.sunup/cloud/addresses.yaml': '- { allocationId: eipalloc-1, publicIp: 203.0.113.1 }\n',
})
mkdirSync(app)
git('init', '-q')
commit('page one')

t.test('a machine that has nothing: the plan knows what it can', async t => {
  const plan = sunup('plan')
  t.equal(plan.code, 2, plan.output)
  t.match(outcomes(plan), { 'package[nginx-light]': 'pending', 'git[/srv/app]': 'pending', 'configTree[/etc/nginx/sunup]': 'pending', 'registry[web]': 'unknown' })
  t.notOk(existsSync('/srv/app'))
  t.notOk(existsSync('/var/lib/sunup'))
})

t.test('the boot makes it, and not one 200 comes before everything else is done', async t => {
  const { ran, answers } = await polled(() => sunup('boot'))
  t.equal(ran.code, 0, ran.output)
  t.match(finished(ran), { gate: 'open', role: 'web', exitCode: 0 })
  t.equal((await asked('/', 'app'))?.body, 'page one')
  t.match(await asked('/ping.html'), { status: 200, body: /^ok i-1 / })
  t.match(row(), { state: 'in-service', publicIp: '203.0.113.1', privateIp: '10.0.0.1', appRevision: git('rev-parse', 'HEAD').trim() })
  t.ok(answers.some(([status]) => status === 200), 'the poller saw it open')
  t.strictSame(answers.filter(([status, state]) => status === 200 && state !== 'in-service'), [], 'and never before the row said in-service')
})

t.test('once more: nothing changes, nothing restarts, and the gate was closed meanwhile', async t => {
  const before = workers()
  const ran = sunup('boot')
  t.equal(ran.code, 0, ran.output)
  t.match(finished(ran), { counts: { changed: 0, failed: 0 } })
  t.equal(workers(), before)
  t.strictSame(ran.events.flatMap(event => (event.type.startsWith('gate.') ? [event.type] : []))[0], 'gate.closed')
  t.equal((await asked('/ping.html'))?.body, `ok i-1 ${ran.events[0]?.run}\n`, 'what answers now is of this run')
  t.equal(sunup('plan').code, 0)
})

t.test('a new commit and an edited template: these two, and nginx reloads', async t => {
  commit('page two')
  write(infra, { 'templates/app.conf': SITE.replace('root {{root}};', 'root {{root}};\n  add_header X-Edition two;') })
  const before = workers()
  const boot = sunup('boot')
  t.equal(boot.code, 0, boot.output)
  t.match(outcomes(boot), { 'package[nginx-light]': 'unchanged', 'git[/srv/app]': 'changed', 'configTree[/etc/nginx/sunup]': 'changed', 'service[nginx]': 'changed', 'address[eipalloc-1]': 'unchanged', 'registry[web]': 'unchanged' })
  t.not(workers(), before, 'new workers run')
  t.equal((await asked('/', 'app'))?.body, 'page two')
})

t.test('a configuration that nginx refuses is never live, and the gate stays closed', async t => {
  write(infra, { 'templates/app.conf': SITE.replace('listen 80;', 'listen eighty;') })
  const before = workers()
  const { ran, answers } = await polled(() => sunup('boot'))
  t.equal(ran.code, 1)
  t.match(finished(ran), { gate: 'closed', error: { message: /configTree\[\/etc\/nginx\/sunup\]/, output: /eighty/ } })
  await isClosed(t)
  t.equal(answers.at(-1)?.[0], 404)
  t.equal(workers(), before, 'the old one serves on')
  t.equal((await asked('/', 'app'))?.body, 'page two')
  t.match(row(), { state: 'failed', failure: /eighty/ })
})

t.test('a configuration that nginx accepts and can not take up is taken back', async t => {
  const leave = await occupied(8088)
  write(infra, { 'templates/app.conf': SITE.replace('listen 80;', 'listen 80;\n  listen 127.0.0.1:8088;') })
  const boot = sunup('boot')
  t.equal(boot.code, 1)
  t.match(outcomes(boot), { 'service[nginx]': 'failed' })
  await isClosed(t)
  t.notMatch(readFileSync('/etc/nginx/sunup/sites/app.conf', 'utf8'), /8088/, 'the tree is as before')
  await leave()
  const healed = sunup('boot')
  t.equal(healed.code, 0, healed.output)
  t.equal((await asked('/ping.html'))?.status, 200)
})

t.test('a service that answers wrongly opens nothing', async t => {
  commit('something else')
  write(infra, { 'roles/web.yaml': ROLE.replace('within: 5s', 'within: 1s') })
  const boot = sunup('boot')
  t.equal(boot.code, 1)
  t.match(finished(boot), { gate: 'closed', error: { code: 'probe.failed', message: /without "page"/ } })
  await isClosed(t)
  t.match(row(), { state: 'failed' })
})

t.test('killed while apt works: the next boot heals it', async t => {
  execFileSync('apt-get', ['-y', '-q', 'purge', 'nginx-light', 'nginx-common'], { stdio: 'ignore' })
  commit('page three')
  write(infra, { 'roles/web.yaml': ROLE.replace('install: [nginx-light]', 'install: [sunup-slow, nginx-light]') })
  writeFileSync('/run/sunup-slow', '')
  const child = spawn(process.execPath, [join(checkout, 'bin/sunup.js'), 'boot', '--config', join(infra, 'sunup.yaml')], { stdio: 'ignore' })
  const gone = new Promise(resolve => child.once('exit', resolve))
  execFileSync('sh', ['-c', 'until [ -e /run/sunup-slow-began ]; do sleep 0.05; done'], { timeout: 60_000 })
  child.kill('SIGKILL')
  await gone
  execFileSync('rm', ['/run/sunup-slow'])
  await isClosed(t)
  const boot = sunup('boot')
  t.equal(boot.code, 0, boot.output)
  t.equal((await asked('/', 'app'))?.body, 'page three')
})

t.test('close closes, at once and alone', async t => {
  t.equal(sunup('close').code, 0)
  await isClosed(t)
})

