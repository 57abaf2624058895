import t from 'tap'
import { answered, world } from './world.ts'

// A scale-out: ten instances of the image at once, on one account.

const MANY = 10

t.test('ten instances that start at once are ten rows, with ten addresses', async t => {
  const { fleet, launch } = await world(t, MANY)
  const instances = []
  for (let number = 20; number < 20 + MANY; number++) instances.push(await launch(number))
  await Promise.all(instances.map(({ machine }) => machine.powerOn()))
  for (const instance of instances) t.match((await instance.ended(1)).at(-1), { type: 'run.finished', exitCode: 0, gate: 'open' }, instance.id)
  const rows = await fleet.rows()
  t.strictSame(rows.map(({ instanceId }) => instanceId), instances.map(({ id }) => id).sort())
  t.strictSame([...new Set(rows.map(({ state }) => state))], ['in-service'])
  t.equal(new Set(rows.map(({ publicIp }) => publicIp)).size, MANY)
  t.strictSame(answered(fleet), instances.map(() => 'CONTINUE'))
  for (const instance of instances) t.equal(await instance.ask(), 200, instance.id)
})
