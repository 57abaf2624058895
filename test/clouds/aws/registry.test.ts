import t from 'tap'
import { awsRegistry } from '../../../src/clouds/aws/registry.ts'
import { ensureTable } from '../../../src/clouds/aws/table.ts'
import { bootIdOf } from '../../../src/core/boot-id.ts'
import type { Registry, Row } from '../../../src/core/cloud.ts'
import { isSuspect } from '../../../src/core/row.ts'
import { systemClock } from '../../../src/machine/clock.ts'
import { downDynamoDb, dynamoDb, fleetAt, LEASE_MS, makeTable, patient, tableAt, wire, type Wire } from '../../support/dynamodb.ts'

const signal = new AbortController().signal
const FIRST = bootIdOf(1_700_000_000_000, 'aaaaaaaa-1111')
const key = { role: 'web', instanceId: 'i-1', bootId: FIRST }

async function tableOnWire(t: Parameters<typeof wire>[0]): Promise<Wire> {
  const endpoint = await dynamoDb(t)
  await makeTable(tableAt(t, endpoint), signal)
  return await wire(t, endpoint)
}

async function rowsOf(registry: Registry, role?: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of registry.list(role, signal)) rows.push(row)
  return rows
}

t.test('a registration is one read and one write, a renewal one write', async t => {
  const { asked, endpoint } = await tableOnWire(t)
  const { registry } = fleetAt(t, endpoint)
  await registry.register(key, { state: 'booting' }, signal)
  t.strictSame(asked, ['GetItem', 'PutItem'])
  await registry.update(key, { load: 0.5 }, signal)
  t.strictSame(asked.slice(2), ['PutItem'])
})

t.test('every read is strongly consistent', async t => {
  const { endpoint, fault } = await tableOnWire(t)
  const reads: unknown[] = []
  fault((operation, { ConsistentRead }) => {
    if (operation !== 'PutItem') reads.push(`${operation} ${String(ConsistentRead)}`)
    return 'none'
  })
  const { registry, revisions } = fleetAt(t, endpoint)
  await registry.register(key, { state: 'booting' }, signal)
  await revisions.history('web', signal)
  await rowsOf(registry, 'web')
  await rowsOf(registry)
  t.strictSame([...new Set(reads)], ['GetItem true', 'Query true', 'Scan true'])
})

t.test('the answer to a registration that is lost is no foreign writer’s', async t => {
  const { asked, endpoint, fault } = await tableOnWire(t)
  const { registry } = fleetAt(t, endpoint)
  fault(operation => (operation === 'PutItem' && asked.filter(one => one === 'PutItem').length === 1 ? 'cut' : 'none'))
  const row = await registry.register(key, { state: 'booting', load: -0, meta: { port: 80, gone: null } }, signal)
  t.match(row, { seq: 1, bootId: FIRST })
  t.strictSame(await fleetAt(t, endpoint).registry.read('web', 'i-1', signal), row)
  t.strictSame(asked.slice(0, 4), ['GetItem', 'PutItem', 'PutItem', 'GetItem'], 'tried again, refused, looked')
})

t.test('the answer to a renewal that is lost makes no second renewal', async t => {
  const { endpoint, fault } = await tableOnWire(t)
  const { registry } = fleetAt(t, endpoint)
  await registry.register(key, { state: 'booting' }, signal)
  let cuts = 1
  fault(operation => (operation === 'PutItem' && cuts-- > 0 ? 'cut' : 'none'))
  t.match(await registry.update(key, { state: 'in-service' }, signal), { seq: 2, state: 'in-service' })
  t.match(await registry.update(key, {}, signal), { seq: 3, state: 'in-service' })
})

t.test('a row that another process of this boot has written is not taken for ours', async t => {
  const { endpoint } = await tableOnWire(t)
  const one = fleetAt(t, endpoint).registry
  const other = fleetAt(t, endpoint).registry
  await one.register(key, { state: 'booting' }, signal)
  await other.register(key, { meta: { by: 'other' } }, signal)
  t.match(await one.update(key, { load: 1 }, signal), { seq: 3, load: 1, meta: { by: 'other' } }, 'both writes are in it')
})

t.test('a row that a later boot took meanwhile is lost, and left as it is', async t => {
  const { endpoint } = await tableOnWire(t)
  const late = fleetAt(t, endpoint).registry
  await late.register(key, { state: 'booting' }, signal)
  const row = await fleetAt(t, endpoint).registry.register({ ...key, bootId: bootIdOf(1_700_000_100_000, 'bbbb') }, { state: 'booting' }, signal)
  await t.rejects(late.update(key, { state: 'in-service' }, signal), { code: 'registry.lost', message: /belongs to boot 1700000100000-bbbb/ })
  t.strictSame(await late.read('web', 'i-1', signal), row)
})

