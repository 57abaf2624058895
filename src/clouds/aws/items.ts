import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import { attributesOf, itemOf, type Item } from './attributes.ts'
import type { SendOptions } from './calls.ts'
import type { Access } from './client.ts'
import { awsCode } from './errors.ts'
import { kept } from './kept.ts'
import { queryPages, scanPages } from './pages.ts'

export interface ItemKey {
  readonly role: string
  readonly instanceId: string
}

/** One table as rows of plain values: the registry's, the claims' and the revisions' one way to DynamoDB. Every read is strongly consistent. */
export interface Items {
  readonly table: string
  read(key: ItemKey, signal: AbortSignal): Promise<Item | undefined>
  /** Writes what `judge` makes of the row as it is, on the condition that it still is so; when it is not, judges anew.
   *  An answer that was lost counts: a row that is exactly what was to be written is ours, not a foreign writer's.
   *  @param judge the row to be; the one it was given: nothing is to be written; throws when there may be none
   *  @param known the row as this process last saw it, which spares a read: a row that has moved on since is noticed by the condition
   *  @returns the row as it is now */
  change(key: ItemKey, judge: (old: Item | undefined) => Item, signal: AbortSignal, known?: Item): Promise<Item>
  /** Removes the row where all of these are so: `bootId` the same, or, as `{ upTo }`, no greater. @returns false: there was none such */
  remove(key: ItemKey, where: Readonly<Record<string, string | { readonly upTo: string }>>, signal: AbortSignal): Promise<boolean>
  /** Rows of one role, page by page, in the order of their instance ids. */
  query(role: string, signal: AbortSignal): AsyncIterable<readonly Item[]>
  /** Rows of all roles, page by page, in no order; several pages are asked for at once. */
  scan(signal: AbortSignal): AsyncIterable<readonly Item[]>
  /** One call of this table's API, made and told of as all of them are. */
  ask<T>(action: string, send: (client: DynamoDBClient, sdk: Sdk, options: SendOptions) => Promise<T>, signal: AbortSignal): Promise<T>
}

export type Sdk = typeof import('./sdk/dynamodb.ts')

export interface ItemsOptions {
  readonly table: string
  readonly access: Access
  readonly clock: Clock
  /** From 0 up to 1. Default Math.random. */
  readonly random?: () => number
}

/** What a row is known by to be the one that was judged. */
const MARKS = ['seq', 'bootId', 'holder'] as const
/** Writers of one row that meet wait a little, each another while: twenty milliseconds, doubling, and of that any part. */
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000
const ROUNDS = 100

export function items({ table, access, clock, random = Math.random }: ItemsOptions): Items {
  const open = kept(async (signal: AbortSignal) => {
    const [settings, sdk] = await Promise.all([access.settings(signal), import('./sdk/dynamodb.ts')])
    return { client: new sdk.DynamoDBClient(settings), sdk }
  })

  const ask: Items['ask'] = async (action, send, signal) => {
    const { client, sdk } = await open(signal)
    try {
      return await access.calls.ask(action, options => send(client, sdk, options), { signal, on: table })
    } catch (error) {
      if (awsCode(error) === 'ResourceNotFoundException') throw await missing((error as Failure).cause)
      throw error
    }
  }

  async function missing(cause: unknown): Promise<Failure> {
    const region = await access.region(AbortSignal.timeout(1_000)).catch(() => undefined)
    return new Failure('cloud.invalid', `there is no table ${table}${region === undefined ? '' : ` in ${region}`}`, {
      cause,
      hint: 'Make it with `sunup registry init`, or name another with `registry: { table: … }` in sunup.yaml.',
    })
  }

  async function read(key: ItemKey, signal: AbortSignal): Promise<Item | undefined> {
    const { Item } = await ask('dynamodb:GetItem', (client, { GetItemCommand }, options) => client.send(new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true }), options), signal)
    return Item && itemOf(Item)
  }

  /** @returns whether it was written */
  async function put(item: Item, was: Item | undefined, signal: AbortSignal): Promise<{ readonly done: true } | { readonly done: false; readonly now?: Item }> {
    const input = { TableName: table, Item: attributesOf(item), ...unchanged(was), ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const
    try {
      await ask('dynamodb:PutItem', (client, { PutItemCommand }, options) => client.send(new PutItemCommand(input), options), signal)
      return { done: true }
    } catch (error) {
      if (awsCode(error) !== CONDITION_FAILED) throw error
      const now = itemIn(error)
      return { done: false, ...(now && { now }) }
    }
  }

  return {
    table,
    ask,
    read,

    async change(key, judge, signal, known) {
      let old = known ?? (await read(key, signal))
      for (let round = 0; round < ROUNDS; round++) {
        const item = judge(old)
        if (item === old) return item
        const written = await put(item, old, signal)
        if (written.done) return item
        old = written.now ?? (await read(key, signal))
        if (old && isDeepStrictEqual(old, itemOf(attributesOf(item)))) return old
        await clock.sleep(random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** round), signal)
      }
      throw new Failure('cloud.unreachable', `${table}: others write ${key.role}/${key.instanceId} all the time`)
    },

    async remove(key, where, signal) {
      const parts = Object.entries(where).map(([name, value], index) => ({ name, value: typeof value === 'string' ? value : value.upTo, sign: typeof value === 'string' ? '=' : '<=', index }))
      const input = {
        TableName: table,
        Key: keyOf(key),
        ConditionExpression: parts.map(({ sign, index }) => `#${index} ${sign} :${index}`).join(' AND '),
        ExpressionAttributeNames: Object.fromEntries(parts.map(({ name, index }) => [`#${index}`, name])),
        ExpressionAttributeValues: Object.fromEntries(parts.map(({ value, index }) => [`:${index}`, { S: value }])),
      }
      try {
        await ask('dynamodb:DeleteItem', (client, { DeleteItemCommand }, options) => client.send(new DeleteItemCommand(input), options), signal)
        return true
      } catch (error) {
        if (awsCode(error) === CONDITION_FAILED) return false
        throw error
      }
    },

    query: (role, signal) => queryPages(table, ask, role, signal),
    scan: signal => scanPages(table, ask, signal),
  }
}

const CONDITION_FAILED = 'ConditionalCheckFailedException'

/** The row that made a condition fail, where the service says it (dynalite does not; and where there is none, nothing can). */
function itemIn(error: unknown): Item | undefined {
  const attributes = ((error as Failure).cause as { readonly Item?: Record<string, AttributeValue> }).Item
  return attributes && Object.keys(attributes).length > 0 ? itemOf(attributes) : undefined
}

function keyOf({ role, instanceId }: ItemKey): Record<string, AttributeValue> {
  return { role: { S: role }, instanceId: { S: instanceId } }
}

/** The condition that the row is the one that was judged. */
function unchanged(was: Item | undefined) {
  if (was === undefined) return { ConditionExpression: 'attribute_not_exists(#role)', ExpressionAttributeNames: { '#role': 'role' } }
  const marks = MARKS.filter(name => was[name] !== undefined)
  return {
    ConditionExpression: marks.map(name => `#${name} = :${name}`).join(' AND '),
    ExpressionAttributeNames: Object.fromEntries(marks.map(name => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(Object.entries(attributesOf(Object.fromEntries(marks.map(name => [name, was[name]])))).map(([name, value]) => [`:${name}`, value])),
  }
}
