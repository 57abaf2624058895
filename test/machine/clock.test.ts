import t from 'tap'
import { Failure } from '../../src/core/failure.ts'
import { systemClock } from '../../src/machine/clock.ts'

t.test('a sleep ends with the reason of the signal that ends it', async t => {
  const control = new AbortController()
  const sleep = systemClock.sleep(3_600_000, control.signal)
  const reason = new Failure('signal.term', 'ended')
  control.abort(reason)
  await t.rejects(sleep, reason)
  await t.rejects(systemClock.sleep(3_600_000, control.signal), reason)
})

t.test('a sleep ends by itself, and monotonic time has gone on', async t => {
  const before = systemClock.monotonic()
  await systemClock.sleep(1, new AbortController().signal)
  t.ok(systemClock.monotonic() > before)
})
