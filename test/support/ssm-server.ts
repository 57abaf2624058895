import type { Test } from 'tap'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A parameter: its versions' texts, oldest first; labels of versions; a key that the caller may not use. */
export interface Parameter {
  readonly versions: readonly string[]
  readonly labels?: Readonly<Record<string, number>>
  readonly keyIsDenied?: boolean
}

export interface Refusal {
  readonly status: number
  readonly type: string
  readonly message?: string
}

export interface SsmServer {
  readonly endpoint: string
  readonly parameters: Map<string, Parameter>
  /** Names that were asked for, refused requests included. */
  readonly asked: readonly string[]
  /** Connections that were ever made. */
  readonly connections: number
  /** What befalls the next requests: `cut`: it is served, and the answer lost. */
  trouble: (() => Refusal | 'cut' | 'silent' | undefined) | undefined
  /** How far the service's clock is before this machine's. */
  aheadMs: number
}

/** Signatures are good for five minutes. */
const SKEW_MS = 5 * 60_000

/** SSM's GetParameter by its JSON protocol, version 1.1: wants the target, the content type, a signature for ssm and a time near its own. Closed with the test. */
export async function ssmServer(t: Test, parameters: Readonly<Record<string, Parameter>> = {}): Promise<SsmServer> {
  const state = { connections: 0, aheadMs: 0, trouble: undefined as SsmServer['trouble'] }
  const asked: string[] = []
  const texts = new Map(Object.entries(parameters))

  function answer({ headers }: IncomingMessage, input: Readonly<Record<string, unknown>>): Refusal | { readonly status: 200; readonly body: unknown } {
    const refuse = (type: string, message: string): Refusal => ({ status: 400, type, message })
    const now = Date.now() + state.aheadMs
    if (headers['x-amz-target'] !== 'AmazonSSM.GetParameter') return refuse('UnknownOperationException', String(headers['x-amz-target']))
    if (headers['content-type'] !== 'application/x-amz-json-1.1') return refuse('SerializationException', String(headers['content-type']))
    if (!/^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/ssm\/aws4_request, ?SignedHeaders=.*host.*, ?Signature=[0-9a-f]{64}$/.test(headers.authorization ?? '')) {
      return refuse('MissingAuthenticationTokenException', 'Missing Authentication Token')
    }
    const signedAt = Date.parse(String(headers['x-amz-date']).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
    if (!(Math.abs(signedAt - now) < SKEW_MS)) return refuse('InvalidSignatureException', `Signature expired: ${String(headers['x-amz-date'])} is now earlier than ${new Date(now).toISOString()}`)
    if (input.WithDecryption !== true || typeof input.Name !== 'string') return refuse('ValidationException', 'WithDecryption is wanted')
    const { Name } = input
    if (/^\/?(?:aws|ssm)/i.test(Name) || /[^\w./:-]/.test(Name)) return refuse('ValidationException', 'Parameter name: can\'t be prefixed with "ssm" (case-insensitive).')
    const [name, version] = Name.split(':') as [string, string?]
    const parameter = texts.get(name)
    if (!parameter) return { status: 400, type: 'ParameterNotFound' }
    const number = version === undefined ? parameter.versions.length : /^\d+$/.test(version) ? Number(version) : (parameter.labels?.[version] ?? 0)
    const text = parameter.versions[number - 1]
    if (text === undefined) return refuse('ParameterVersionNotFound', `Systems Manager could not find version ${version} of ${name}.`)
    if (parameter.keyIsDenied) {
      return refuse('AccessDeniedException', 'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.')
    }
    return { status: 200, body: { Parameter: { Name: name, Type: 'SecureString', Value: text, Version: number } } }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const input = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Record<string, unknown>
    asked.push(String(input.Name))
    const wrong = state.trouble?.()
    if (wrong === 'silent') return
    if (wrong === 'cut') return void request.socket.destroy()
    const given = wrong ?? answer(request, input)
    const body = JSON.stringify('body' in given ? given.body : { __type: given.type, ...(given.message !== undefined && { message: given.message }) })
    response.writeHead(given.status, { 'content-type': 'application/x-amz-json-1.1', 'content-length': Buffer.byteLength(body), date: new Date(Date.now() + state.aheadMs).toUTCString(), 'x-amzn-requestid': 'request' })
    response.end(body)
  }

  const server = createServer((request, response) => void serve(request, response))
  server.on('connection', () => void state.connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const live = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    parameters: texts,
    asked,
    get connections() {
      return state.connections
    },
    get trouble() {
      return state.trouble
    },
    set trouble(given) {
      state.trouble = given
    },
    get aheadMs() {
      return state.aheadMs
    },
    set aheadMs(given) {
      state.aheadMs = given
    },
  }
  return live
}
