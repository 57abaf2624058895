import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { itemOf, type Item } from './attributes.ts'
import type { SendOptions } from './calls.ts'
import type { Items, Sdk } from './items.ts'

/** Segments of a scan, and rows of each page: together they hold less than the one page of 1 MB that DynamoDB would send. */
const SEGMENTS = 4
const ROWS_A_PAGE = 500

export function queryPages(table: string, ask: Items['ask'], role: string, signal: AbortSignal): AsyncGenerator<readonly Item[]> {
  const input = { TableName: table, ConsistentRead: true, KeyConditionExpression: '#role = :role', ExpressionAttributeNames: { '#role': 'role' }, ExpressionAttributeValues: { ':role': { S: role } } }
  return pages(ask, 'dynamodb:Query', (sdk, client, from, options) => client.send(new sdk.QueryCommand({ ...input, ...from }), options), signal)
}

/** Without sunup's own rows. */
export function scanPages(table: string, ask: Items['ask'], signal: AbortSignal): AsyncGenerator<readonly Item[]> {
  const input = {
    TableName: table,
    ConsistentRead: true,
    Limit: ROWS_A_PAGE,
    TotalSegments: SEGMENTS,
    FilterExpression: 'NOT begins_with(#role, :own)',
    ExpressionAttributeNames: { '#role': 'role' },
    ExpressionAttributeValues: { ':own': { S: '#' } },
  }
  return together(signal, signal =>
    Array.from({ length: SEGMENTS }, (_none, Segment) => pages(ask, 'dynamodb:Scan', (sdk, client, from, options) => client.send(new sdk.ScanCommand({ ...input, Segment, ...from }), options), signal)),
  )
}

interface Page {
  readonly Items?: Record<string, AttributeValue>[] | undefined
  readonly LastEvaluatedKey?: Record<string, AttributeValue> | undefined
}

type From = { readonly ExclusiveStartKey?: Record<string, AttributeValue> }

async function* pages(
  ask: Items['ask'],
  action: 'dynamodb:Query' | 'dynamodb:Scan',
  next: (sdk: Sdk, client: DynamoDBClient, from: From, options: SendOptions) => Promise<Page>,
  signal: AbortSignal,
): AsyncGenerator<readonly Item[]> {
  let from: From = {}
  do {
    const { Items = [], LastEvaluatedKey } = await ask(action, (client, sdk, options) => next(sdk, client, from, options), signal)
    from = LastEvaluatedKey ? { ExclusiveStartKey: LastEvaluatedKey } : {}
    if (Items.length > 0) yield Items.map(itemOf)
  } while (from.ExclusiveStartKey)
}

/** What several give, as it comes: each is asked for its next page only when the one before was taken. */
async function* together<T>(signal: AbortSignal, start: (signal: AbortSignal) => readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const ending = new AbortController()
  const waiting = new Map<AsyncGenerator<T>, Promise<{ readonly source: AsyncGenerator<T>; readonly result: IteratorResult<T> }>>()
  const ask = (source: AsyncGenerator<T>): void => {
    const asked = source.next().then(result => ({ source, result }))
    // One that fails while nobody waits for it must not end the process; the race below hears of it all the same.
    asked.catch(() => undefined)
    waiting.set(source, asked)
  }
  try {
    for (const source of start(AbortSignal.any([signal, ending.signal]))) ask(source)
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values())
      waiting.delete(source)
      if (result.done === true) continue
      yield result.value
      ask(source)
    }
  } finally {
    ending.abort()
  }
}
