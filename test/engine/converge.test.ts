import t from 'tap'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../src/core/failure.ts'
import { converging, flag } from '../support/converging.ts'
import { testMachine } from '../support/machine.ts'
import { treeOf } from '../support/tree.ts'

t.test('what differs is applied, the rest left alone, and all of it verified', async t => {
  const machine = testMachine(t, { b: 'up' })
  const result = await converging(t, machine, [flag(machine, { path: '/a' }), flag(machine, { path: '/b' })])
  t.strictSame([...result.outcomes], [['flag[/a]', 'changed'], ['flag[/b]', 'unchanged']])
  t.equal(result.verified?.checked, 2)
})

t.test('a settled run checks each resource once, and has its proof', async t => {
  const machine = testMachine(t, { a: 'up' })
  let looks = 0
  const result = await converging(t, machine, [flag(machine, { path: '/a', checks: () => void looks++ })])
  t.equal(looks, 1)
  t.ok(result.verified)
  t.notOk(existsSync(join(machine.dir, 'journal.ndjson')), 'and no journal was written')
})

t.test('after an apply everything is looked at again: what a later one moved is found', async t => {
  const machine = testMachine(t)
  const spoiler = flag(machine, { path: '/b', applies: m => { m.write('/b', 'up'); m.write('/a', 'down') } })
  const result = await converging(t, machine, [flag(machine, { path: '/a' }), spoiler])
  t.match(result.failure, { id: null, failure: { code: 'run.unsettled', message: /flag\[\/a\]/ } })
  t.equal(result.verified, undefined)
})

t.test('an apply that did nothing is not believed', async t => {
  const machine = testMachine(t)
  t.match((await converging(t, machine, [flag(machine, { path: '/a', applies: () => {} })])).failure?.failure, { code: 'run.unsettled' })
})

t.test('the first failure stops the run, and the rest is told as skipped', async t => {
  const machine = testMachine(t)
  const broken = flag(machine, { path: '/b', applies: () => { throw new Failure('command.failed', 'no') } })
  const result = await converging(t, machine, [flag(machine, { path: '/a' }), broken, flag(machine, { path: '/c' })])
  t.strictSame([...result.outcomes.values()], ['changed', 'failed', 'skipped'])
  t.match(result.failure, { id: 'flag[/b]', failure: { code: 'command.failed' } })
  t.equal(result.verified, undefined, 'without a proof nothing can open')
})

t.test('a caller that goes on after failures gets to the end, and fails', async t => {
  const machine = testMachine(t)
  const broken = flag(machine, { path: '/b', applies: () => { throw new Failure('command.failed', 'no') } })
  const result = await converging(t, machine, [broken, flag(machine, { path: '/c' })], { onFailure: 'continue' })
  t.strictSame([...result.outcomes.values()], ['failed', 'changed'])
  t.equal(result.verified, undefined)
})

t.test('what is not ours to throw is a bug, and says so', async t => {
  const machine = testMachine(t)
  const result = await converging(t, machine, [flag(machine, { path: '/a', checks: () => { throw new TypeError('x is not a function') } })])
  t.match(result.failure?.failure, { code: 'bug', message: /x is not a function/ })
})

t.test('a change owes a restart, which is paid once', async t => {
  const machine = testMachine(t, { s: 'up' })
  const acts: string[] = []
  const conf = flag(machine, { path: '/conf' })
  const service = flag(machine, { path: '/s', on: { restart: [conf] }, applies: (_, changes) => void acts.push(...changes.map(change => `${change.type} ${change.field}: ${change.reason}`)) })
  t.strictSame([...(await converging(t, machine, [conf, service])).outcomes.values()], ['changed', 'changed'])
  t.strictSame(acts, ['act restart: flag[/conf] changed'])
  t.strictSame([...(await converging(t, machine, [conf, service])).outcomes.values()], ['unchanged', 'unchanged'])
  t.equal(acts.length, 1)
})

