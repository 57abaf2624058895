import t from 'tap'
import { world } from './world.ts'

// One instance of the baked image, from the first byte of its metadata to the gate, as EC2 would start it.

t.test('a launched instance answers its health check only when everything else is done, and again after a reboot', async t => {
  const { launch } = await world(t)
  const instance = await launch(10)
  await instance.machine.powerOn()
  const events = await instance.ended(1)
  t.comment(events.filter(e => e.type === 'run.finished' || (e.type === 'resource.finished' && e.outcome === 'failed')).map(e => JSON.stringify(e)).join('\n'), instance.machine.console().slice(-3000))
  t.match(events.at(-1), { type: 'run.finished', exitCode: 0, gate: 'open', role: 'web' }, instance.machine.console().slice(-6_000))
})
