import { execFileSync } from 'node:child_process'
import t from 'tap'
import { claims } from '../../src/clouds/aws/claims.ts'
import { ensureTable } from '../../src/clouds/aws/table.ts'
import { systemClock } from '../../src/machine/clock.ts'
import { behavesAsFleet } from '../conformance/cloud.ts'
import { fleetAt, tableAt } from '../support/dynamodb.ts'

const signal = new AbortController().signal
const endpoint = process.env.AWS_ENDPOINT_URL as string
const key = { role: 'web', instanceId: 'i-1', bootId: '1700000000000-aaaa' }

/** As somebody asks who does not know this program. */
function aws(...args: string[]): Record<string, unknown> {
  return JSON.parse(execFileSync(process.env.SUNUP_TEST_AWS_CLI as string, ['dynamodb', ...args, '--output', 'json'], { encoding: 'utf8' })) as Record<string, unknown>
}

async function emptied(): Promise<void> {
  const answer = await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' })
  if (!answer.ok) throw new Error(`moto could not be reset: ${answer.status}`)
}

t.test('the table is made with what the design says; again changes nothing', async t => {
  await emptied()
  const table = tableAt(t, endpoint)
  t.equal((await ensureTable(table, systemClock, signal)).length, 2)
  t.match(aws('describe-table', '--table-name', 'sunup-registry').Table, {
    TableStatus: 'ACTIVE',
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    KeySchema: [{ AttributeName: 'role', KeyType: 'HASH' }, { AttributeName: 'instanceId', KeyType: 'RANGE' }],
  })
  t.match(aws('describe-time-to-live', '--table-name', 'sunup-registry').TimeToLiveDescription, { TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' })
  t.strictSame(await ensureTable(table, systemClock, signal), [])
})

await behavesAsFleet(t, async (t, world) => {
  await emptied()
  await ensureTable(tableAt(t, endpoint), systemClock, signal)
  let ahead = 0
  const startedAt = systemClock.now()
  const clock = { ...systemClock, now: () => startedAt + ahead }
  return { instances: Array.from({ length: world.instances }, (_none, index) => `i-${index + 1}`), as: () => fleetAt(t, endpoint, clock), advance: ms => void (ahead += ms) }
})

t.test('another client reads the rows as the design has them', async t => {
  await emptied()
  await ensureTable(tableAt(t, endpoint), systemClock, signal)
  const row = await fleetAt(t, endpoint).registry.register(key, { state: 'booting', load: 0.25, meta: { port: 80 } }, signal)
  t.strictSame(aws('get-item', '--table-name', 'sunup-registry', '--key', '{"role":{"S":"web"},"instanceId":{"S":"i-1"}}').Item, {
    role: { S: 'web' }, instanceId: { S: 'i-1' }, bootId: { S: key.bootId }, seq: { N: '1' }, state: { S: 'booting' }, leaseUntil: { N: String(row.leaseUntil) }, expiresAt: { N: String(row.expiresAt) },
    load: { N: '0.25' }, meta: { M: { port: { N: '80' } } },
  })
})

t.test('of ten that want one address one has the claim, and it is given back', async t => {
  await emptied()
  await ensureTable(tableAt(t, endpoint), systemClock, signal)
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_none, index) => claims(tableAt(t, endpoint)).claim('eipalloc-1', `i-${index}`, key.bootId, undefined, signal)))
  const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [`i-${index}`] : []))
  t.equal(winners.length, 1)
  t.equal(await claims(tableAt(t, endpoint)).release('eipalloc-1', winners[0] as string, key.bootId, signal), true)
  t.equal(await claims(tableAt(t, endpoint)).read('eipalloc-1', signal), undefined)
})

t.test('without the table it is said how to make it', async t => {
  await emptied()
  await t.rejects(fleetAt(t, endpoint).registry.read('web', 'i-1', signal), { code: 'cloud.invalid', hint: /`sunup registry init`/ })
})