t.test('a debt outlives the run that made it', async t => {
  const machine = testMachine(t, { s: 'up' })
  const conf = flag(machine, { path: '/conf' })
  let broken = true
  const acts: (string | undefined)[] = []
  const service = flag(machine, { path: '/s', retries: 0, on: { restart: [conf] }, applies: (_, changes) => {
    if (broken) throw new Failure('service.failed', 'it does not start')
    acts.push(...changes.map(change => change.field))
  } })
  t.match((await converging(t, machine, [conf, service])).failure, { id: 'flag[/s]' })
  t.match(readFileSync(join(machine.dir, 'journal.ndjson'), 'utf8'), /"act":"restart"/)
  broken = false
  t.strictSame([...(await converging(t, machine, [conf, service])).outcomes.values()], ['unchanged', 'changed'])
  t.strictSame(acts, ['restart'])
  t.notOk(existsSync(join(machine.dir, 'journal.ndjson')), 'a run that owes nothing leaves no journal')
})

t.test('the debt is on disk before the change is made', async t => {
  const machine = testMachine(t, { s: 'up' })
  let seen = ''
  const conf = flag(machine, { path: '/conf', applies: m => { seen = readFileSync(join(m.dir, 'journal.ndjson'), 'utf8'); m.write('/conf', 'up') } })
  await converging(t, machine, [conf, flag(machine, { path: '/s', on: { reload: [conf] }, applies: () => {} })])
  t.match(seen, /"t":"owe","id":"flag\[\/s\]","act":"reload","cause":"flag\[\/conf\]"/)
})

t.test('a torn last line of the journal is ignored, and does not swallow the next one', async t => {
  const machine = testMachine(t, { s: 'up', 'journal.ndjson': '{"t":"owe","id":"flag[/s]","act":"restart","cause":"flag[/x]"}\n{"t":"ow' })
  const acts: (string | undefined)[] = []
  const conf = flag(machine, { path: '/conf' })
  await converging(t, machine, [conf, flag(machine, { path: '/s', on: { reload: [conf] }, applies: (_, changes) => void acts.push(...changes.map(change => change.field)) })])
  t.strictSame(acts, ['restart', 'reload'])
})

t.test('a change that its dependents refuse is taken back, and the debt stays', async t => {
  const machine = testMachine(t, { s: 'up' })
  let reverted = 0
  const conf = flag(machine, { path: '/conf', reverts: () => void reverted++ })
  const service = flag(machine, { path: '/s', retries: 0, on: { reload: [conf] }, applies: () => { throw new Failure('service.failed', 'no') } })
  await converging(t, machine, [conf, service])
  t.equal(reverted, 1)
  t.match(readFileSync(join(machine.dir, 'journal.ndjson'), 'utf8'), /"act":"reload"/)
})

t.test('what may pass is tried again, with what is still missing', async t => {
  const machine = testMachine(t)
  let tries = 0
  const flaky = flag(machine, { path: '/a', applies: m => {
    if (tries++ === 0) throw new Failure('network.failed', 'connection reset')
    m.write('/a', 'up')
  } })
  const clock = { now: Date.now, monotonic: () => performance.now(), sleep: async () => {} }
  t.equal((await converging(t, machine, [flaky], { ground: { clock } })).outcomes.get('flag[/a]'), 'changed')
  t.equal(tries, 2)
})

t.test('an apply that never ends is left behind at its timeout', async t => {
  const machine = testMachine(t)
  const stuck = flag(machine, { path: '/a', timeout: 20, applies: () => new Promise(() => {}) })
  t.match((await converging(t, machine, [stuck])).failure?.failure, { code: 'resource.timeout', message: /applying flag\[\/a\]/ })
})

