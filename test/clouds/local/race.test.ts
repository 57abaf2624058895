import t from 'tap'
import type { Test } from 'tap'
import { once } from 'node:events'
import { child } from '../../support/children.ts'
import { testCloud, type TestCloud } from '../../support/cloud.ts'

const signal = new AbortController().signal
const from = (path: string): string => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href)

/** A process of its own in the cloud of this directory; it says that it stands ready, and does its work when told to. */
const RACER = `
  import { once } from 'node:events'
  import { join } from 'node:path'
  import { localCloud } from ${from('src/clouds/local/cloud.ts')}
  import { systemClock as clock } from ${from('src/machine/clock.ts')}
  import { withLock } from ${from('src/machine/lock.ts')}
  const [directory, instanceId, work, ...args] = process.argv.slice(1)
  const signal = new AbortController().signal
  const cloud = localCloud({ instanceFile: join(directory, '../' + instanceId + '.yaml'), directory, leaseMs: 90_000, clock, exclusively: (file, signal, work) => withLock(file, 60_000, signal, work) })
  console.log('ready')
  await once(process.stdin.resume(), 'data')
  const works = {
    take: () => cloud.addresses.take(args[0], instanceId, null, signal),
    register: () => cloud.registry.register({ role: 'web', instanceId, bootId: args[0] }, { state: 'booting', meta: { by: args[0] } }, signal),
    async renew() {
      const key = { role: 'web', instanceId, bootId: args[0] }
      await cloud.registry.register(key, { state: 'booting' }, signal)
      for (let n = 0; n < 25; n++) await cloud.registry.update(key, { state: 'in-service', meta: { by: args[0], n } }, signal)
    },
    async forever() {
      for (let n = 0; ; n++) await cloud.registry.register({ role: 'web', instanceId, bootId: args[0] }, { state: 'booting', meta: { n, padding: 'x'.repeat(20_000) } }, signal)
    },
  }
  if (work === 'forever') console.log('at it')
  console.log(await works[work]().then(() => 'won', error => error.code))
  process.exit()`

async function race(t: Test, cloud: TestCloud, racers: readonly (readonly string[])[]): Promise<readonly string[]> {
  const all = racers.map(args => child(t, RACER, [cloud.directory, ...args]))
  await Promise.all(all.map(one => one.line()))
  for (const one of all) one.process.stdin?.write('go\n')
  return await Promise.all(all.map(one => one.line()))
}

const ids = (count: number): readonly string[] => Array.from({ length: count }, (_none, index) => `i-${index + 1}`)

t.test('of twenty processes that want one address exactly one has it', async t => {
  const cloud = testCloud(t, [{ allocationId: 'eipalloc-1', publicIp: '192.0.2.1' }])
  const answers = await race(t, cloud, ids(20).map(id => [id, 'take', 'eipalloc-1']))
  t.strictSame([...answers].sort(), [...Array<string>(19).fill('address.held'), 'won'])
  t.equal((await cloud.addresses.byAllocation('eipalloc-1', signal)).holder, `i-${answers.indexOf('won') + 1}`)
})

t.test('ten boots make ten rows', async t => {
  const cloud = testCloud(t)
  const answers = await race(t, cloud, ids(10).map(id => [id, 'register', '1700000000000-a']))
  t.strictSame(answers, Array(10).fill('won'))
  const rows: string[] = []
  for await (const row of cloud.registry.list('web', signal)) rows.push(row.instanceId)
  t.strictSame(rows, [...ids(10)].sort())
})

t.test('of two boots of one instance the later one has the row in the end, whoever was last', async t => {
  const cloud = testCloud(t)
  const boots = [1, 2, 3, 4].map(n => `170000000000${n}-${n}`)
  const answers = await race(t, cloud, boots.map(bootId => ['i-1', 'renew', bootId]))
  t.equal(answers.at(-1), 'won', 'the latest loses nothing')
  t.match(await cloud.registry.read('web', 'i-1', signal), { bootId: boots.at(-1), meta: { by: boots.at(-1), n: 24 } })
  await t.rejects(cloud.registry.register({ role: 'web', instanceId: 'i-1', bootId: boots[0] as string }, { state: 'in-service' }, signal), { code: 'registry.lost' })
})

t.test('no renewal is lost among processes of one boot', async t => {
  const cloud = testCloud(t)
  const answers = await race(t, cloud, ids(4).map(() => ['i-1', 'renew', '1700000000000-a']))
  t.strictSame(answers, Array(4).fill('won'))
  t.equal((await cloud.registry.read('web', 'i-1', signal))?.seq, 4 * 26)
})

t.test('a writer that is killed leaves a whole row, and the lock free', async t => {
  const cloud = testCloud(t)
  for (let round = 0; round < 5; round++) {
    const writer = child(t, RACER, [cloud.directory, 'i-1', 'forever', '1700000000000-a'])
    await writer.line()
    writer.process.stdin?.write('go\n')
    await writer.line()
    const before = (await cloud.registry.read('web', 'i-1', signal))?.seq ?? 0
    while (((await cloud.registry.read('web', 'i-1', signal))?.seq ?? 0) < before + 2) await new Promise(setImmediate)
    writer.process.kill('SIGKILL')
    await once(writer.process, 'exit')
    const row = await cloud.registry.read('web', 'i-1', signal)
    t.equal((await cloud.registry.update({ role: 'web', instanceId: 'i-1', bootId: '1700000000000-a' }, {}, signal)).seq, (row?.seq ?? 0) + 1)
  }
})
