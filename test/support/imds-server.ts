import type { Test } from 'tap'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/machine/clock.ts'

/** What goes wrong with one request: a status; `cut` in the middle of the answer; `closed` before it; `silent`: no answer at all. */
export type Trouble = number | 'cut' | 'closed' | 'silent'

export interface Request {
  readonly method: string
  /** Without the version, e.g. 'meta-data/public-ipv4'. */
  readonly path: string
  readonly status: number | Trouble
}

export interface ImdsServer {
  /** e.g. http://127.0.0.1:40123 */
  readonly endpoint: string
  /** The texts by their paths, e.g. 'meta-data/public-ipv4'; directories list themselves. To be changed at will. */
  readonly documents: Map<string, string>
  readonly requests: readonly Request[]
  /** Connections that were ever made. */
  readonly connections: number
  /** Asked before each answer. */
  trouble: ((method: string, path: string) => Trouble | undefined) | undefined
  /** Forgets the tokens it gave. */
  forgetTokens(): void
  /** Refuses connections. */
  away(): Promise<void>
  /** Listens again, where it did. */
  back(): Promise<void>
}

export interface ImdsServerOptions {
  /** By which tokens expire. */
  readonly clock?: Clock
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default: any that is free. */
  readonly port?: number
  /** Answers requests without a token, too (HttpTokens: optional). Default false. */
  readonly version1?: boolean
  readonly documents?: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly text?: string
  readonly headers?: Record<string, string>
}

const TTL = 'x-aws-ec2-metadata-token-ttl-seconds'
const TOKEN = 'x-aws-ec2-metadata-token'

/** An instance metadata service that keeps EC2's rules: tokens by PUT with a lifetime of 1 to 21,600 s, none through a proxy (X-Forwarded-For: 403),
 *  401 without a good one, 404 for what is not there, 405 for other methods. Closed with the test. */
export async function imdsServer(t: Pick<Test, 'teardown'>, { clock = systemClock, host = '127.0.0.1', port: at = 0, version1 = false, documents = {} }: ImdsServerOptions = {}): Promise<ImdsServer> {
  const texts = new Map(Object.entries(documents))
  const tokens = new Map<string, number>()
  const requests: Request[] = []
  const trouble: { now: ImdsServer['trouble'] } = { now: undefined }
  const seen = { connections: 0 }

  function answer(request: IncomingMessage): Answer {
    const { method = '', headers } = request
    const path = pathOf(request)
    if (path === undefined) return { status: 404 }
    if (path === 'api/token') {
      if (method !== 'PUT') return { status: 405, headers: { allow: 'OPTIONS, PUT' } }
      if (headers['x-forwarded-for'] !== undefined) return { status: 403 }
      const ttl = headers[TTL]
      if (typeof ttl !== 'string' || !/^\d{1,5}$/.test(ttl) || Number(ttl) < 1 || Number(ttl) > 21_600) return { status: 400 }
      const token = randomBytes(40).toString('base64')
      tokens.set(token, clock.monotonic() + Number(ttl) * 1_000)
      return { status: 200, text: token, headers: { [TTL]: ttl } }
    }
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'OPTIONS, GET, HEAD' } }
    const token = headers[TOKEN]
    if (token === undefined ? !version1 : (tokens.get(String(token)) ?? 0) <= clock.monotonic()) return { status: 401 }
    const text = texts.get(path) ?? listing(texts, path)
    return text === undefined ? { status: 404 } : { status: 200, text }
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = '' } = request
    const path = pathOf(request) ?? String(request.url)
    const wrong = trouble.now?.(method, path)
    const { status, text = '', headers = {} }: Answer = typeof wrong === 'number' ? { status: wrong } : answer(request)
    requests.push({ method, path, status: wrong ?? status })
    if (wrong === 'silent') return
    if (wrong === 'closed') return void request.socket.destroy()
    const body = status === 200 ? text : statusText(status)
    response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body), server: 'EC2ws', ...headers })
    if (wrong === 'cut') {
      response.write(body.slice(0, Math.ceil(body.length / 2)), () => request.socket.destroy())
      return
    }
    response.end(method === 'HEAD' ? undefined : body)
  }

  const server = createServer(serve)
  server.on('connection', () => void seen.connections++)
  server.listen(at, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const away = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.teardown(away)
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    documents: texts,
    requests,
    get connections() {
      return seen.connections
    },
    get trouble() {
      return trouble.now
    },
    set trouble(given) {
      trouble.now = given
    },
    forgetTokens: () => tokens.clear(),
    away,
    async back() {
      if (server.listening) return
      server.listen(port, host)
      await once(server, 'listening')
    },
  }
}

