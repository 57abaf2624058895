import type { TableDescription } from '@aws-sdk/client-dynamodb'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import { awsCode } from './errors.ts'
import type { Items } from './items.ts'

const TTL_ATTRIBUTE = 'expiresAt'
/** A table is made in seconds; one that takes minutes is a case for its owner. */
const ASK_AGAIN_MS = 1_000
const ASKED_AT_MOST = 180

/** Makes the registry's table where there is none, waits until it can be used, and has DynamoDB take away rows that are long past.
 *  @returns what was done, in words; empty: all was so already
 *  @throws Failure `cloud.invalid` of a table that has other keys, `cloud.denied`, `cloud.unreachable` */
export async function ensureTable(items: Items, clock: Clock, signal: AbortSignal): Promise<readonly string[]> {
  const done: string[] = []
  let description = await describe(items, signal)
  if (description === undefined && (await create(items, signal))) done.push(`made the table ${items.table} (on demand; keys role and instanceId)`)
  for (let asked = 0; description?.TableStatus !== 'ACTIVE' && description?.TableStatus !== 'UPDATING'; asked++) {
    if (asked === ASKED_AT_MOST) throw new Failure('cloud.unreachable', `the table ${items.table} is ${description?.TableStatus ?? 'not there'} still`, { hint: 'Run `sunup registry init` again.' })
    if (asked > 0) await clock.sleep(ASK_AGAIN_MS, signal)
    description = await describe(items, signal)
  }
  if (!hasOurKeys(description)) {
    throw new Failure('cloud.invalid', `the table ${items.table} has the keys ${keysOf(description).join(' and ')}, and the registry's are role and instanceId`, {
      hint: 'It is another program\'s: name another with `registry: { table: … }` in sunup.yaml.',
    })
  }
  if (await expire(items, signal)) done.push(`rows go by themselves seven days after their lease (TTL on ${TTL_ATTRIBUTE})`)
  return done
}

async function describe(items: Items, signal: AbortSignal): Promise<TableDescription | undefined> {
  try {
    const { Table } = await items.ask('dynamodb:DescribeTable', (client, { DescribeTableCommand }, options) => client.send(new DescribeTableCommand({ TableName: items.table }), options), signal)
    return Table
  } catch (error) {
    if (awsCode(error) === 'ResourceNotFoundException') return undefined
    throw error
  }
}

/** @returns false: somebody else was first */
async function create(items: Items, signal: AbortSignal): Promise<boolean> {
  const input = {
    TableName: items.table,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'role', AttributeType: 'S' }, { AttributeName: 'instanceId', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'role', KeyType: 'HASH' }, { AttributeName: 'instanceId', KeyType: 'RANGE' }],
  } as const
  try {
    await items.ask('dynamodb:CreateTable', (client, { CreateTableCommand }, options) => client.send(new CreateTableCommand({ ...input, AttributeDefinitions: [...input.AttributeDefinitions], KeySchema: [...input.KeySchema] }), options), signal)
    return true
  } catch (error) {
    if (awsCode(error) === 'ResourceInUseException') return false
    throw error
  }
}

/** @returns whether anything changed */
async function expire(items: Items, signal: AbortSignal): Promise<boolean> {
  const { TimeToLiveDescription: ttl } = await items.ask(
    'dynamodb:DescribeTimeToLive',
    (client, { DescribeTimeToLiveCommand }, options) => client.send(new DescribeTimeToLiveCommand({ TableName: items.table }), options),
    signal,
  )
  const isOn = ttl?.TimeToLiveStatus === 'ENABLED' || ttl?.TimeToLiveStatus === 'ENABLING'
  if (isOn && ttl.AttributeName === TTL_ATTRIBUTE) return false
  if (isOn) {
    throw new Failure('cloud.invalid', `the table ${items.table} takes away its rows by ${ttl.AttributeName}, and the registry's go by ${TTL_ATTRIBUTE}`, {
      hint: 'Turn its time to live off, wait an hour, and run `sunup registry init` again; or name another table in sunup.yaml.',
    })
  }
  await items.ask(
    'dynamodb:UpdateTimeToLive',
    (client, { UpdateTimeToLiveCommand }, options) => client.send(new UpdateTimeToLiveCommand({ TableName: items.table, TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true } }), options),
    signal,
  )
  return true
}

function keysOf({ KeySchema = [] }: TableDescription): readonly string[] {
  return KeySchema.map(({ AttributeName }) => String(AttributeName))
}

function hasOurKeys(description: TableDescription): boolean {
  const typeOf = (name: string): string | undefined => description.AttributeDefinitions?.find(one => one.AttributeName === name)?.AttributeType
  return keysOf(description).join() === 'role,instanceId' && typeOf('role') === 'S' && typeOf('instanceId') === 'S'
}
