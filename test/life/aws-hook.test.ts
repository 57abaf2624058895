import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Event } from '../../src/core/events.ts'
import { awsFleet, SMALL, type Fleet } from '../support/aws-fleet.ts'
import { serves, staysClosed } from '../support/aws-outcomes.ts'
import type { RanHere } from '../support/boot-here.ts'
import { hastyClock } from '../support/fake-clock.ts'

t.setTimeout(110_000)

/** A directory that every machine has is in the way. */
const BROKEN = `recipes:
  - files: [{ path: /var/lib, content: "x" }]
  - registry
`
const answers = (fleet: Fleet): readonly string[] =>
  fleet.calls.flatMap(({ api, params }) => (api === 'autoscaling:CompleteLifecycleAction' ? [String(params.LifecycleActionResult)] : api === 'autoscaling:SetInstanceHealth' ? [String(params.HealthStatus)] : []))
const beats = (fleet: Fleet): number => fleet.calls.filter(({ api }) => api === 'autoscaling:RecordLifecycleActionHeartbeat').length

t.test('onFailure: abandon tells the group, after the row says why', async t => {
  const fleet = await awsFleet(t, { role: BROKEN })
  const web = await fleet.launch('i-1')
  const rows: unknown[] = []
  fleet.fault = ({ api, params }) => {
    if (api === 'dynamodb:PutItem') rows.push((params.Item as { state?: { S: string } }).state?.S)
    if (api === 'autoscaling:CompleteLifecycleAction') rows.push(params.LifecycleActionResult)
    return undefined
  }
  await staysClosed(t, fleet, web, await web.bootHere(), { code: 'file.kind', message: /\/var\/lib should be a file, but is a directory/ })
  t.strictSame(rows.slice(-2), ['failed', 'ABANDON'])
})

t.test('a group that can’t be told of a failure is in the failure', async t => {
  const fleet = await awsFleet(t, { role: BROKEN })
  const web = await fleet.launch('i-1')
  fleet.fault = ({ api }) => (api === 'autoscaling:CompleteLifecycleAction' ? { code: 'AccessDenied', message: 'not authorized', status: 403 } : undefined)
  const ran = await web.bootHere()
  t.match(ran.failure, { code: 'file.kind', hint: /The group could not be told: autoscaling:CompleteLifecycleAction on i-1 was denied[^]*sunup policy/ })
  t.match(web.report(), { error: { hint: /could not be told/ } })
})

t.test('a reboot in service that fails has the group replace the instance', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1')
  await serves(t, fleet, web, await web.bootHere())
  fleet.ec2.give('eipalloc-1', null)
  fleet.fault = ({ api }) => (api === 'ec2:AssociateAddress' ? { code: 'UnauthorizedOperation', message: 'no', status: 403 } : undefined)
  const ran = await web.bootHere({ clock: hastyClock() })
  t.match(ran, { exitCode: 1, failure: { code: 'cloud.denied' } })
  t.strictSame(answers(fleet), ['CONTINUE', 'Unhealthy'])
  t.notOk(web.isOpen())
})

t.test('onFailure: none tells nobody', async t => {
  const fleet = await awsFleet(t, { role: `${BROKEN}onFailure: none\n` })
  const web = await fleet.launch('i-1')
  t.not((await web.bootHere()).exitCode, 0)
  t.strictSame(answers(fleet), [])
  t.equal(web.groupState(), 'Pending:Wait')
  t.match(await fleet.rows(), [{ state: 'failed' }])
})

t.test('an attended boot that fails tells nobody', async t => {
  const fleet = await awsFleet(t, { role: BROKEN })
  const web = await fleet.launch('i-1')
  t.not((await web.bootHere({ attended: true })).exitCode, 0)
  t.strictSame(answers(fleet), [])
})