t.test('what is held until the timeout says what held it', async t => {
  const machine = testMachine(t)
  const held = flag(machine, { path: '/a', timeout: 30, applies: () => { throw new Failure('package.locked', 'dpkg is locked by apt (process 12)') } })
  t.match((await converging(t, machine, [held])).failure?.failure, { code: 'package.locked', message: /locked by apt \(process 12\) \(still so after/ })
})

t.test('an abort ends the run with its reason, whatever an apply does about its signal', async t => {
  const machine = testMachine(t)
  const controller = new AbortController()
  const deaf = flag(machine, { path: '/a', applies: () => { controller.abort(new Failure('signal.term', 'ended by SIGTERM')); return new Promise(() => {}) } })
  const result = await converging(t, machine, [deaf, flag(machine, { path: '/b' })], { ground: { signal: controller.signal } })
  t.equal(result.failure?.failure.code, 'signal.term')
  t.equal(result.outcomes.get('flag[/b]'), 'skipped')
})

t.test('guards decide, and are asked again when verifying', async t => {
  const machine = testMachine(t)
  const once = flag(machine, { path: '/a', notIf: ['test', '-e', join(machine.dir, 'a')], applies: m => writeFileSync(join(m.dir, 'a'), 'something else') })
  const result = await converging(t, machine, [once, flag(machine, { path: '/b', onlyIf: ['false'] })])
  t.strictSame([...result.outcomes.values()], ['changed', 'skipped'])
  t.ok(result.verified)
})

t.test('a staging root skips what belongs to a host, with the reason, and owes it nothing', async t => {
  const machine = testMachine(t)
  const conf = flag(machine, { path: '/conf' })
  const result = await converging(t, machine, [conf, flag(machine, { path: '/s', hostOnly: 'services belong to a host', on: { restart: [conf] } })])
  t.equal(result.outcomes.get('flag[/s]'), 'skipped')
  t.match(result.events.find(event => event.type === 'resource.finished' && event.outcome === 'skipped'), { reason: 'services belong to a host' })
  t.notOk(existsSync(join(machine.dir, 'journal.ndjson')))
  t.ok(result.verified, 'skipped does not hold the gate')
})

t.test('an apply that was cut off is known to the next run', async t => {
  const machine = testMachine(t, { 'journal.ndjson': '{"t":"begin","id":"flag[/a]"}\n', a: 'up' })
  const seen: boolean[] = []
  const resource = { ...flag(machine, { path: '/a', journaled: true }) }
  await converging(t, machine, [{ ...resource, check: context => { seen.push(context.interrupted); return resource.check(context) } }])
  t.strictSame(seen, [true])
})

t.test('a later stage sees what the earlier ones came to', async t => {
  const machine = testMachine(t)
  const a = flag(machine, { path: '/a' })
  const result = await converging(t, machine, [], {
    stages: [() => [{ resource: a, origin: 'one', phase: 'prepare' }], outcomes => [{ resource: flag(machine, { path: `/after-${outcomes.get(a.id)}` }), origin: 'two', phase: 'activate' }]],
  })
  t.ok(result.outcomes.has('flag[/after-changed]'))
})

t.test('a plan touches nothing, and foretells acts', async t => {
  const machine = testMachine(t, { s: 'up' })
  const before = treeOf(machine.dir)
  const conf = flag(machine, { path: '/conf' })
  const result = await converging(t, machine, [conf, flag(machine, { path: '/s', on: { restart: [conf] } })], { planning: true })
  t.strictSame([...result.outcomes.values()], ['pending', 'pending'])
  t.match(result.events.findLast(event => event.type === 'resource.checked'), { changes: [{ type: 'act', field: 'restart', reason: 'flag[/conf] changes' }] })
  t.strictSame(treeOf(machine.dir), before)
  t.equal(result.verified, undefined, 'a plan proves nothing')
})

t.test('in a plan, what is absent while something earlier is pending is unknown until that', async t => {
  const machine = testMachine(t)
  const lost = (): never => { throw new Failure('absent.command', 'no nginx', { subject: 'nginx' }) }
  const result = await converging(t, machine, [flag(machine, { path: '/a' }), flag(machine, { path: '/b', checks: lost })], { planning: true })
  t.equal(result.outcomes.get('flag[/b]'), 'unknown')
  t.match(result.events.at(-1), { reason: 'until flag[/a]' })
})

t.test('in a plan, what is absent with nothing pending has failed', async t => {
  const machine = testMachine(t, { a: 'up' })
  const lost = (): never => { throw new Failure('absent.command', 'no nginx', { subject: 'nginx' }) }
  const result = await converging(t, machine, [flag(machine, { path: '/a' }), flag(machine, { path: '/b', checks: lost }), flag(machine, { path: '/c' })], { planning: true })
  t.strictSame([...result.outcomes.values()], ['unchanged', 'failed', 'pending'], 'and the plan goes on')
})
