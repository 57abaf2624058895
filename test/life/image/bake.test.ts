import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Event } from '../../../src/core/events.ts'
import { tryLock } from '../../../src/machine/lock.ts'
import { repository } from '../../support/git-repository.ts'
import type { Ran } from '../../support/program.ts'
import { premises, type Premises } from '../../support/repository.ts'

t.setTimeout(120_000)

const ROLE = `securityGroups: [demo]
recipes:
  - files:
      - { path: /etc/app.conf, content: "threads = 4\\n" }
      - { path: /etc/os.conf, template: os.mustache, vars: {} }
`
const OS = { 'templates/os.mustache': 'cpus\n' }

t.test('what is prepared is in the image, with the units that boot it, and nothing of an instance', async t => {
  const where = premises(t, { role: `${ROLE}  - eip\n  - registry\n`, files: OS })
  const ran = await bake(where)
  t.equal(ran.code, 0)
  t.equal(text(where, '/etc/app.conf'), 'threads = 4\n')
  t.equal(text(where, '/etc/os.conf'), 'cpus\n')
  t.ok(existsSync(join(where.root, 'etc/systemd/system/sunup.service')))
  t.notOk(existsSync(join(where.root, 'var/lib/sunup')), 'there is no state')
  t.strictSame(finished(ran).gate, 'closed')
})

t.test('it asks no cloud: no row, no address, no hook answered', async t => {
  const where = premises(t, { role: `${ROLE}  - eip\n  - registry\n`, files: OS })
  t.equal((await bake(where)).code, 0)
  t.strictSame(where.rows(), [])
  t.strictSame(where.answers(), [])
  t.strictSame(readdirSync(where.cloud), ['addresses.yaml'])
})

t.test('there need be no instance at all', async t => {
  const where = premises(t, { role: ROLE, files: OS })
  where.write({ 'instance.yaml': null })
  t.equal((await bake(where)).code, 0)
})

t.test('in the cloud aws it asks neither for an identity nor for credentials', async t => {
  const where = premises(t, { role: ROLE, files: OS })
  t.match(await bake(where, '--cloud', 'aws'), { code: 0 })
})

t.test('a stale health file is gone', async t => {
  const where = premises(t, { role: ROLE, files: OS })
  put(where, '/run/sunup/health/ping.html', 'ok')
  t.equal((await bake(where)).code, 0)
  t.notOk(existsSync(where.health))
})

t.test('a second bake changes nothing', async t => {
  const app = repository(t)
  const where = premises(t, { role: `${ROLE}  - git-sync: { repository: "${app.url}", ref: main, path: /srv/app }\n`, files: OS })
  t.equal((await bake(where)).code, 0)
  const again = await bake(where)
  t.match(finished(again), { exitCode: 0, counts: { changed: 0, failed: 0 } })
})

t.test('what reads the instance, needs a secret or activates is left to boot, and named with the reason', async t => {
  const where = premises(t, {
    role: `${ROLE}  - mine: {}
  - files: [{ path: /etc/key, template: key.mustache, vars: { key: { secret: "file:/nonexistent" } } }]
  - eip
`,
    files: { ...OS, ...recipe('mine', "({ instance }) => [file({ path: '/etc/id', content: instance.id + instance.tags.x })]"), 'templates/key.mustache': '{{key}}\n' },
  })
  const ran = await bake(where)
  t.equal(ran.code, 0)
  t.strictSame(skipped(ran), {
    'file[/etc/id]': 'left to boot: recipe mine reads instance.id, instance.tags',
    'template[/etc/key]': 'left to boot: recipe files needs a secret',
    'address[tag allocation-id]': 'left to boot: recipe eip activates',
  })
  t.notOk(existsSync(join(where.root, 'etc/id')))
  t.notOk(existsSync(join(where.root, 'etc/key')))
})

