import t, { type Test } from 'tap'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Event } from '../../../src/core/events.ts'
import { everyDeath } from '../../support/deaths.ts'
import { gitBackend, httpServer, type Repository } from '../../support/git-repository.ts'
import { leftovers, plainTree } from '../../support/plain-tree.ts'
import { premises, recipeText, SMALL, type Premises } from '../../support/repository.ts'
import { infrastructure, npmElsewhere } from '../../support/source.ts'

t.setTimeout(600_000)

/** Premises whose sunup.yaml names a repository; they have no roles of their own. */
function remotely(t: Test, url: string, more = ''): Premises {
  const where = premises(t, { config: `source: { repository: ${url}${more} }\n` })
  where.write({ roles: null, templates: null })
  return where
}

const cacheOf = (where: Premises): string => join(where.root, 'var/lib/sunup/cache/source')
const everything = (where: Premises): Record<string, string> => plainTree(where.dir)
const finished = (events: readonly Event[]): Event | undefined => events.find(event => event.type === 'resource.finished')

t.test('a boot from a repository records its commit; a plan foretells a push; the next boot takes it', async t => {
  const infra = infrastructure(t)
  const where = remotely(t, infra.url)
  const first = infra.git('rev-parse', 'HEAD')
  t.match(await where.sunup('boot'), { code: 0, stderr: /^$/ })
  t.equal(where.rows()[0]?.revision, first)
  t.match(where.report().resources[0], { id: `source[${infra.url}]`, outcome: 'changed' })
  t.equal((await where.sunup('plan')).code, 0, 'nothing would change')

  const second = infra.commit({ 'roles/demo.yaml': SMALL.replace('hello', 'good-bye') })
  const before = everything(where)
  const plan = await where.sunup('plan', '--format', 'json')
  t.equal(plan.code, 2)
  t.same(everything(where), before, 'a plan writes nothing, in the temporary directory neither')
  t.equal((await where.sunup('boot')).code, 0)
  t.equal(where.rows()[0]?.revision, second)
  t.equal(readFileSync(join(where.root, 'etc/motd'), 'utf8'), 'good-bye\n')
  const outcomes = (events: readonly Event[]): unknown => events.flatMap(event => (event.type === 'resource.finished' ? [[event.id, event.outcome.replace('pending', 'changed')]] : []))
  t.same(outcomes(plan.events()), where.report().resources.map(({ id, outcome }) => [id, outcome]), 'what was foretold was done')
  const { counts } = where.report()
  t.same(counts, { changed: 2, unchanged: 2, failed: 0, skipped: 0, pending: 0, unknown: 0 }, 'the source is counted')
})

t.test('recipes, assets and dependencies of a repository are found from where it lies, and go into what the boot decided', { skip: npmElsewhere }, async t => {
  const infra = infrastructure(t, {
    'roles/demo.yaml': 'recipes: [greet]\n',
    'recipes/greet/recipe.ts': `import { word } from 'words'\n${recipeText("[template({ path: '/etc/motd', source: asset('motd.mustache'), vars: { word } })]")}`,
    'recipes/greet/motd.mustache': '{{word}}\n',
    'package.json': '{"private":true,"dependencies":{"words":"file:vendor/words"}}',
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, requires: true, packages: { '': { dependencies: { words: 'file:vendor/words' } }, 'node_modules/words': { resolved: 'vendor/words', link: true }, 'vendor/words': { version: '1.0.0' } } }),
    'vendor/words/package.json': '{"name":"words","version":"1.0.0","type":"module","main":"words.js"}',
    'vendor/words/words.js': "export const word = 'installed'\n",
  })
  const where = remotely(t, infra.url)
  const ran = await where.sunup('boot')
  t.match(ran, { code: 0 }, ran.stdout)
  t.equal(readFileSync(join(where.root, 'etc/motd'), 'utf8'), 'installed\n')
  t.ok(existsSync(join(where.state, 'current/source/node_modules/words/words.js')))
  t.equal((await where.sunup('check')).code, 0)
  t.same(readdirSync(where.tmp), [])
})

t.test('check and schema read a repository that was never booted from, and leave nothing', async t => {
  const infra = infrastructure(t)
  const where = remotely(t, infra.url)
  const before = everything(where)
  t.match(await where.sunup('check'), { code: 0, stdout: /roles demo: nothing is wrong/ })
  t.equal((await where.sunup('schema')).code, 0)
  infra.commit({ 'roles/demo.yaml': 'recipes: [nonsense]\n' })
  t.match(await where.sunup('check'), { code: 78, stdout: /roles\/demo\.yaml:1/ })
  t.same(everything(where), before)
})

