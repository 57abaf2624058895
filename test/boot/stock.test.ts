import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answered, world } from './world.ts'

// An instance of an image that has never seen sunup.

t.test('a stock image fetches, verifies and installs sunup, boots, and boots by itself the next time', async t => {
  const { fleet, launch } = await world(t)
  const instance = await launch(60, true)
  t.notOk(existsSync(join(instance.machine.root, 'opt/sunup')))
  await instance.machine.powerOn()
  t.match((await instance.ended(1)).at(-1), { type: 'run.finished', exitCode: 0, gate: 'open', role: 'web' })
  t.equal(await instance.ask(), 200)
  t.strictSame(answered(fleet), ['CONTINUE'])
  t.match((await instance.machine.run('cloud-init', 'status', '--wait')).output, /status: done/)
  await instance.machine.shutDown()
  await instance.machine.powerOn()
  t.match((await instance.ended(2)).at(-1), { type: 'run.finished', exitCode: 0, gate: 'open' })
  t.equal(await instance.ask(), 200)
})
