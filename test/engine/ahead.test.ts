import t from 'tap'
import { Failure } from '../../src/core/failure.ts'
import type { CheckContext, Resource } from '../../src/core/resource.ts'
import { converging, flag } from '../support/converging.ts'
import { testMachine } from '../support/machine.ts'

/** A resource whose check wants one answer of the outside, asked ahead. */
function asking(path: string, ask: (signal: AbortSignal) => Promise<string>, more: Partial<Resource> = {}): Resource & { readonly heard: string[] } {
  const heard: string[] = []
  const answer = ({ pinned, signal }: CheckContext): Promise<string> => pinned(`the answer of ${path}`, () => ask(signal))
  return {
    id: `asking[${path}]`,
    kind: 'asking',
    props: { path },
    heard,
    ahead: context => void answer(context),
    async check(context) {
      heard.push(await answer(context))
      return []
    },
    apply() {},
    ...more,
  }
}

t.test('what a check wants to know is asked before its turn, once', async t => {
  const machine = testMachine(t, { a: 'up' })
  const order: string[] = []
  const late = asking('/late', async () => {
    order.push('asked')
    return 'yes'
  })
  const result = await converging(t, machine, [flag(machine, { path: '/a', checks: () => void order.push('looked') }), late])
  t.ok(result.verified)
  t.strictSame(order, ['asked', 'looked'])
  t.strictSame(late.heard, ['yes'])
})

t.test('an answer from before a change is asked for again', async t => {
  const machine = testMachine(t)
  let asked = 0
  const first: AbortSignal[] = []
  const late = asking('/late', async signal => {
    first.push(signal)
    return `answer ${++asked}`
  })
  const result = await converging(t, machine, [flag(machine, { path: '/a' }), late])
  t.ok(result.verified)
  t.equal(late.heard[0], 'answer 2')
  t.ok(first[0]?.aborted, 'and the first asking was ended')
})

t.test('an asking ahead that failed is no failure: it is asked again in its turn', async t => {
  const machine = testMachine(t, { a: 'up' })
  let asked = 0
  const late = asking('/late', async () => {
    if (++asked === 1) throw new Failure('absent.command', 'there is no git yet')
    return 'yes'
  }, { retries: 0 })
  t.ok((await converging(t, machine, [flag(machine, { path: '/a' }), late])).verified)
  t.strictSame(late.heard.slice(0, 1), ['yes'])
})

t.test('what a guard may leave out is not asked for', async t => {
  const machine = testMachine(t)
  let asked = 0
  const ask = async (): Promise<string> => `${++asked}`
  await converging(t, machine, [asking('/guarded', ask, { onlyIf: ['false'] }), asking('/host', ask, { hostOnly: 'a staging root has none' })])
  t.equal(asked, 0)
})

t.test('a run that stops ends what it asked ahead', async t => {
  const machine = testMachine(t)
  const signals: AbortSignal[] = []
  const never = asking('/late', signal => {
    signals.push(signal)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))))
  })
  const broken = flag(machine, { path: '/a', applies: () => { throw new Failure('command.failed', 'no') } })
  const result = await converging(t, machine, [broken, never])
  t.strictSame([...result.outcomes.values()], ['failed', 'skipped'])
  t.strictSame(signals.map(signal => signal.aborted), [true])
})

t.test('what was asked ahead ends with its check', async t => {
  const machine = testMachine(t)
  const signals: AbortSignal[] = []
  const never = asking('/late', signal => {
    signals.push(signal)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  }, { timeoutMs: 20, retries: 0 })
  t.match((await converging(t, machine, [never])).failure?.failure, { code: 'resource.timeout' })
  t.strictSame(signals.map(signal => signal.aborted), [true])
})