t.test('a row that was removed meanwhile is lost to an update, and made anew by a registration', async t => {
  const { endpoint } = await tableOnWire(t)
  const { registry } = fleetAt(t, endpoint)
  await registry.register(key, { state: 'booting' }, signal)
  await fleetAt(t, endpoint).registry.remove(key, signal)
  await t.rejects(registry.update(key, {}, signal), { code: 'registry.lost', message: /was removed/ })
  t.match(await registry.register(key, { state: 'booting' }, signal), { seq: 1 })
})

t.test('a refusal that shows the row spares the read', async t => {
  const { asked, endpoint, fault } = await tableOnWire(t)
  const { registry } = fleetAt(t, endpoint)
  await registry.register(key, { state: 'booting' }, signal)
  const { length } = asked
  const Item = { role: { S: 'web' }, instanceId: { S: 'i-1' }, bootId: { S: bootIdOf(1_800_000_000_000, 'cccc') }, seq: { N: '9' }, state: { S: 'booting' }, leaseUntil: { N: '1' }, expiresAt: { N: '1' } }
  fault(() => ({ status: 400, body: { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException', message: 'The conditional request failed', Item } }))
  await t.rejects(registry.update(key, {}, signal), { code: 'registry.lost', message: /1800000000000-cccc/ })
  t.strictSame(asked.slice(length), ['PutItem'])
})

t.test('of ten boots of one instance that register at once the latest has the row', async t => {
  const { endpoint } = await tableOnWire(t)
  const boots = Array.from({ length: 10 }, (_none, index) => bootIdOf(1_700_000_000_000 + index, `boot-${index}`))
  const results = await Promise.allSettled(boots.map(bootId => fleetAt(t, endpoint).registry.register({ ...key, bootId }, { state: 'booting' }, signal)))
  t.equal(results.at(-1)?.status, 'fulfilled')
  t.ok(results.every(one => one.status === 'fulfilled' || (one.reason as { code?: string }).code === 'registry.lost'))
  t.match(await fleetAt(t, endpoint).registry.read('web', 'i-1', signal), { bootId: boots.at(-1) })
})

t.test('no renewal is lost among processes of one boot', async t => {
  const { endpoint } = await tableOnWire(t)
  await fleetAt(t, endpoint).registry.register(key, { state: 'booting' }, signal)
  const renew = async (by: number): Promise<void> => {
    const { registry } = fleetAt(t, endpoint)
    for (let n = 0; n < 5; n++) await registry.update(key, { meta: { by, n } }, signal)
  }
  await Promise.all([1, 2, 3, 4].map(renew))
  t.match(await fleetAt(t, endpoint).registry.read('web', 'i-1', signal), { seq: 21 })
})

t.test('ten thousand members of a role are listed page by page, in order', async t => {
  const { asked, endpoint } = await tableOnWire(t)
  await fill(t, endpoint, 10_000)
  const { registry } = fleetAt(t, endpoint)
  const { length } = asked
  const rows = registry.list('web', signal)[Symbol.asyncIterator]()
  const { value: first } = (await rows.next()) as IteratorYieldResult<Row>
  t.strictSame(asked.slice(length), ['Query'], 'the first is there after one page')
  let count = 1
  let before = first.instanceId
  for (let next = await rows.next(); next.done !== true; next = await rows.next()) {
    if (next.value.instanceId <= before) t.fail(`${next.value.instanceId} after ${before}`)
    before = next.value.instanceId
    count++
  }
  t.equal(count, 10_000)
  t.ok(asked.length > length + 1, `${asked.length - length} pages`)

  await t.test('and of all roles, by several who scan at once and wait for the reader', async t => {
    const before = asked.length
    const rows = registry.list(undefined, signal)[Symbol.asyncIterator]()
    const ids = new Set<string>()
    for (let taken = 0; taken < 100; taken++) ids.add(((await rows.next()) as IteratorYieldResult<Row>).value.instanceId)
    t.ok(asked.length - before <= 4, 'one page of each segment')
    for (let next = await rows.next(); next.done !== true; next = await rows.next()) ids.add(next.value.instanceId)
    t.equal(ids.size, 10_000)
    t.ok(asked.slice(before).every(one => one === 'Scan'))
  })

  await t.test('a reader who has enough leaves nothing behind', async t => {
    for await (const row of registry.list(undefined, signal)) {
      t.ok(row.instanceId)
      break
    }
  })
})

t.test('names that DynamoDB reserves may stand in a row', async t => {
  const { endpoint } = await tableOnWire(t)
  const { registry } = fleetAt(t, endpoint)
  const meta = { role: 'x', ttl: 1, state: null, size: 0.1, name: '', hash: [true, { key: [] }], big: 12_345_678_901_234 }
  await registry.register(key, { state: 'booting', meta }, signal)
  t.match(await registry.update(key, { state: 'in-service' }, signal), { meta })
  t.strictSame((await fleetAt(t, endpoint).registry.read('web', 'i-1', signal))?.meta, meta)
})

t.test('a cause as long as a log is cut: the row can be written', async t => {
  const { endpoint } = await tableOnWire(t)
  const { registry } = fleetAt(t, endpoint)
  const row = await registry.register(key, { state: 'failed', failure: `nginx: no such host\n${'x'.repeat(1_000_000)}` }, signal)
  t.match(row.failure, /^nginx: no such host\n/)
})

t.test('attributes have the types that others rely on', async t => {
  const { endpoint } = await tableOnWire(t)
  const table = tableAt(t, endpoint)
  const registry = awsRegistry({ items: table, leaseMs: LEASE_MS, clock: { ...systemClock, now: () => 1_700_000_000_000 } })
  await registry.register(key, { state: 'booting', load: 0.25, bootedInMs: 12, meta: { port: 80 }, privateIp: '10.0.0.1' }, signal)
  const { Item } = await table.ask('dynamodb:GetItem', (client, sdk, options) => client.send(new sdk.GetItemCommand({ TableName: table.table, Key: { role: { S: 'web' }, instanceId: { S: 'i-1' } } }), options), signal)
  t.strictSame(Item, {
    role: { S: 'web' }, instanceId: { S: 'i-1' }, bootId: { S: FIRST }, seq: { N: '1' }, state: { S: 'booting' }, leaseUntil: { N: '1700000090000' }, expiresAt: { N: '1700604890' },
    load: { N: '0.25' }, bootedInMs: { N: '12' }, meta: { M: { port: { N: '80' } } }, privateIp: { S: '10.0.0.1' },
  })
})

for (const [what, off] of [['ahead', 3_600_000], ['behind', -3_600_000]] as const) {
  t.test(`a writer whose clock is an hour ${what} writes, is renewed, and is overtaken as any other`, async t => {
    const { endpoint } = await tableOnWire(t)
    const wrong = fleetAt(t, endpoint, { ...systemClock, now: () => systemClock.now() + off }).registry
    await wrong.register(key, { state: 'booting' }, signal)
    const row = await wrong.update(key, { state: 'in-service' }, signal)
    t.equal(row.seq, 2)
    t.equal(isSuspect(row, systemClock.now()), off < 0, 'only its lease is taken for another')
    const right = fleetAt(t, endpoint).registry
    t.match(await right.update(key, {}, signal), { seq: 3, state: 'in-service' })
    t.match(await right.register({ ...key, bootId: bootIdOf(1_700_000_100_000, 'bbbb') }, { state: 'booting' }, signal), { seq: 4 })
    await t.rejects(wrong.update(key, {}, signal), { code: 'registry.lost' })
  })
}

t.test('without its table every call says how to make it', async t => {
  const { registry } = fleetAt(t, await dynamoDb(t))
  const calls: readonly (() => Promise<unknown>)[] = [
    () => registry.read('web', 'i-1', signal), () => registry.register(key, { state: 'booting' }, signal), () => registry.remove(key, signal), () => rowsOf(registry, 'web'), () => rowsOf(registry),
  ]
  for (const call of calls) {
    await t.rejects(call, { code: 'cloud.invalid', message: 'there is no table sunup-registry in eu-west-1', hint: /`sunup registry init`/ })
  }
})

t.test('a DynamoDB that is down is unreachable after its tries', async t => {
  const { registry } = fleetAt(t, await downDynamoDb())
  await t.rejects(registry.register(key, { state: 'booting' }, signal), { code: 'cloud.unreachable', remedy: 'final', message: /dynamodb:GetItem on sunup-registry.*tried 5 times/ })
  await t.rejects(rowsOf(registry), { code: 'cloud.unreachable' })
})

t.test('throttling is waited out', async t => {
  const { endpoint, fault } = await tableOnWire(t)
  let throttles = 3
  fault(() => (throttles-- > 0 ? { status: 400, body: { __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message: 'slower' } } : 'none'))
  t.match(await fleetAt(t, endpoint).registry.register(key, { state: 'booting' }, signal), { seq: 1 })
})

t.test('an aborted signal ends a call with its reason', async t => {
  const { registry } = fleetAt(t, await dynamoDb(t))
  await t.rejects(registry.read('web', 'i-1', AbortSignal.abort(new Error('stop'))), { message: 'stop' })
})

t.test('a row that something else wrote is named', async t => {
  const { endpoint } = await tableOnWire(t)
  const table = tableAt(t, endpoint)
  await table.change({ role: 'web', instanceId: 'i-9' }, () => ({ role: 'web', instanceId: 'i-9', state: 'fine', seq: 1 }), signal)
  const { registry } = fleetAt(t, endpoint)
  await t.rejects(rowsOf(registry, 'web'), { code: 'cloud.invalid', message: /i-9 in web .* no bootId/ })
  await registry.register(key, { state: 'booting' }, signal)
  for (const role of ['web', undefined]) {
    const foreign: string[] = []
    const found: string[] = []
    for await (const { instanceId } of registry.list(role, signal, ({ message }) => foreign.push(message))) found.push(instanceId)
    t.strictSame(found, [key.instanceId], 'whoever wants is told of it, and has the others')
    t.match(foreign, [/i-9 in web/])
  }
})

t.test('the table', async t => {
  /** Dynalite knows no time to live. */
  const withTtl = (on: Wire): { attribute?: string } => {
    const ttl: { attribute?: string } = {}
    on.fault((operation, body) => {
      if (operation === 'DescribeTimeToLive') {
        return { status: 200, body: { TimeToLiveDescription: ttl.attribute === undefined ? { TimeToLiveStatus: 'DISABLED' } : { TimeToLiveStatus: 'ENABLED', AttributeName: ttl.attribute } } }
      }
      if (operation !== 'UpdateTimeToLive') return 'none'
      ttl.attribute = (body.TimeToLiveSpecification as { AttributeName: string }).AttributeName
      return { status: 200, body: { TimeToLiveSpecification: body.TimeToLiveSpecification } }
    })
    return ttl
  }

  await t.test('is made, with its time to live; again changes nothing', async t => {
    const on = await wire(t, await dynamoDb(t))
    const ttl = withTtl(on)
    const table = tableAt(t, on.endpoint)
    t.match(await ensureTable(table, patient(systemClock), signal), [/^made the table sunup-registry/, /TTL on expiresAt/])
    t.equal(ttl.attribute, 'expiresAt')
    const { length } = on.asked
    t.strictSame(await ensureTable(table, patient(systemClock), signal), [])
    t.strictSame(on.asked.slice(length), ['DescribeTable', 'DescribeTimeToLive'])
    t.match(await fleetAt(t, on.endpoint).registry.register(key, { state: 'booting' }, signal), { seq: 1 }, 'and can be used')
  })

  await t.test('is made once by two at once', async t => {
    const on = await wire(t, await dynamoDb(t))
    withTtl(on)
    const done = await Promise.all([1, 2].map(() => ensureTable(tableAt(t, on.endpoint), patient(systemClock), signal)))
    t.equal(done.flat().filter(one => one.startsWith('made')).length, 1)
  })

  await t.test('of other keys is refused, and left alone', async t => {
    const on = await wire(t, await dynamoDb(t))
    const table = tableAt(t, on.endpoint)
    await table.ask('dynamodb:CreateTable', (client, sdk, options) => client.send(new sdk.CreateTableCommand({ TableName: table.table, BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }], KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }] }), options), signal)
    await t.rejects(ensureTable(table, patient(systemClock), signal), { code: 'cloud.invalid', message: /has the keys id,/ })
    t.notOk(on.asked.includes('UpdateTimeToLive'))
  })

  await t.test('that takes its rows away by something else is refused', async t => {
    const on = await tableOnWire(t)
    withTtl(on).attribute = 'ttl'
    await t.rejects(ensureTable(tableAt(t, on.endpoint), patient(systemClock), signal), { code: 'cloud.invalid', message: /by ttl/ })
  })
})

async function fill(t: Parameters<typeof wire>[0], endpoint: string, count: number): Promise<void> {
  const { BatchWriteItemCommand } = await import('@aws-sdk/client-dynamodb')
  const table = tableAt(t, endpoint)
  for (let at = 0; at < count; at += 25) {
    const put = Array.from({ length: 25 }, (_none, index) => ({
      PutRequest: {
        Item: {
          role: { S: 'web' }, instanceId: { S: `i-${String(at + index).padStart(17, '0')}` }, bootId: { S: FIRST }, seq: { N: '1' }, state: { S: 'in-service' }, leaseUntil: { N: '1' }, expiresAt: { N: '1' },
          publicHostname: { S: 'ec2-192-0-2-1.compute.example' }, meta: { M: { padding: { S: 'x'.repeat(200) } } },
        },
      },
    }))
    await table.ask('dynamodb:BatchWriteItem', (client, _sdk, options) => client.send(new BatchWriteItemCommand({ RequestItems: { [table.table]: put } }), options), signal)
  }
}
