import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { untrue } from '../support/foretold.ts'
import { rootIgnoresModes } from '../support/machine.ts'
import { application, premises, recipeText, SMALL, type Premises } from '../support/repository.ts'
import { treeOf } from '../support/tree.ts'

/** Plans, and proves that nothing was written: neither in the root, nor in state, cloud, repository or TMPDIR. */
async function plans(t: Test, where: Premises, expected: number) {
  const before = treeOf(where.dir)
  const ran = await where.sunup('plan', '--format', 'json')
  t.equal(ran.code, expected)
  t.strictSame(treeOf(where.dir), before, 'nothing was written')
  return ran.events()
}

t.test('the plan of a first boot writes nothing, and foretells the boot', async t => {
  const where = premises(t)
  const planned = await plans(t, where, 2)
  t.match(planned.at(-1), { type: 'run.finished', gate: 'untouched', exitCode: 2, counts: { changed: 0 } })
  const booted = (await where.sunup('boot', '--format', 'json')).events()
  t.match(booted.at(-1), { exitCode: 0 })
  t.strictSame(untrue(planned, booted), [])
  t.ok(booted.some(event => event.type === 'resource.finished' && event.outcome === 'changed'))
})

t.test('the plan of an update writes nothing, and foretells exactly these differences', async t => {
  const app = application(t)
  const role = readFileSync(new URL('../../roles/demo.yaml', import.meta.url), 'utf8').replace('https://git.example.com/app.git', app.url)
  const where = premises(t, { role })
  t.equal((await where.sunup('boot')).code, 0)
  const commit = app.commit({ 'public/index.html': '<h1>2</h1>\n' })
  where.edit('templates/app.conf.mustache', '=404', '/index.html')
  const planned = await plans(t, where, 2)
  const pending = planned.flatMap(event => (event.type === 'resource.finished' && event.outcome === 'pending' ? [event.id] : []))
  t.strictSame(pending, ['git[/srv/app]', 'configTree[/etc/nginx/sunup]'])
  t.match(planned, planned.map(event => (event.type === 'resource.checked' && event.id === 'git[/srv/app]' ? { changes: [{ type: 'update', field: 'revision', to: commit }] } : {})))
  const booted = (await where.sunup('boot', '--format', 'json')).events()
  t.strictSame(untrue(planned, booted), [])
})

t.test('the plan of a settled machine exits with 0, and says that nothing would change', async t => {
  const where = premises(t)
  t.equal((await where.sunup('boot')).code, 0)
  const planned = await plans(t, where, 0)
  t.match(planned.at(-1), { counts: { pending: 0, unknown: 0 }, gate: 'untouched' })
})

t.test('a plan leaves an open gate open, and asks for no lock', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const health = readFileSync(where.health, 'utf8')
  rmSync(join(where.run, 'lock'))
  await plans(t, where, 0)
  t.equal(readFileSync(where.health, 'utf8'), health)
})

t.test('a plan into a root that is not there makes none', async t => {
  const where = premises(t, { role: SMALL })
  rmSync(where.root, { recursive: true })
  await plans(t, where, 2)
})

t.test('a guard is asked in a root that is not there: it is empty', async t => {
  const where = premises(t, {
    role: 'securityGroups: [demo]\nrecipes: [own]\n',
    files: { 'recipes/own/recipe.ts': recipeText("[file({ path: '/a', content: 'x', onlyIf: ['test', '-e', 'etc'] }), file({ path: '/b', content: 'x', notIf: ['test', '-e', 'etc'] })]") },
  })
  rmSync(where.root, { recursive: true })
  const ran = await where.sunup('plan', '--format', 'json')
  t.equal(ran.code, 2)
  t.strictSame(ran.events().flatMap(event => (event.type === 'resource.finished' ? [event.outcome] : [])), ['skipped', 'pending'])
  t.notOk(existsSync(where.root))
  t.strictSame(readdirSync(where.tmp), [], 'and what stood for it is gone')
})

/** Plans a recipe, boots it, and holds one against the other. @param before makes the machine as it is */
async function foretells(t: Test, resources: string, expected: readonly string[], before?: (where: Premises) => Promise<void> | void): Promise<void> {
  const where = premises(t, { role: 'securityGroups: [demo]\nrecipes: [own]\n', files: { 'recipes/own/recipe.ts': recipeText(resources) } })
  await before?.(where)
  const planned = await plans(t, where, 2)
  t.strictSame(planned.flatMap(event => (event.type === 'resource.finished' ? [event.reason === undefined ? event.outcome : `${event.outcome} ${event.reason}`] : [])), expected)
  t.strictSame(untrue(planned, (await where.sunup('boot', '--format', 'json')).events()), [])
}