t.test('what waits for a change that is left to boot is left, too', async t => {
  const where = premises(t, {
    role: `${ROLE}  - mine: {}\n  - after: {}\n`,
    files: {
      ...OS,
      ...recipe('mine', "({ instance }) => [file({ path: '/etc/id', content: instance.id })]"),
      ...recipe('after', "() => [execute({ name: 'note', argv: ['false'], runOn: ['file[/etc/id]'] })]"),
    },
  })
  const ran = await bake(where)
  t.equal(ran.code, 0)
  t.equal(skipped(ran)['execute[note]'], 'left to boot: recipe after waits for file[/etc/id]')
})

t.test('a recipe that reads the instance only while it is settled has spoilt the image', async t => {
  const where = premises(t, {
    role: `${ROLE}  - mine: {}\n`,
    files: {
      ...OS,
      ...recipe('mine', "({ instance }) => { const one = file({ path: '/etc/id', content: 'x' }); return [{ ...one, check: context => (instance.region, one.check(context)) }] }"),
    },
  })
  const ran = await bake(where)
  t.equal(ran.code, 78)
  t.match(finished(ran).error, { code: 'recipe.invalid', message: /recipe mine read instance\.region only while/ })
})

t.test('what the bake owes it pays itself', async t => {
  const where = premises(t, {
    role: `${ROLE}  - mine: {}\n`,
    files: { ...OS, ...recipe('mine', "() => { const one = file({ path: '/etc/x', content: 'x' }); return [one, execute({ name: 'note', argv: ['touch', 'noted'], runOn: [one] })] }") },
  })
  t.equal((await bake(where)).code, 0)
  t.ok(existsSync(join(where.root, 'noted')))
  t.notOk(existsSync(join(where.run, 'bake/journal.ndjson')))
})

t.test('a boot from the image, on an instance, changes only what was left to it', async t => {
  const app = repository(t)
  const where = premises(t, { role: `${ROLE}  - git-sync: { repository: "${app.url}", ref: main, path: /srv/app }\n  - eip\n  - registry\n`, files: OS })
  t.equal((await bake(where)).code, 0)
  t.equal((await where.sunup('seal', '--fix')).code, 0)
  const boot = await where.sunup('boot', '--format', 'json')
  t.equal(boot.code, 0)
  t.strictSame(changed(boot), ['address[tag allocation-id]', 'registry[demo]'])
})

t.test('a remote source is in the image as a cache, and its boots fetch nothing', async t => {
  const source = repository(t, { 'roles/demo.yaml': ROLE, ...OS })
  const where = premises(t, { config: `source: { repository: "${source.url}", ref: main }\n` })
  const ran = await bake(where)
  t.equal(ran.code, 0)
  t.strictSame(readdirSync(join(where.root, 'var/lib/sunup')), ['cache'])
  t.match(await where.sunup('seal', '--fix'), { code: 0 })
  const boot = await where.sunup('boot', '--format', 'json')
  t.equal(boot.code, 0)
  t.strictSame(changed(boot), [])
})

t.test('lists and caches of package managers are gone in the end', async t => {
  const where = premises(t, { role: ROLE, files: OS })
  for (const path of ['/var/lib/apt/lists/debian_Packages', '/var/lib/apt/lists/partial/x', '/var/cache/apt/archives/a.deb', '/var/cache/apt/pkgcache.bin', '/var/cache/dnf/base/x']) put(where, path, 'x')
  t.equal((await bake(where)).code, 0)
  for (const path of ['var/lib/apt/lists', 'var/cache/dnf']) t.strictSame(readdirSync(join(where.root, path)), [])
  t.strictSame(readdirSync(join(where.root, 'var/cache/apt')), ['archives'])
  t.strictSame(readdirSync(join(where.root, 'var/cache/apt/archives')), [])
})

t.test('without a role it is wrong usage, and nothing is touched', async t => {
  const where = premises(t, { role: ROLE, files: OS })
  t.match(await where.sunup('bake'), { code: 64, stdout: /bake needs to be told the role/ })
  t.strictSame(readdirSync(where.root), [])
})

t.test('a role that has nothing to prepare fails, and says why', async t => {
  const where = premises(t, { role: 'securityGroups: [demo]\nrecipes:\n  - eip\n  - registry\n' })
  const ran = await bake(where)
  t.equal(ran.code, 78)
  t.match(finished(ran).error, { code: 'bake.nothing', message: 'role demo has nothing to prepare: recipe eip activates; recipe registry activates' })
  t.notOk(existsSync(join(where.root, 'etc')), 'nothing is half installed')
})

