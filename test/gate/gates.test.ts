import t from 'tap'
import type { EventBody, GateStep } from '../../src/core/events.ts'
import { Failure } from '../../src/core/failure.ts'
import type { Gate, Verified } from '../../src/core/gate.ts'
import { gates } from '../../src/gate/gates.ts'

const STEPS: readonly GateStep[] = ['registry', 'health', 'url', 'hook']
const verified = { checked: 3 } as unknown as Verified
const signal = new AbortController().signal

interface Failing {
  readonly opening?: GateStep
  readonly closing?: readonly GateStep[]
  readonly because?: () => Error
}

/** Gates of which is noted what was done to them, and what is open. */
function four(failing: Failing = {}) {
  const done: string[] = []
  const open = new Set<GateStep>()
  const events: EventBody[] = []
  const because = failing.because ?? (() => new Failure('registry.unwritable', 'no answer', { hint: 'Wait.' }))
  const list = STEPS.map((step): Gate => ({
    step,
    async open() {
      done.push(`open ${step}`)
      // Half of it may have happened.
      open.add(step)
      if (failing.opening === step) throw because()
    },
    async close(given) {
      given.throwIfAborted()
      done.push(`close ${step}`)
      if (failing.closing?.includes(step)) throw because()
      open.delete(step)
    },
  }))
  return { done, open, events, gates: gates(list.toReversed(), { tell: event => void events.push(event) }) }
}

t.test('it opens in one order, whatever the list’s, and says so step by step', async t => {
  const { gates, done, events } = four()
  await gates.open(verified, signal)
  t.strictSame(done, STEPS.map(step => `open ${step}`))
  t.strictSame(events, [...STEPS.map(step => ({ type: 'gate.opened', step })), { type: 'gate.opened' }])
})

t.test('it closes in reverse', async t => {
  const { gates, done, events } = four()
  await gates.close(signal)
  t.strictSame(done, STEPS.toReversed().map(step => `close ${step}`))
  t.strictSame(events, STEPS.toReversed().map(step => ({ type: 'gate.closed', step })))
})

t.test('closing again closes again, and is no news; after an opening it is', async t => {
  const { gates, done, events } = four({ opening: 'health' })
  await t.rejects(gates.open(verified, signal))
  await gates.close(signal)
  const closed = (): unknown[] => events.flatMap(event => (event.type === 'gate.closed' ? [event.step] : []))
  t.strictSame(closed(), ['health', 'registry', 'hook', 'url'])
  t.equal(done.filter(one => one === 'close registry').length, 2)
  await t.rejects(gates.open(verified, signal))
  t.strictSame(closed().slice(4), ['health', 'registry'])
})

for (const [index, step] of STEPS.entries()) {
  t.test(`a failing ${step} closes itself and those before it, and opens none after`, async t => {
    const { gates, done, open, events } = four({ opening: step })
    await t.rejects(gates.open(verified, signal), { code: 'gate.failed', message: /no answer/, hint: 'Wait.', cause: { code: 'registry.unwritable' } })
    const reached = STEPS.slice(0, index + 1)
    t.strictSame(done, [...reached.map(one => `open ${one}`), ...reached.toReversed().map(one => `close ${one}`)])
    t.equal(open.size, 0)
    t.notOk(events.some(event => event.type === 'gate.opened' && event.step === undefined), 'it is never said to be open')
  })

  for (const before of STEPS.slice(0, index)) {
    t.test(`a failing ${step} closes the others though ${before} can’t be closed, and says both`, async t => {
      const { gates, open } = four({ opening: step, closing: [before] })
      await t.rejects(gates.open(verified, signal), { code: 'gate.failed', message: /no answer; while closing again: no answer/ })
      t.strictSame([...open], [before])
    })
  }
}

t.test('what ends the opening does not end the undoing', async t => {
  const stop = new AbortController()
  const { gates, open } = four({
    opening: 'url',
    because() {
      stop.abort(new Failure('signal.term', 'ended by SIGTERM'))
      return new Error('aborted')
    },
  })
  await t.rejects(gates.open(verified, stop.signal), { code: 'signal.term' }, 'the run ends as it was asked to')
  t.equal(open.size, 0)
})

t.test('an ended run opens nothing', async t => {
  const { gates, done } = four()
  await t.rejects(gates.open(verified, AbortSignal.abort(new Failure('run.deadline', 'too late'))), { code: 'run.deadline' })
  t.notOk(done.some(one => one.startsWith('open')))
})

t.test('closing goes on after a failure, and fails in the end', async t => {
  const { gates, open, done } = four({ closing: ['hook', 'health'] })
  STEPS.forEach(step => open.add(step))
  await t.rejects(gates.close(signal), { code: 'registry.unwritable' })
  t.equal(done.length, 4)
  t.strictSame([...open], ['health', 'hook'])
})

t.test('a fault of ours stays one', async t => {
  const { gates, open } = four({ opening: 'hook', because: () => new TypeError('x is undefined') })
  await t.rejects(gates.open(verified, signal), { code: 'bug' })
  t.equal(open.size, 0)
})
