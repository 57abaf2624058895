import type { Test } from 'tap'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { awsCalls } from '../../src/clouds/aws/calls.ts'
import { awsAccess, type Access, type ClientSettings } from '../../src/clouds/aws/client.ts'
import { items, type Items } from '../../src/clouds/aws/items.ts'
import { awsRegistry } from '../../src/clouds/aws/registry.ts'
import { awsRevisions } from '../../src/clouds/aws/revisions.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Cloud } from '../../src/core/cloud.ts'
import { systemClock } from '../../src/machine/clock.ts'

export const LEASE_MS = 90_000

const dynalite = createRequire(import.meta.url)('dynalite') as (options: { createTableMs: number }) => Server

/** A DynamoDB on loopback, and nothing in it. @returns its endpoint */
export async function dynamoDb(t: Test): Promise<string> {
  const server = dynalite({ createTableMs: 0 })
  const endpoint = await listening(server)
  t.teardown(() => closed(server))
  return endpoint
}

/** A DynamoDB that was shut down: its port answers no more. */
export async function downDynamoDb(): Promise<string> {
  const server = createServer()
  const endpoint = await listening(server)
  await closed(server)
  return endpoint
}

/** What happens to a request on its way: `cut`: it is done, and its answer is lost. */
export type Fault = 'none' | 'cut' | { readonly status: number; readonly body: unknown }

export interface Wire {
  readonly endpoint: string
  /** The operations that were asked for, in order, e.g. 'PutItem'. */
  readonly asked: readonly string[]
  /** What befalls the requests from now on. Default: nothing. */
  fault(next: (operation: string, body: Readonly<Record<string, unknown>>) => Fault): void
}

/** Stands between a client and DynamoDB, and may lose what it carries. */
export async function wire(t: Test, target: string): Promise<Wire> {
  const asked: string[] = []
  let next: (operation: string, body: Readonly<Record<string, unknown>>) => Fault = () => 'none'
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await bodyOf(incoming)
      const operation = String(incoming.headers['x-amz-target']).split('.')[1] as string
      asked.push(operation)
      const fault = next(operation, JSON.parse(body.toString()) as Record<string, unknown>)
      if (typeof fault === 'object') return answer(outgoing, fault.status, fault.body)
      const [status, text] = await forward(target, incoming, body)
      if (fault === 'cut') incoming.socket.destroy()
      else outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(text)
    })()
  })
  const endpoint = await listening(server)
  t.teardown(() => closed(server))
  return { endpoint, asked, fault: to => void (next = to) }
}

/** A table there, as one process has it. Nobody waits between tries. */
export function tableAt(t: Test, endpoint: string, { clock = systemClock, table = 'sunup-registry' }: { readonly clock?: Clock; readonly table?: string } = {}): Items {
  return items({ table, access: accessTo(t, endpoint), clock: patient(clock) })
}

export function accessTo(t: Test, endpoint: string): Access {
  const access = awsAccess({ calls: awsCalls({ clock: patient(systemClock) }), region: async () => 'eu-west-1', credentials: async () => ({ accessKeyId: 'dummy', secretAccessKey: 'dummy' }) })
  t.teardown(() => access.dropSockets())
  const settings = async (signal: AbortSignal): Promise<ClientSettings & { readonly endpoint: string }> => ({ ...(await access.settings(signal)), endpoint })
  return { ...access, settings }
}

/** The fleet's part of a cloud. */
export function fleetAt(t: Test, endpoint: string, clock: Clock = systemClock): Pick<Cloud, 'registry' | 'revisions'> {
  const table = tableAt(t, endpoint, { clock })
  return { registry: awsRegistry({ items: table, leaseMs: LEASE_MS, clock }), revisions: awsRevisions(table) }
}

/** Makes the table as `sunup registry init` would, without the time to live that dynalite does not know. */
export async function makeTable(table: Items, signal: AbortSignal): Promise<void> {
  await table.ask('dynamodb:CreateTable', (client, sdk, options) => client.send(new sdk.CreateTableCommand(TABLE), options), signal)
  const isActive = async (): Promise<boolean> => {
    const { Table } = await table.ask('dynamodb:DescribeTable', (client, sdk, options) => client.send(new sdk.DescribeTableCommand({ TableName: table.table }), options), signal)
    return Table?.TableStatus === 'ACTIVE'
  }
  while (!(await isActive())) await new Promise(setImmediate)
}

const TABLE = {
  TableName: 'sunup-registry',
  BillingMode: 'PAY_PER_REQUEST' as const,
  AttributeDefinitions: [{ AttributeName: 'role', AttributeType: 'S' as const }, { AttributeName: 'instanceId', AttributeType: 'S' as const }],
  KeySchema: [{ AttributeName: 'role', KeyType: 'HASH' as const }, { AttributeName: 'instanceId', KeyType: 'RANGE' as const }],
}

/** Sleeps as long as it takes to do what else is to be done. */
export function patient(clock: Clock): Clock {
  return {
    ...clock,
    async sleep(_ms, signal) {
      await new Promise(setImmediate)
      signal.throwIfAborted()
    },
  }
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function forward(target: string, { method, headers }: IncomingMessage, body: Buffer): Promise<readonly [number, Buffer]> {
  const sent = request(target, { method, headers })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return [response.statusCode ?? 500, await bodyOf(response)]
}

function answer(outgoing: ServerResponse, status: number, body: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body))
}
