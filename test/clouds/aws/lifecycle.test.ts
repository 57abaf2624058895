import t, { type Test } from 'tap'
import { autoScaling } from '../../../src/clouds/aws/auto-scaling.ts'
import { awsLifecycle } from '../../../src/clouds/aws/lifecycle.ts'
import { stageOf } from '../../../src/clouds/aws/lifecycle-state.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { Lifecycle } from '../../../src/core/cloud.ts'
import { accessTo } from '../../support/dynamodb.ts'
import { fakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { hooksServer, type HooksServer, type HooksServerOptions } from '../../support/hooks-server.ts'

const { signal } = new AbortController()
const ID = 'i-1'
const LAUNCH = { launching: {} }

interface World {
  readonly server: HooksServer
  readonly lifecycle: Lifecycle
  readonly clock: FakeClock
  readonly warnings: string[]
  /** What was asked for, describing left out. */
  done(): string[]
  /** Called with each time that is slept away. */
  passes: (elapsedMs: number) => unknown
}

async function world(t: Test, { target, hook, ...options }: HooksServerOptions & { readonly target?: string; readonly hook?: string } = {}): Promise<World> {
  const made: Pick<World, 'passes'> = { passes: () => {} }
  const clock = fakeClock(elapsed => made.passes(elapsed))
  const server = await hooksServer(t, { clock, ...options })
  const warnings: string[] = []
  const lifecycle = lifecycleAt(t, server, clock, { target, hook, warnings })
  const done = (): string[] => server.asked.filter(one => !one.action.startsWith('Describe')).map(({ action, params }) => [action, params.LifecycleHookName, params.LifecycleActionResult ?? params.HealthStatus].filter(Boolean).join(' '))
  return Object.assign(made, { server, lifecycle, clock, warnings, done })
}

/** The lifecycle as a process of the instance has it. */
function lifecycleAt(t: Test, server: HooksServer, clock: Clock, { target, hook, warnings = [] }: { target?: string | undefined; hook?: string | undefined; warnings?: string[] } = {}): Lifecycle {
  return awsLifecycle({
    autoScaling: autoScaling(accessTo(t, server.endpoint)),
    clock,
    instanceId: async () => ID,
    targetState: async () => target,
    hook,
    warn: text => void warnings.push(text),
  })
}

t.test('what the group wants is what the metadata service says; nothing said is InService', async t => {
  t.equal(await (await world(t)).lifecycle.target(signal), 'InService')
  t.equal(await (await world(t, { target: 'Warmed:Stopped' })).lifecycle.target(signal), 'Warmed:Stopped')
})

t.test('the launch hook is told CONTINUE: three calls, one of them a write', async t => {
  const { server, lifecycle, done } = await world(t, { hooks: LAUNCH })
  server.group.launch(ID)
  server.group.arrive(ID)
  await lifecycle.ready(signal)
  t.equal(server.group.state(ID), 'Pending:Proceed')
  t.strictSame(server.asked.map(one => one.action), ['DescribeAutoScalingInstances', 'DescribeLifecycleHooks', 'CompleteLifecycleAction'])
  t.strictSame(done(), ['CompleteLifecycleAction launching CONTINUE'])
  t.match(server.asked.at(-1)?.params, { InstanceId: ID, AutoScalingGroupName: 'web-asg' })
})

t.test('answered once, it is not asked again', async t => {
  const { server, lifecycle } = await world(t, { hooks: LAUNCH })
  server.group.launch(ID)
  server.group.arrive(ID)
  await lifecycle.ready(signal)
  const { length } = server.asked
  await lifecycle.ready(signal)
  t.equal(server.asked.length, length)
})

t.test('an instance that serves, after a reboot, costs one look', async t => {
  const { server, lifecycle, warnings } = await world(t, { hooks: LAUNCH })
  server.group.be(ID, 'InService')
  await lifecycle.ready(signal)
  t.strictSame([server.asked.map(one => one.action), warnings], [['DescribeAutoScalingInstances'], []])
})

for (const act of ['ready', 'left', 'failed'] as const) {
  t.test(`in no group: ${act} changes nothing, and all is well`, async t => {
    const { lifecycle, done } = await world(t, { hooks: LAUNCH })
    await (act === 'failed' ? lifecycle.failed('broken', signal) : lifecycle[act](signal))
    t.strictSame(done(), [])
  })
}

t.test('a group without a launch hook: nothing is to be answered', async t => {
  const { server, lifecycle, done } = await world(t, { hooks: { leaving: { transition: 'termination' } } })
  server.group.launch(ID)
  await lifecycle.ready(signal)
  t.strictSame(done(), [])
})

t.test('No active Lifecycle Action found', async t => {
  await t.test('because it is not yet known everywhere: answered again until it is', async t => {
    const { server, lifecycle, done } = await world(t, { hooks: LAUNCH })
    server.lagMs = 20_000
    server.group.launch(ID)
    server.group.arrive(ID)
    await lifecycle.ready(signal)
    t.equal(server.group.state(ID), 'Pending:Proceed')
    t.ok(done().length > 2)
  })
  await t.test('because the instance has not come to the wait: it is waited for, and nothing sent before', async t => {
    const one = await world(t, { hooks: LAUNCH })
    one.server.group.launch(ID)
    one.passes = elapsed => elapsed > 30_000 && one.server.group.state(ID) === 'Pending' && one.server.group.arrive(ID)
    await one.lifecycle.ready(signal)
    t.strictSame(one.done(), ['CompleteLifecycleAction launching CONTINUE'])
  })
  await t.test('because it is over, by whomever: done, with a word about it', async t => {
    const { server, lifecycle, warnings } = await world(t, { hooks: LAUNCH })
    server.group.launch(ID)
    server.group.arrive(ID)
    server.after = action => void (action === 'DescribeLifecycleHooks' && server.group.complete(ID, 'launching', 'CONTINUE'))
    await lifecycle.ready(signal)
    t.match(warnings, [/over before it was answered.*Pending:Proceed/])
  })
  await t.test('because the hook was attached after this launch: in service, and done', async t => {
    const { server, lifecycle, done } = await world(t)
    server.group.launch(ID)
    server.group.arrive(ID)
    server.group.hooks.set('late', { transition: 'launch', timeoutMs: 60_000, defaultResult: 'ABANDON' })
    await lifecycle.ready(signal)
    server.group.arrive(ID)
    t.strictSame([done(), server.group.state(ID)], [[], 'InService'])
  })
  await t.test('for ever: said, with the state', async t => {
    const { server, lifecycle, clock } = await world(t, { hooks: { launching: { timeoutMs: 7_200_000 } } })
    server.lagMs = 3_600_000
    server.group.launch(ID)
    server.group.arrive(ID)
    await t.rejects(lifecycle.ready(signal), { code: 'lifecycle.refused', message: /hook launching of the group web-asg can't be answered for i-1.*Pending:Wait.*No active Lifecycle Action/ })
    t.ok(clock.monotonic() < 400_000)
  })
})

t.test('a hook that timed out with ABANDON: it is too late, and said', async t => {
  const { server, lifecycle, clock } = await world(t, { hooks: LAUNCH })
  server.group.launch(ID)
  server.group.arrive(ID)
  clock.advance(301_000)
  await t.rejects(lifecycle.ready(signal), { code: 'lifecycle.refused', message: /terminating this instance/ })
})

t.test('of several launch hooks ours is known by its name', async t => {
  for (const [hooks, hook, expected] of [
    [{ other: {}, 'sunup-launch': {} }, undefined, 'sunup-launch'],
    [{ other: {}, mine: {} }, 'mine', 'mine'],
  ] as const) {
    const { server, lifecycle, done } = await world(t, { hooks, ...(hook && { hook }) })
    server.group.launch(ID)
    server.group.arrive(ID)
    await lifecycle.ready(signal)
    t.strictSame([done(), server.group.state(ID)], [[`CompleteLifecycleAction ${expected} CONTINUE`], 'Pending:Wait'], 'and the other still waits')
  }
  const { server, lifecycle, done } = await world(t, { hooks: { one: {}, two: {} } })
  server.group.launch(ID)
  server.group.arrive(ID)
  await t.rejects(lifecycle.ready(signal), { code: 'cloud.invalid', message: /one, two/, hint: /sunup-launch/ })
  t.strictSame(done(), [])
})

t.test('ours answered and another’s waiting: a later boot does not wait for it', async t => {
  const { server, lifecycle, clock, warnings } = await world(t, { hooks: { other: { timeoutMs: 3_600_000 }, sunup: {} } })
  server.group.launch(ID)
  server.group.arrive(ID)
  await lifecycle.ready(signal)
  await lifecycleAt(t, server, clock, { warnings }).ready(signal)
  t.equal(server.group.state(ID), 'Pending:Wait')
  t.match(warnings, [/another hook/])
})

t.test('a boot that failed: ABANDON while it is being launched', async t => {
  for (const warm of [undefined, 'Stopped'] as const) {
    const { server, lifecycle, done } = await world(t, { hooks: LAUNCH })
    server.group.launch(ID, warm)
    server.group.arrive(ID)
    await lifecycle.failed('broken', signal)
    t.strictSame(done(), ['CompleteLifecycleAction launching ABANDON'])
    t.match(server.group.state(ID), /Terminating/)
  }
})

t.test('a boot that failed in service, or without a hook: the instance is unhealthy, at once', async t => {
  const serving = await world(t, { hooks: LAUNCH })
  serving.server.group.be(ID, 'InService')
  await serving.lifecycle.failed('broken', signal)
  t.match(serving.server.asked.at(-1), { action: 'SetInstanceHealth', params: { InstanceId: ID, HealthStatus: 'Unhealthy', ShouldRespectGracePeriod: 'false' } })
  const hookless = await world(t)
  hookless.server.group.launch(ID)
  await hookless.lifecycle.failed('broken', signal)
  t.strictSame(hookless.done(), ['SetInstanceHealth Unhealthy'])
})

for (const state of ['Standby', 'Terminating:Wait', 'Terminating:Retained', 'Detaching', 'Warmed:Stopped', 'ReplacingRootVolume:Wait', 'Quarantined', '']) {
  t.test(`a boot that failed in ${state || 'no state'}: the group is told nothing`, async t => {
    const { server, lifecycle, done } = await world(t, { hooks: LAUNCH })
    server.group.be(ID, state)
    await lifecycle.failed('broken', signal)
    t.strictSame(done(), [])
  })
}

t.test('warm pool: its launch hook is told, and told again when the instance is wanted', async t => {
  const { server, lifecycle, clock } = await world(t, { hooks: LAUNCH })
  server.group.launch(ID, 'Stopped')
  server.group.arrive(ID)
  t.equal(server.group.state(ID), 'Warmed:Pending:Wait')
  await lifecycle.ready(signal)
  server.group.arrive(ID)
  t.equal(server.group.state(ID), 'Warmed:Stopped')
  server.group.wake(ID)
  server.group.arrive(ID)
  t.equal(server.group.state(ID), 'Pending:Wait')
  await lifecycleAt(t, server, clock).ready(signal)
  server.group.arrive(ID)
  t.equal(server.group.state(ID), 'InService')
})

t.test('left: the termination hook is told', async t => {
  const { server, lifecycle, done } = await world(t, { hooks: { ...LAUNCH, leaving: { transition: 'termination' } } })
  server.group.be(ID, 'InService')
  server.group.terminate(ID)
  server.group.arrive(ID)
  await lifecycle.left(signal)
  t.strictSame([done(), server.group.state(ID)], [['CompleteLifecycleAction leaving CONTINUE'], 'Terminating:Proceed'])
  await lifecycle.left(signal)
  t.equal(done().length, 1)
})

t.test('left before the group’s own word: it is waited for where the metadata service has said so, and not else', async t => {
  const hooks = { leaving: { transition: 'termination' } } as const
  const early = await world(t, { hooks, target: 'Terminated' })
  early.server.group.be(ID, 'InService')
  early.passes = elapsed => {
    if (elapsed > 5_000 && early.server.group.state(ID) === 'InService') early.server.group.terminate(ID)
    else if (early.server.group.state(ID) === 'Terminating') early.server.group.arrive(ID)
  }
  await early.lifecycle.left(signal)
  t.strictSame(early.done(), ['CompleteLifecycleAction leaving CONTINUE'])
  const byHand = await world(t, { hooks, target: 'InService' })
  byHand.server.group.be(ID, 'InService')
  await byHand.lifecycle.left(signal)
  t.strictSame([byHand.done(), byHand.clock.sleeps], [[], []])
})

t.test('left, and retained: said, and not answered again', async t => {
  const { server, lifecycle, warnings, done } = await world(t, { hooks: { leaving: { transition: 'termination' } }, retains: true })
  server.group.be(ID, 'InService')
  server.group.terminate(ID)
  server.group.arrive(ID)
  server.group.complete(ID, 'leaving', 'ABANDON')
  await lifecycle.left(signal)
  t.match([warnings, done()], [[/retains this instance/], []])
})

t.test('a heartbeat makes the hook wait on, for its own timeout', async t => {
  const { server, lifecycle, clock } = await world(t, { hooks: { launching: { timeoutMs: 60_000 } } })
  server.group.launch(ID)
  server.group.arrive(ID)
  for (let beats = 0; beats < 5; beats++) {
    clock.advance(50_000)
    t.equal(await lifecycle.heartbeat(signal), 60_000)
  }
  t.equal(server.group.state(ID), 'Pending:Wait')
  t.strictSame(server.asked.map(one => one.action), ['DescribeAutoScalingInstances', 'DescribeLifecycleHooks', ...Array<string>(5).fill('RecordLifecycleActionHeartbeat')])
})

t.test('heartbeats end: at the global limit, and where nobody waits', async t => {
  const { server, lifecycle, clock } = await world(t, { hooks: { launching: { timeoutMs: 30_000 } } })
  server.group.launch(ID)
  server.group.arrive(ID)
  let beats = 0
  while ((await lifecycle.heartbeat(signal)) !== undefined) {
    beats++
    clock.advance(20_000)
  }
  t.equal(Math.round((beats * 20_000) / 30_000), 101, 'a hundred timeouts, and the one that found it over')
  const asked = server.asked.length
  t.equal(await lifecycle.heartbeat(signal), undefined)
  t.equal(server.asked.length, asked, 'nobody is asked again')
  const nobody = await world(t)
  t.equal(await nobody.lifecycle.heartbeat(signal), undefined)
})

t.test('throttled on every call in turn, the hook is still told', async t => {
  for (const action of ['DescribeAutoScalingInstances', 'DescribeLifecycleHooks', 'CompleteLifecycleAction']) {
    const { server, lifecycle } = await world(t, { hooks: LAUNCH })
    server.group.launch(ID)
    server.group.arrive(ID)
    let met = false
    server.fault = asked => {
      if (met || asked.action !== action) return undefined
      met = true
      return 'throttle'
    }
    await lifecycle.ready(signal)
    t.equal(server.group.state(ID), 'Pending:Proceed', action)
  }
})

t.test('an answer of which the answer is lost was given', async t => {
  const { server, lifecycle, warnings } = await world(t, { hooks: LAUNCH })
  server.group.launch(ID)
  server.group.arrive(ID)
  let met = false
  server.fault = ({ action }) => {
    if (met || action !== 'CompleteLifecycleAction') return undefined
    met = true
    return 'cut'
  }
  await lifecycle.ready(signal)
  t.equal(server.group.state(ID), 'Pending:Proceed')
  t.strictSame(warnings, [], 'it is what was to be')
})

t.test('an answer that is not of Auto Scaling neither completes a hook nor takes it away', async t => {
  const { server, lifecycle } = await world(t, { hooks: LAUNCH })
  server.group.launch(ID)
  server.group.arrive(ID)
  for (const action of ['DescribeAutoScalingInstances', 'DescribeLifecycleHooks', 'CompleteLifecycleAction']) {
    server.fault = asked => (asked.action === action ? { foreign: '<html>Sign in</html>' } : undefined)
    await t.rejects(lifecycle.ready(signal), { code: 'cloud.invalid', message: new RegExp(`autoscaling:${action} on (i-1|web-asg): the answer \\(200\\) is none of AWS`) }, action)
  }
  t.equal(server.group.state(ID), 'Pending:Wait')
})

t.test('no permission names the action, at once', async t => {
  const { server, lifecycle } = await world(t, { hooks: LAUNCH })
  server.group.launch(ID)
  server.group.arrive(ID)
  server.fault = ({ action }) => (action === 'CompleteLifecycleAction' ? { code: 'AccessDenied', message: 'User is not authorized', status: 403 } : undefined)
  await t.rejects(lifecycle.ready(signal), { code: 'cloud.denied', message: /autoscaling:CompleteLifecycleAction/, hint: /sunup policy/ })
})

t.test('every state that Auto Scaling names has its stage, and others have one, too', async t => {
  const stages = (states: string[], transition: 'launch' | 'termination'): string[] => states.map(state => stageOf(state, transition))
  const launching = ['Pending', 'Pending:Wait', 'Pending:Proceed', 'InService', 'Warmed:Pending', 'Warmed:Pending:Wait', 'Warmed:Pending:Proceed', 'Warmed:Pending:Retained']
  t.strictSame(stages(launching, 'launch'), ['before', 'waiting', 'over', 'over', 'before', 'waiting', 'over', 'retained'])
  const leaving = ['Terminating', 'Terminating:Wait', 'Terminating:Proceed', 'Terminating:Retained', 'Terminated', 'Warmed:Terminating:Wait', 'Warmed:Terminated']
  t.strictSame(stages(leaving, 'termination'), ['before', 'waiting', 'over', 'retained', 'over', 'waiting', 'over'])
  t.ok(stages(leaving, 'launch').every(stage => stage === 'turned'))
  const other = ['Detaching', 'Detached', 'EnteringStandby', 'Standby', 'ReplacingRootVolume', 'ReplacingRootVolume:Wait', 'ReplacingRootVolume:Proceed', 'RootVolumeReplaced', 'Warmed:Stopped', 'Warmed:Running', 'Warmed:Hibernated', 'New', '', ':']
  t.ok([...stages(other, 'launch'), ...stages(other, 'termination')].every(stage => stage === 'aside'))
  t.equal(stageOf('Pending:Later', 'launch'), 'aside')
})
