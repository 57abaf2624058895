import t from 'tap'
import type { Lifecycle } from '../../src/core/cloud.ts'
import { Failure } from '../../src/core/failure.ts'
import { heartbeats } from '../../src/life/heartbeat.ts'

const signal = new AbortController().signal

/** A group that waits for `waitsMs` after each heartbeat; time is moved by hand. */
function beating(heartbeat: () => Promise<number | undefined>) {
  const seen = { beats: 0, waits: [] as number[], missed: [] as string[] }
  let next: (() => Promise<void>) | undefined
  const lifecycle = { heartbeat: () => (seen.beats++, heartbeat()) } as unknown as Lifecycle
  const { note, stop } = heartbeats(lifecycle, signal, (ms, act) => {
    seen.waits.push(ms)
    next = act
    return () => void (next = undefined)
  }, ({ message }) => seen.missed.push(message))
  const pass = async (): Promise<void> => {
    const act = next
    next = undefined
    await act?.()
  }
  return { seen, note, stop, pass }
}

t.test('heartbeats go on while the run makes progress, at half of what the hook waits, and never before its shortest', async t => {
  let waitsMs = 600_000
  const { seen, note, pass } = beating(async () => waitsMs)
  t.strictSame(seen.waits, [25_000], 'before the shortest hook ends')
  note({ type: 'resource.started' })
  await pass()
  t.equal(seen.beats, 1)
  t.strictSame(seen.waits, [25_000, 300_000])
  note({ type: 'resource.output' })
  waitsMs = 30_000
  await pass()
  t.strictSame(seen.waits.at(-1), 25_000)
})

t.test('a run that is stuck is not waited for', async t => {
  const { seen, note, pass } = beating(async () => 60_000)
  await pass()
  t.equal(seen.beats, 0, 'it has not begun')
  note({ type: 'resource.started' })
  await pass()
  await pass()
  await pass()
  t.equal(seen.beats, 1)
  note({ type: 'gate.closed' })
  await pass()
  t.equal(seen.beats, 1, 'other events are no progress')
  note({ type: 'resource.finished' })
  await pass()
  t.equal(seen.beats, 2)
})

t.test('where nobody waits there are no more', async t => {
  const { seen, note, pass } = beating(async () => undefined)
  note({ type: 'resource.started' })
  await pass()
  note({ type: 'resource.started' })
  await pass()
  t.equal(seen.beats, 1)
})

t.test('one that fails is made good by the next', async t => {
  const { seen, note, pass } = beating(async () => Promise.reject(new Failure('cloud.throttled', 'too many')))
  for (let at = 0; at < 3; at++) {
    note({ type: 'resource.started' })
    await pass()
  }
  t.equal(seen.beats, 3)
})

t.test('one that is stopped stays so, also while a heartbeat is under way', async t => {
  let answer = (_ms: number): void => {}
  const { seen, note, pass, stop } = beating(() => new Promise(resolve => (answer = resolve)))
  note({ type: 'resource.started' })
  const asking = pass()
  stop()
  answer(60_000)
  await asking
  t.strictSame(seen.waits, [25_000])
})

t.test('the first that fails is told of, and they go on', async t => {
  const { seen, note, pass } = beating(async () => {
    throw new Failure('cloud.denied', 'autoscaling:RecordLifecycleActionHeartbeat was denied')
  })
  for (let times = 0; times < 3; times++) {
    note({ type: 'resource.finished' })
    await pass()
  }
  t.equal(seen.beats, 3)
  t.strictSame(seen.missed, ['autoscaling:RecordLifecycleActionHeartbeat was denied'])
})