t.test('onFailure: hold has the group wait, the lock free, until a boot by hand takes over', async t => {
  const fleet = await awsFleet(t, { role: `${BROKEN}onFailure: hold\n`, hooks: { 'sunup-launch': { timeoutMs: 60_000 } } })
  const web = await fleet.launch('i-1')
  let byHand: Promise<RanHere> | undefined
  const warned: string[] = []
  const held = await web.bootHere({
    warn: text => void warned.push(text),
    clock: hastyClock(async slept => {
      if (slept < 10 * 60_000 || byHand) return
      t.ok(beats(fleet) >= 10, 'the group was asked to wait on')
      t.equal(web.groupState(), 'Pending:Wait')
      fleet.write({ 'roles/web.yaml': SMALL })
      byHand = web.bootHere({ attended: true })
      await byHand
    }),
  })
  t.match(warned, [/waits for somebody to look at this, for 60m 0s at most: a `sunup boot` by hand/])
  t.not(held.exitCode, 0, 'the boot that was held has failed all the same')
  const ran = await (byHand as unknown as Promise<RanHere>)
  await serves(t, fleet, web, ran)
  t.strictSame(answers(fleet), ['CONTINUE'])
})

t.test('nobody is held for longer than an hour', async t => {
  const fleet = await awsFleet(t, { role: `${BROKEN}onFailure: hold\n`, hooks: { 'sunup-launch': { timeoutMs: 60_000 } } })
  const web = await fleet.launch('i-1')
  const clock = hastyClock()
  const startedAt = clock.monotonic()
  t.not((await web.bootHere({ clock })).exitCode, 0)
  const tookMs = clock.monotonic() - startedAt
  t.ok(tookMs > 3_600_000 && tookMs < 3_700_000, `${tookMs}`)
  t.strictSame(answers(fleet), ['ABANDON'])
})

t.test('a boot that is held ends with its signal', async t => {
  const fleet = await awsFleet(t, { role: `${BROKEN}onFailure: hold\n` })
  const web = await fleet.launch('i-1')
  const { process, end } = web.started({}, 'boot', '--format', 'json')
  while (beats(fleet) === 0) await new Promise(resolve => setTimeout(resolve, 20))
  process.kill('SIGTERM')
  const ran = await end
  t.equal(ran.code, 143)
  t.notMatch(ran.stderr, /fault in sunup|\n +at /)
})

t.test('a warm pool wants the machine made, and nothing of its identity; the boot after it activates', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1', { warm: 'Stopped' })
  const told: Event[] = []
  const warm = await web.bootHere({ sink: event => void told.push(event) })
  t.equal(warm.exitCode, 0)
  t.ok(existsSync(join(web.root, 'etc/motd')))
  t.notOk(web.isOpen())
  t.strictSame(fleet.ec2.associations, [])
  t.strictSame(await fleet.rows(), [])
  t.equal(web.groupState(), 'Warmed:Stopped', 'the hook was told to go on')
  t.match(told.at(-2), { type: 'gate.kept-closed', reason: /wants this instance Warmed:Stopped/ })
  t.match(web.report(), { gate: 'closed', exitCode: 0 })
  t.ok(fleet.calls.every(({ api }) => api.startsWith('autoscaling:')), 'neither EC2 nor DynamoDB is asked')

  fleet.scaling.group.wake('i-1')
  fleet.scaling.group.arrive('i-1')
  web.imds.documents.set('meta-data/autoscaling/target-lifecycle-state', 'InService')
  await serves(t, fleet, web, await web.bootHere())
})

t.test('an instance in no group boots all the same', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1', { alone: true, documents: { 'meta-data/autoscaling/target-lifecycle-state': undefined } })
  t.equal((await web.bootHere()).exitCode, 0)
  t.ok(web.isOpen())
})

t.test('a group that terminates the instance meanwhile gets no traffic', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1')
  fleet.fault = ({ api }) => {
    if (api === 'ec2:AssociateAddress') fleet.scaling.group.be('i-1', 'Terminating:Wait')
    return undefined
  }
  await staysClosed(t, fleet, web, await web.bootHere(), { code: 'gate.failed', message: /group is terminating this instance/, group: 'Terminating:Wait' })
})
