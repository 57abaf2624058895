import type { Test } from 'tap'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What befalls a request: `cut`: it is done and its answer lost; `closed`: it is not done, and not answered; `throttle`: refused as too many; a delay
 *  of the answer to what is done at once; a text that somebody else answers with 200, it is not done; an error of the API. */
export type Fault = 'cut' | 'closed' | 'throttle' | { readonly delayMs: number } | { readonly foreign: string } | ApiError

export interface ApiError {
  readonly code: string
  readonly message: string
  /** Default 400. */
  readonly status?: number
}

export type Params = Readonly<Record<string, string>>

export interface Asked {
  readonly action: string
  readonly params: Params
}

export interface QueryApi {
  /** e.g. http://127.0.0.1:40123 */
  readonly endpoint: string
  /** All that was asked for, in order; also what a fault befell. */
  readonly asked: Asked[]
  /** Asked before each request is done. */
  fault: ((asked: Asked) => Fault | undefined) | undefined
}

export interface QueryApiOptions {
  /** As the scope of a signature names it, e.g. 'ec2'. */
  readonly service: string
  readonly version: string
  /** What each action may be asked with; `Name.*` for lists and structures. Others are refused, as is what is no action. */
  readonly actions: Readonly<Record<string, readonly string[]>>
  /** @returns the XML of the answer. Throws an ApiError. */
  readonly perform: (asked: Asked) => string
  readonly errorXml: (error: ApiError) => string
  readonly throttled: ApiError
}

/** An API of AWS's query protocol on loopback: form-encoded requests, signed, of a known version; XML answers. Closed with the test. */
export async function queryApi(t: Test, options: QueryApiOptions): Promise<QueryApi> {
  const api = { endpoint: '', asked: [] as Asked[], fault: undefined as QueryApi['fault'] }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await textOf(request))
    const action = form.get('Action') ?? ''
    const params = Object.fromEntries([...form].filter(([name]) => name !== 'Action' && name !== 'Version'))
    const asked = { action, params }
    api.asked.push(asked)
    const fault = api.fault?.(asked)
    if (fault === 'closed') return void request.socket.destroy()
    if (typeof fault === 'object' && 'foreign' in fault) return void response.end(fault.foreign)
    let status = 200
    let xml: string
    try {
      if (fault === 'throttle') throw options.throttled
      if (typeof fault === 'object' && 'code' in fault) throw fault
      checkRequest(request, form.get('Version'), asked, options)
      xml = options.perform(asked)
    } catch (error) {
      if (!isApiError(error)) throw error
      status = error.status ?? 400
      xml = options.errorXml(error)
    }
    if (fault === 'cut') return void request.socket.destroy()
    if (typeof fault === 'object' && 'delayMs' in fault) await sleep(fault.delayMs)
    response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8', 'content-length': Buffer.byteLength(xml) }).end(xml)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      t.fail(String(error))
      request.socket.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  api.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return api
}

function checkRequest({ method, headers }: IncomingMessage, version: string | null, { action, params }: Asked, { service, version: known, actions }: QueryApiOptions): void {
  if (method !== 'POST') throw { code: 'InvalidRequest', message: `The method ${method} is not taken` } satisfies ApiError
  const scope = new RegExp(`^AWS4-HMAC-SHA256 Credential=[^/]+/\\d{8}/[a-z0-9-]+/${service}/aws4_request, SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$`)
  if (!scope.test(headers.authorization ?? '')) throw { code: 'MissingAuthenticationToken', message: 'Request is missing Authentication Token', status: 403 } satisfies ApiError
  const names = actions[action]
  if (version !== known || names === undefined) throw { code: 'InvalidAction', message: `The action ${action} is not valid for this web service (${version})` } satisfies ApiError
  for (const name of Object.keys(params)) {
    if (!names.some(one => (one.endsWith('.*') ? name.startsWith(one.slice(0, -1)) : one === name))) {
      throw { code: 'UnknownParameter', message: `The parameter ${name} is not recognized` } satisfies ApiError
    }
  }
}

function isApiError(error: unknown): error is ApiError {
  return typeof error === 'object' && error !== null && !(error instanceof Error) && 'code' in error
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) text += String(chunk)
  return text
}

/** A value as XML: lists as `<item>` or `<member>`; what is undefined is left out. */
export function xml(value: unknown, item: 'item' | 'member'): string {
  if (Array.isArray(value)) return value.map(one => `<${item}>${xml(one, item)}</${item}>`).join('')
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).map(([name, one]) => (one === undefined ? '' : `<${name}>${xml(one, item)}</${name}>`)).join('')
  }
  return String(value).replace(/[<>&"]/g, character => `&#${character.charCodeAt(0)};`)
}

/** `Name.1`, `Name.2`… in their order. */
export function listed(params: Params, name: string): readonly string[] {
  return Object.keys(params)
    .filter(key => new RegExp(`^${name.replaceAll('.', '\\.')}\\.\\d+$`).test(key))
    .sort((a, b) => Number(a.split('.').at(-1)) - Number(b.split('.').at(-1)))
    .map(key => params[key] as string)
}
