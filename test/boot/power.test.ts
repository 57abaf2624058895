import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answered, until, world, type Instance, type World } from './world.ts'

// What is cut off in the middle of a boot, by the power or by the kernel, and what becomes of it.

const called = ({ fleet }: World, api: string): boolean => fleet.calls.some(call => call.api === api)

/** When the power goes, in the order in which a boot comes by. */
const MOMENTS: readonly (readonly [string, (world: World, instance: Instance) => boolean])[] = [
  ['its row said booting', world => called(world, 'dynamodb:PutItem')],
  ['its application began to appear', (_, { machine }) => existsSync(join(machine.root, 'srv/app'))],
  ['it asked for an address', world => called(world, 'ec2:AssociateAddress')],
  ['it answered the group', world => called(world, 'autoscaling:CompleteLifecycleAction')],
]

t.test('an instance that loses its power in the middle of a boot heals at its next start', async t => {
  for (const [index, [moment, isNow]] of MOMENTS.entries()) {
    await t.test(`when ${moment}`, async t => {
      const here = await world(t)
      const instance = await here.launch(40 + index)
      await instance.machine.powerOn()
      await until(moment, () => isNow(here, instance))
      await instance.machine.powerCut()
      const before = instance.answers.length
      const boots = instance.runs().filter(events => events.some(({ type }) => type === 'run.finished')).length
      await instance.machine.powerOn()
      const events = await instance.ended(boots + 1)
      t.match(events.at(-1), { type: 'run.finished', exitCode: 0, gate: 'open' })
      const opened = Date.parse(events.find(event => event.type === 'gate.opened')?.at ?? 'never')
      t.strictSame(instance.answers.slice(before).filter(({ at, status }) => status === 200 && at < opened), [], 'closed until then')
      t.equal(await instance.ask(), 200)
      t.strictSame((await here.fleet.rows()).map(({ instanceId, state }) => [instanceId, state]), [[instance.id, 'in-service']])
      t.strictSame([...new Set(answered(here.fleet))], ['CONTINUE'])
    })
  }
})

t.test('a boot that the kernel kills is told by the unit for failures', async t => {
  const here = await world(t)
  const instance = await here.launch(50)
  await instance.machine.powerOn()
  await until('its row said booting', () => called(here, 'dynamodb:PutItem'))
  await instance.machine.run('systemctl', 'kill', '--signal=KILL', 'sunup.service')
  await until('the group was told', () => answered(here.fleet).length > 0)
  t.strictSame(answered(here.fleet), ['ABANDON'])
  await until('its row says failed', async () => (await here.fleet.rows())[0]?.state === 'failed')
  t.strictSame(instance.answers.filter(({ status }) => status === 200), [])
})