t.test('a plan that is ended while it fetches leaves nothing', async t => {
  const infra = infrastructure(t)
  const backend = gitBackend(infra)
  const asked = Promise.withResolvers<void>()
  const origin = await httpServer(t, (request, response) => {
    // Once there is something to fetch into, no answer comes.
    if (readdirSync(where.tmp).length === 0) backend(request, response)
    else asked.resolve()
  })
  const where = remotely(t, `${origin}/repo`)
  const before = everything(where)
  const { process: child, end } = where.started({}, 'plan')
  await Promise.race([asked.promise, end])
  t.match(readdirSync(where.tmp), [/^sunup-source-/], 'it is at work')
  child.kill('SIGTERM')
  t.equal((await end).code, 143)
  t.same(everything(where), before)
})

t.test('a boot whose remote is gone fails closed; with last-good it opens on what was healthy, and says so', async t => {
  const infra = infrastructure(t)
  const backend = gitBackend(infra)
  let isUp = true
  const origin = await httpServer(t, (request, response) => (isUp ? backend(request, response) : void request.socket.destroy()))
  const where = remotely(t, `${origin}/repo`)
  t.equal((await where.sunup('boot')).code, 0)
  const good = where.rows()[0]?.revision as string
  infra.commit({ 'roles/demo.yaml': 'recipes: [nonsense]\n' })
  t.equal((await where.sunup('boot')).code, 78, 'a push that can’t boot')
  isUp = false

  const failed = await where.sunup('boot')
  t.match(failed, { code: 1, stdout: /can't be reached: main was asked for 5 times/ })
  t.notOk(existsSync(where.health))
  t.match(where.report(), { error: { code: 'source.unreachable' }, counts: { failed: 1 } })

  where.edit('sunup.yaml', '/repo', '/repo, onUnreachable: last-good')
  const opened = await where.sunup('boot')
  t.match(opened, { code: 0, stdout: new RegExp(`> source\\[.*\\n.*last-good: .*can't be reached.*going on with ${good}`) })
  t.ok(existsSync(where.health))
  t.equal(where.rows()[0]?.revision, good)
})

t.test('an unchanged boot asks git once, and writes nothing of its source', async t => {
  const infra = infrastructure(t)
  const where = remotely(t, infra.url)
  t.equal((await where.sunup('boot')).code, 0)
  const times = (): unknown => plainTree(cacheOf(where))
  const before = times()
  const ran = await where.sunup('boot', '--format', 'json')
  t.equal(ran.code, 0)
  t.match(finished(ran.events()), { id: `source[${infra.url}]`, outcome: 'unchanged' })
  t.same(times(), before)
})

t.test('a boot from a repository that dies before any call is healed by the next one', async t => {
  const infra = infrastructure(t, { 'templates/x.mustache': 'one\n' })
  await heals(t, remotely(t, infra.url), infra)
})

t.test('a boot that takes a push and dies before any call is healed by the next one', async t => {
  const infra = infrastructure(t, { 'templates/x.mustache': 'one\n' })
  const where = remotely(t, infra.url)
  t.equal((await where.sunup('boot')).code, 0)
  infra.commit({ 'templates/x.mustache': 'two\n', 'templates/y.mustache': 'new\n' })
  await heals(t, where, infra)
})

/** So many deaths of each boot: SUNUP_TEST_CRASHES=all dies them all. */
const MOST_DEATHS = 45

async function heals(t: Test, before: Premises, infra: Repository): Promise<void> {
  await everyDeath(t, before, { most: MOST_DEATHS }, whole => {
    const wanted = kept(whole)
    const commit = infra.git('rev-parse', 'HEAD')
    return (where, point) => {
      t.equal(where.rows()[0]?.revision, commit, `${point}: on the commit`)
      t.strictSame(kept(where), wanted, `${point}: what is kept is as if it had not died`)
      t.strictSame(leftovers(where.root), [], `${point}: nothing is left over`)
    }
  })
}

/** The checkouts with their files, and the names beside them. */
function kept(where: Premises): Record<string, string> {
  return plainTree(cacheOf(where), (path, found) => (path.includes('.git/') ? undefined : /[0-9a-f]{40}\.json$/.test(path) ? 'a note' : found))
}