t.test('a guard is not asked while something before it is pending: it is unknown until then', t =>
  foretells(t, "[file({ path: '/a', content: 'x' }), file({ path: '/b', content: 'x', onlyIf: ['test', '-e', 'a'] }), file({ path: '/c', content: 'x', notIf: ['test', '-e', 'b'] })]", [
    'pending',
    'unknown until file[/a]',
    'unknown until file[/b]',
  ]))

t.test('a guard is asked where all before it is settled', t =>
  foretells(t, "[directory({ path: '/a' }), file({ path: '/b', content: 'x', onlyIf: ['test', '-e', 'a'] }), file({ path: '/c', content: 'x' })]", ['unchanged', 'pending', 'pending'], where =>
    mkdirSync(join(where.root, 'a'), { mode: 0o755 })))

t.test('a command whose `creates` something earlier makes is unknown until then; in a directory that is new it runs', t =>
  foretells(t, "[file({ path: '/d/f', content: 'x' }), directory({ path: '/e' }), execute({ name: 'f', argv: ['false'], creates: '/d/f' }), execute({ name: 'd', argv: ['false'], creates: '/d' }), execute({ name: 'e', argv: ['touch', 'e/x'], creates: '/e/x' })]", [
    'pending',
    'pending',
    'unknown until file[/d/f]',
    'unknown until file[/d/f]',
    'pending',
  ]))

t.test('what lies in a checkout, or in what a command creates, is unknown until that is there', async t => {
  const { url } = application(t)
  await foretells(t, `[
    git({ repository: '${url}', ref: 'main', path: '/srv/app', layout: 'inPlace' }),
    execute({ name: 'build', argv: ['mkdir', 'srv/app/built'], creates: '/srv/app/built' }),
    execute({ name: 'make', argv: ['sh', '-c', 'mkdir made && echo x > made/f'], creates: '/made' }),
    file({ path: '/made/f', content: 'y' }),
    directory({ path: '/made' }),
    file({ path: '/other', content: 'x' }),
  ]`, ['pending', 'unknown until git[/srv/app]', 'pending', 'unknown until execute[make]', 'unknown until execute[make]', 'pending'])
})

t.test('an act is unknown while one of its causes is', t =>
  foretells(t, "[file({ path: '/a', content: 'x' }), file({ path: '/b', content: 'x', onlyIf: ['false'] }), execute({ name: 'c', argv: ['touch', 'c'], creates: '/c', runOn: ['file[/b]'] })]", [
    'pending',
    'unknown until file[/a]',
    'unknown until file[/b]',
  ]))

t.test('a check that fails ends a plan with 1, and it goes on to the others', async t => {
  const where = premises(t, { role: SMALL.replace('path: /etc/motd', 'path: /srv') + '  - files: [{ path: /etc/motd, content: x }]\n' })
  t.equal((await where.sunup('plan')).code, 2, 'without it there is just a change')
  where.edit('roles/demo.yaml', '  - eip\n', '  - git-sync: { repository: "file:///nonexistent/app.git", path: /srv/app }\n  - eip\n')
  const planned = await plans(t, where, 1)
  t.match(planned.at(-1), { exitCode: 1, error: { message: /nonexistent/ } })
  const outcomes = planned.flatMap(event => (event.type === 'resource.finished' ? [event.outcome] : []))
  t.strictSame(outcomes, ['pending', 'failed', 'pending', 'pending', 'unknown'])
})

t.test('a fault of the repository ends a plan with 78', async t => {
  const where = premises(t, { role: SMALL.replace('eip', 'eipp') })
  const planned = await plans(t, where, 78)
  t.match(planned.at(-1), { exitCode: 78, error: { message: /eipp/ } })
})

t.test('a plan needs no right to write', { skip: rootIgnoresModes }, async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const closed = [where.root, where.run, where.cloud, where.infra]
  for (const dir of closed) chmodSync(dir, 0o555)
  await plans(t, where, 0).finally(() => closed.forEach(dir => chmodSync(dir, 0o755)))
})

t.test('what reads the public address while it is still to be taken is unknown, and not guessed', async t => {
  const where = premises(t, { role: SMALL })
  const planned = await plans(t, where, 2)
  t.match(planned.filter(event => event.type === 'resource.finished').at(-1), { id: 'registry[demo]', outcome: 'unknown', reason: 'until address[tag allocation-id]' })
})

t.test('a directory that an earlier file brings with it is unknown until then', async t => {
  const where = premises(t, {
    role: 'securityGroups: [demo]\nrecipes: [own]\n',
    files: { 'recipes/own/recipe.ts': recipeText("[file({ path: '/d/f', content: 'x' }), directory({ path: '/d' }), directory({ path: '/d/sub' })]") },
  })
  const planned = await plans(t, where, 2)
  t.strictSame(planned.flatMap(event => (event.type === 'resource.finished' ? [event.outcome] : [])), ['pending', 'unknown', 'pending'])
  const booted = (await where.sunup('boot', '--format', 'json')).events()
  t.strictSame(untrue(planned, booted), [])
})