t.test('what is wrong in a recipe that is left to boot is found now', async t => {
  const where = premises(t, { role: `${ROLE}  - eip: { tagg: x }\n`, files: OS })
  t.match(await bake(where), { code: 78, stdout: /tagg/ })
  t.notOk(existsSync(join(where.root, 'etc')))
})

t.test('a resource that fails fails the bake, and the gate stays closed', async t => {
  const where = premises(t, { role: `${ROLE}  - mine: {}\n`, files: { ...OS, ...recipe('mine', "() => [execute({ name: 'note', argv: ['false'] })]") } })
  const ran = await bake(where)
  t.match(finished(ran), { exitCode: 1, gate: 'closed', error: { code: 'command.failed' } })
  t.notOk(existsSync(where.health))
})

t.test('while another run holds the lock it touches nothing', async t => {
  const where = premises(t, { role: ROLE, files: OS })
  put(where, '/run/sunup/health/ping.html', 'ok')
  const lock = tryLock(join(where.run, 'lock'), { command: 'boot', pid: process.pid })
  t.teardown(() => lock?.release())
  t.equal((await bake(where)).code, 5)
  t.ok(existsSync(where.health))
  t.notOk(existsSync(join(where.root, 'etc')))
})

t.test('the units alone, without role, source or gate', async t => {
  const where = premises(t, { role: ROLE, files: OS })
  put(where, '/run/sunup/health/ping.html', 'ok')
  where.write({ 'roles/demo.yaml': null })
  const ran = await where.sunup('bake', '--units-only', '--format', 'json')
  t.match(finished(ran), { exitCode: 0, gate: 'untouched' })
  t.ok(existsSync(join(where.root, 'etc/systemd/system/sunup.service')))
  t.equal(text(where, '/run/sunup/health/ping.html'), 'ok')
})

t.test('a machine that has its services enabled has them stopped: a bake starts none', async t => {
  const { asleep } = await import('../../../src/life/image/asleep.ts')
  const { service } = await import('../../../src/resources/service.ts')
  const real = service({ name: 'app', enabled: true, restartOn: ['file[/x]'] })
  const asked: unknown[] = []
  const one = asleep({ ...real, check: async () => [{ type: 'update', field: 'enabled', from: false, to: true }, { type: 'update', field: 'state', from: 'inactive', to: 'active' }], apply: async changes => void asked.push(...changes) })
  const changes = await one.check(undefined as never)
  t.strictSame(changes, [{ type: 'update', field: 'enabled', from: false, to: true }])
  await one.apply([...changes, { type: 'act', field: 'restart' }], undefined as never)
  t.strictSame(asked, changes)
  t.equal(one.triggers, undefined)
})

function bake(where: Premises, ...args: string[]): Promise<Ran> {
  return where.sunup('bake', '--role', 'demo', '--format', 'json', ...args)
}

function recipe(name: string, resources: string): Record<string, string> {
  return { [`recipes/${name}/recipe.ts`]: `import { recipe, z, file, execute } from 'sunup'\nexport default recipe({ description: 'A test.', params: z.object({}), resources: ${resources} })\n` }
}

function finished(ran: Ran): Extract<Event, { type: 'run.finished' }> {
  return ran.events().find(event => event.type === 'run.finished') as Extract<Event, { type: 'run.finished' }>
}

function skipped(ran: Ran): Record<string, string | undefined> {
  return Object.fromEntries(ran.events().flatMap(event => (event.type === 'resource.finished' && event.outcome === 'skipped' ? [[event.id, event.reason]] : [])))
}

function changed(ran: Ran): readonly string[] {
  return ran.events().flatMap(event => (event.type === 'resource.finished' && event.outcome === 'changed' ? [event.id] : []))
}

function put(where: Premises, path: string, content: string): void {
  const file = join(where.root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

function text(where: Premises, path: string): string {
  return readFileSync(join(where.root, path), 'utf8')
}
