import t, { type Test } from 'tap'
import { lastGood } from '../../src/core/revisions.ts'
import { awsFleet, type Fleet } from '../support/aws-fleet.ts'
import { hastyClock } from '../support/fake-clock.ts'
import { gitBackend, httpServer, repository, type Repository } from '../support/git-repository.ts'

t.setTimeout(110_000)

const ROLE = 'recipes:\n  - files: [{ path: /etc/motd, content: "hello" }]\n  - registry\n'
/** Found on the machine, on every one. */
const BROKEN = 'recipes:\n  - files: [{ path: /var/lib, content: "x" }]\n  - registry\n'
/** Found before the first check. */
const WRONG = 'recipes:\n  - filez: []\n  - registry\n'

async function fleetOf(t: Test, more = '', urlOf: (infra: Repository) => string | Promise<string> = ({ url }) => url): Promise<{ readonly fleet: Fleet; readonly infra: Repository; readonly head: () => string }> {
  const infra = repository(t, { 'roles/web.yaml': ROLE })
  const fleet = await awsFleet(t, { role: '', config: `source: { repository: "${await urlOf(infra)}", ref: main${more} }\n` })
  return { fleet, infra, head: () => infra.git('rev-parse', 'HEAD') }
}

const signal = AbortSignal.timeout(110_000)
const boot = async (fleet: Fleet, id: string) => await (await fleet.launch(id)).bootHere({ clock: hastyClock() })
const revisionsIn = async (fleet: Fleet): Promise<Record<string, string | undefined>> => Object.fromEntries((await fleet.rows()).filter(row => row.state === 'in-service').map(row => [row.instanceId, row.revision]))

t.test('a boot that opens its gate is known to the fleet; the next one of that revision has nothing to write', async t => {
  const { fleet, head } = await fleetOf(t, ', breaker: { failures: 3 }')
  t.equal((await boot(fleet, 'i-1')).exitCode, 0)
  t.match(lastGood(await fleet.revisions.history('web', signal)), { revision: head(), failures: 0 })
  fleet.calls.length = 0
  const web = await fleet.launch('i-2')
  t.equal((await web.bootHere()).exitCode, 0)
  t.equal((await fleet.revisions.history('web', signal)).seq, 1)
  const again = fleet.calls.length
  t.equal((await web.bootHere()).exitCode, 0)
  const calls = fleet.calls.slice(again).map(({ api }) => api)
  // The row before it is written, and to check it; the history, to decide by. What is known already is not written again.
  t.strictSame(calls.sort(), ['autoscaling:DescribeAutoScalingInstances', ...Array(3).fill('dynamodb:GetItem'), ...Array(2).fill('dynamodb:PutItem')])
})

for (const [what, broken] of Object.entries({ 'that breaks on the machine': BROKEN, 'that is wrong as it is written': WRONG })) {
  t.test(`after three failed boots of a revision ${what} the next take the last good one, all the same, and say so`, async t => {
    const { fleet, infra, head } = await fleetOf(t, ', breaker: { failures: 3 }')
    t.equal((await boot(fleet, 'i-0')).exitCode, 0)
    const good = head()
    const bad = infra.commit({ 'roles/web.yaml': broken })
    for (const id of ['i-1', 'i-2', 'i-3']) t.not((await boot(fleet, id)).exitCode, 0, id)
    t.match((await fleet.revisions.history('web', signal)).revisions[0], { revision: bad, failures: 3, goodAt: null, failed: [{ instanceId: 'i-3' }, {}, {}] })

    const [one, other] = await Promise.all(['i-4', 'i-5'].map(id => fleet.launch(id)))
    const ran = await Promise.all([one, other].map(web => web?.boot()))
    for (const each of ran) t.match(each, { code: 0, stdout: new RegExp(`3 boots of web failed on ${bad} and none succeeded, so the last good revision ${good} is taken`) }, each?.stdout ?? '')
    t.match(await revisionsIn(fleet), { 'i-4': good, 'i-5': good }, 'two at once decide the same')

    const mended = infra.commit({ 'roles/web.yaml': `${ROLE}# mended\n` })
    t.equal((await boot(fleet, 'i-6')).exitCode, 0)
    t.match(await revisionsIn(fleet), { 'i-6': mended }, 'a new revision is tried')
  })
}

