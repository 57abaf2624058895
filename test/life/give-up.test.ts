import t from 'tap'
import type { Cloud } from '../../src/core/cloud.ts'
import { Failure } from '../../src/core/failure.ts'
import type { RunControl } from '../../src/engine/run.ts'
import { giveUp } from '../../src/life/give-up.ts'
import type { Held } from '../../src/life/held.ts'

const control = { id: 'run', gate: () => {}, story: { tell: () => {} }, records: { keepIn: () => {}, flush: () => {} } } as unknown as RunControl

t.test('a registry that is silent does not keep the group from being told', async t => {
  // As the connection to it would: signals alone keep no process alive.
  const connection = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(connection))
  const told: string[] = []
  const silent = (_key: unknown, _patch: unknown, signal: AbortSignal): Promise<never> => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const cloud = {
    registry: { register: silent },
    revisions: { recordFailed: (_role: string, _boot: unknown, _failure: string, signal: AbortSignal) => silent(undefined, undefined, signal) },
    lifecycle: {
      async failed(reason: string, signal: AbortSignal) {
        signal.throwIfAborted()
        told.push(reason)
      },
    },
  } as unknown as Cloud
  const key = { role: 'web', instanceId: 'i-1', bootId: 'b' }
  const held = { stops: [], isMine: true, recorded: true, cloud, key, self: key } as unknown as Held
  await giveUp(false, control, held, new Failure('cloud.unreachable', 'no answer'), { closingMs: 10, tellingMs: 60_000 })
  t.strictSame(told, ['no answer'])
})

t.test('all steps are closed before the row says failed, and that before the group is told; one that can’t be told is in the failure', async t => {
  const order: string[] = []
  const cloud = {
    registry: { register: async () => void order.push('row') },
    revisions: { recordFailed: async () => undefined },
    lifecycle: {
      async failed() {
        order.push('group')
        throw new Failure('cloud.denied', 'autoscaling:CompleteLifecycleAction was denied', { hint: 'sunup policy' })
      },
    },
  } as unknown as Cloud
  const key = { role: 'web', instanceId: 'i-1', bootId: 'b' }
  const gates = { close: async () => void order.push('gates') }
  const held = { stops: [() => order.push('lease')], isMine: true, recorded: true, cloud, key, self: key, gates } as unknown as Held
  const failure = await giveUp(false, control, held, new Failure('probe.failed', 'no answer', { hint: 'Look.' }))
  t.strictSame(order, ['lease', 'gates', 'row', 'group'])
  t.match(failure, { code: 'probe.failed', message: 'no answer', hint: 'Look.\nThe group could not be told: autoscaling:CompleteLifecycleAction was denied\nsunup policy' })
})