/** What an instance in a group would be told: id, addresses, groups, a role with credentials. */
export function instanceDocuments(over: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const documents = {
    'dynamic/instance-identity/document': JSON.stringify({
      accountId: '123456789012',
      architecture: 'x86_64',
      availabilityZone: 'eu-west-1a',
      billingProducts: null,
      imageId: 'ami-0abcdef1234567890',
      instanceId: 'i-0123456789abcdef0',
      instanceType: 't3.small',
      pendingTime: '2026-03-01T11:58:00Z',
      privateIp: '10.0.1.17',
      region: 'eu-west-1',
      version: '2017-09-30',
    }),
    'meta-data/instance-id': 'i-0123456789abcdef0',
    'meta-data/ami-id': 'ami-0abcdef1234567890',
    'meta-data/instance-type': 't3.small',
    'meta-data/local-ipv4': '10.0.1.17',
    'meta-data/local-hostname': 'ip-10-0-1-17.eu-west-1.compute.internal',
    'meta-data/hostname': 'ip-10-0-1-17.eu-west-1.compute.internal',
    'meta-data/public-ipv4': '203.0.113.10',
    'meta-data/public-hostname': 'ec2-203-0-113-10.eu-west-1.compute.amazonaws.com',
    'meta-data/security-groups': 'web\ndefault',
    'meta-data/placement/availability-zone': 'eu-west-1a',
    'meta-data/placement/region': 'eu-west-1',
    'meta-data/mac': '02:00:00:00:00:01',
    'meta-data/network/interfaces/macs/02:00:00:00:00:01/device-number': '0',
    'meta-data/network/interfaces/macs/02:00:00:00:00:01/interface-id': 'eni-0123456789abcdef0',
    'meta-data/network/interfaces/macs/02:00:00:00:00:01/local-ipv4s': '10.0.1.17',
    'meta-data/iam/info': JSON.stringify({ Code: 'Success', InstanceProfileArn: 'arn:aws:iam::123456789012:instance-profile/web', InstanceProfileId: 'AIPA0' }),
    'meta-data/iam/security-credentials/web': roleCredentials(),
    'meta-data/tags/instance/Name': 'web-1',
    'meta-data/tags/instance/allocation-id': 'eipalloc-1',
    'meta-data/autoscaling/target-lifecycle-state': 'InService',
    ...over,
  }
  return Object.fromEntries(Object.entries(documents).filter((one): one is [string, string] => one[1] !== undefined))
}

/** @param expiration ISO 8601; default: six hours after the fake clock's start */
export function roleCredentials({ key = 'ASIAEXAMPLE', expiration = '2026-03-01T18:00:00Z' }: { readonly key?: string; readonly expiration?: string } = {}): string {
  return JSON.stringify({
    Code: 'Success',
    LastUpdated: '2026-03-01T12:00:00Z',
    Type: 'AWS-HMAC',
    AccessKeyId: key,
    SecretAccessKey: 'secret-of-the-role',
    Token: 'token-of-the-role',
    Expiration: expiration,
  })
}

function pathOf({ url = '' }: IncomingMessage): string | undefined {
  const found = /^\/(?:latest|\d{4}-\d\d-\d\d)\/(.*?)\/?$/.exec(url.split('?')[0] as string)
  return found ? decodeURIComponent(found[1] as string) : undefined
}

/** The names in a directory; those of directories end in a slash, as on EC2, where macs and tags do, too, or not. */
function listing(texts: ReadonlyMap<string, string>, path: string): string | undefined {
  const prefix = path === '' ? '' : `${path}/`
  const names = new Set<string>()
  for (const document of texts.keys()) {
    if (!document.startsWith(prefix)) continue
    const [name, ...deeper] = document.slice(prefix.length).split('/')
    names.add(deeper.length > 0 ? `${name}/` : (name as string))
  }
  return names.size > 0 ? [...names].sort().join('\n') : undefined
}

function statusText(status: number): string {
  return `<?xml version="1.0" encoding="iso-8859-1"?><html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>`
}