/** Roles that nobody can read, or that are no instance's any more; recipes and dependencies that can't be had. */
const UNREADABLE: Record<string, Readonly<Record<string, string>>> = {
  'whose role file is no YAML': { 'roles/web.yaml': 'recipes: [\n' },
  'in which another role’s file is broken': { 'roles/base.yaml': 'securityGroups: 3\n' },
  'in which no role answers': { 'roles/web.yaml': `securityGroups: [wbe]\n${ROLE}` },
  'in which two roles answer': { 'roles/other.yaml': `securityGroups: [web]\n${ROLE}` },
  'with a syntax error in a recipe': { 'recipes/mine/recipe.ts': 'export default recipe({\n', 'roles/web.yaml': 'recipes: [mine, registry]\n' },
  'whose dependencies can’t be installed': {
    'package.json': '{"private":true,"dependencies":{"words":"file:words.tgz"}}',
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, requires: true, packages: { '': { dependencies: { words: 'file:words.tgz' } }, 'node_modules/words': { version: '1.0.0', resolved: 'file:words.tgz' } } }),
  },
}

for (const [what, files] of Object.entries(UNREADABLE)) {
  t.test(`a revision ${what} is left like any other, by instances that never booted before`, async t => {
    const { fleet, infra, head } = await fleetOf(t, ', breaker: { failures: 3 }')
    const old = await fleet.launch('i-0')
    t.equal((await old.bootHere()).exitCode, 0)
    const good = head()
    const bad = infra.commit(files)
    for (const id of ['i-1', 'i-2']) t.not((await boot(fleet, id)).exitCode, 0, id)
    t.not((await old.bootHere({ clock: hastyClock() })).exitCode, 0, 'one that had the role before counts, too')
    t.match((await fleet.revisions.history('web', signal)).revisions[0], { revision: bad, failures: 3, goodAt: null })

    const ran = await (await fleet.launch('i-4')).boot()
    t.match(ran, { code: 0, stdout: new RegExp(`3 boots of web failed on ${bad} and none succeeded, so the last good revision ${good} is taken`) }, ran.stdout + ran.stderr)
    t.match(await revisionsIn(fleet), { 'i-4': good })
  })
}

t.test('a repository that is away is no failure of a revision', async t => {
  let isUp = true
  const { fleet, infra } = await fleetOf(t, ', breaker: { failures: 1 }', async infra => {
    const backend = gitBackend(infra)
    return `${await httpServer(t, (request, response) => (isUp ? backend(request, response) : void request.socket.destroy()))}/repo`
  })
  t.equal((await boot(fleet, 'i-0')).exitCode, 0)
  const { seq } = await fleet.revisions.history('web', signal)
  infra.commit({ 'roles/web.yaml': `${ROLE}# new\n` })
  isUp = false
  t.match(await boot(fleet, 'i-1'), { failure: { code: 'source.unreachable' } })
  t.equal((await fleet.revisions.history('web', signal)).seq, seq)
})

t.test('without a breaker each boot takes what the repository has', async t => {
  const { fleet, infra } = await fleetOf(t)
  t.equal((await boot(fleet, 'i-0')).exitCode, 0)
  infra.commit({ 'roles/web.yaml': BROKEN })
  for (const id of ['i-1', 'i-2', 'i-3', 'i-4']) t.not((await boot(fleet, id)).exitCode, 0, id)
})

t.test('with the repository out of reach, last-good goes on with what the fleet was healthy with', async t => {
  let isUp = true
  const { fleet, infra, head } = await fleetOf(t, ', onUnreachable: last-good', async infra => {
    const backend = gitBackend(infra)
    return `${await httpServer(t, (request, response) => (isUp ? backend(request, response) : void request.socket.destroy()))}/repo`
  })
  const web = await fleet.launch('i-1')
  const good = head()
  t.equal((await web.bootHere()).exitCode, 0)
  // It had a later one, which nobody was healthy with.
  infra.commit({ 'roles/web.yaml': BROKEN })
  t.not((await web.bootHere({ attended: true })).exitCode, 0)
  isUp = false
  const ran = await web.bootHere({ clock: hastyClock() })
  t.equal(ran.exitCode, 0, ran.failure?.message ?? 'it boots')
  t.match(await revisionsIn(fleet), { 'i-1': good })
  t.match(await boot(fleet, 'i-2'), { failure: { code: 'source.unreachable' } }, 'where it never was it can not be had')
})
