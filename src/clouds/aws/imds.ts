import { Agent } from 'node:http'
import type { Clock } from '../../core/clock.ts'
import { showDuration } from '../../core/duration.ts'
import { Failure, messageOf } from '../../core/failure.ts'
import { exchange, type Answer } from './imds-request.ts'
import { waitFor } from './waiting.ts'

/** The instance metadata service. Paths are below `/latest/`, e.g. 'meta-data/public-ipv4'. */
export interface Imds {
  /** The text there; undefined: there is no such thing (404).
   *  @throws Failure `cloud.denied` (disabled: at once), `cloud.invalid`, `cloud.unreachable` (when the budget is spent) */
  get(path: string, signal: AbortSignal): Promise<string | undefined>
  /** The same, one a line. */
  list(path: string, signal: AbortSignal): Promise<readonly string[] | undefined>
  /** The JSON there; one that is cut is asked for again. */
  document(path: string, signal: AbortSignal): Promise<unknown>
  /** Closes what lies open between requests: a new address of this instance may have cut it. */
  dropSockets(): void
}

export interface ImdsOptions {
  readonly clock: Clock
  /** As AWS_EC2_METADATA_SERVICE_ENDPOINT, e.g. 'http://169.254.169.254' or 'http://[fd00:ec2::254]'. */
  readonly endpoint?: string | undefined
  /** As AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: which endpoint, where none is given. Default IPv4. */
  readonly endpointMode?: string | undefined
  /** As AWS_EC2_METADATA_DISABLED says: nothing is asked, and all that is asked for fails. Default false. */
  readonly disabled?: boolean
  /** How long it may be away before that is a failure; counted once for all that is asked, from the first answer that did not come. Default 5 min. */
  readonly budgetMs?: number
  /** Told once, when it has been away for some seconds. */
  readonly warn?: ((text: string) => void) | undefined
  /** What one try may take. Default 1500 ms: over the loopback-like link an answer takes a millisecond, or is lost. */
  readonly tryMs?: number
  /** Ask without tokens, as the first version of the service wants it. Default false: never fallen back to. */
  readonly version1?: boolean
  /** 1 to 21,600, which is the default. */
  readonly tokenTtlSeconds?: number
  /** From 0 up to 1, as Math.random, which is the default. */
  readonly random?: () => number
}

const ENDPOINTS: Readonly<Record<string, string>> = { ipv4: 'http://169.254.169.254', ipv6: 'http://[fd00:ec2::254]' }
const BUDGET_MS = 5 * 60_000
const TRY_MS = 1_500
/** Early in a boot it may be away so long, and that is nothing to tell. */
const QUIET_MS = 5_000
const TOKEN_TTL_SECONDS = 21_600
const FIRST_DELAY_MS = 200
/** A service that comes back is noticed within this. */
const LONGEST_DELAY_MS = 5_000
/** It throttles by packets a second; more would not be faster. */
const SOCKETS = 4

interface Token {
  readonly text: string
  /** By the monotonic clock. */
  readonly renewAt: number
}

/** A patient client: one token for all, renewed before it expires and when it is refused; what may pass is tried again, with growing, jittered delays.
 *  Sources: "Use the Instance Metadata Service to access instance metadata", "Query throttling" and "Considerations" of the EC2 guide.
 *  @throws Failure `cloud.invalid` when the endpoint is none */
export function imds(options: ImdsOptions): Imds {
  const { clock, warn = () => {}, budgetMs = BUDGET_MS, tryMs = TRY_MS, version1 = false, disabled = false, tokenTtlSeconds = TOKEN_TTL_SECONDS, random = Math.random } = options
  const base = endpointOf(options)
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS, maxFreeSockets: SOCKETS })
  let token: Token | undefined
  let asking: Promise<Token> | undefined
  /** Since when nothing was answered. */
  let awaySince: number | undefined
  let isTold = false

  async function send(method: 'GET' | 'PUT', path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<Answer> {
    return exchange({ method, url: new URL(`latest/${path}`, base), headers, agent, timeoutMs: tryMs }, signal)
  }

  /** One request for all who wait: it heeds nobody's signal but its own time. */
  function tokenFor(signal: AbortSignal): Promise<Token> | Token {
    if (token && clock.monotonic() < token.renewAt) return token
    asking ??= askToken().finally(() => (asking = undefined))
    return waitFor(asking, signal)
  }

  async function askToken(): Promise<Token> {
    const askedAt = clock.monotonic()
    const { status, text, headers } = await send('PUT', 'api/token', { [TTL_HEADER]: String(tokenTtlSeconds) }, undefined)
    if (status !== 200) throw refused(status, `PUT ${base}latest/api/token`)
    const ttlSeconds = Number(headers[TTL_HEADER]) || tokenTtlSeconds
    // A little before it ends, by any clock.
    return (token = { text: text.trim(), renewAt: askedAt + Math.max(ttlSeconds * 750, (ttlSeconds - 300) * 1_000) })
  }

  async function once<T>(path: string, read: (text: string) => T, signal: AbortSignal): Promise<T | undefined> {
    for (let renewed = false; ; renewed = true) {
      const used = version1 ? undefined : await tokenFor(signal)
      const { status, text } = await send('GET', path, used ? { [TOKEN_HEADER]: used.text } : {}, signal)
      if (status === 200) return read(text)
      if (status === 404) return undefined
      // Expired, or another boot's: a fresh one is had at once; a fresh one that is refused is the service's trouble.
      if (status === 401 && used) {
        if (token === used) token = undefined
        if (!renewed) continue
      }
      throw refused(status, `GET ${base}latest/${path}`)
    }
  }

  async function ask<T>(path: string, read: (text: string) => T, signal: AbortSignal): Promise<T | undefined> {
    if (disabled) throw new Failure('cloud.denied', 'the instance metadata service is switched off by AWS_EC2_METADATA_DISABLED', { hint: 'Unset it, or name what is needed in the environment.' })
    const beganAt = clock.monotonic()
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted()
      const startedAt = clock.monotonic()
      try {
        const answer = await once(path, read, signal)
        awaySince = undefined
        return answer
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof Failure && error.remedy === 'final') throw error
        const now = clock.monotonic()
        // What others are answered does not make this one's wait longer than the budget.
        const away = now - Math.min(beganAt, (awaySince ??= startedAt))
        const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(tries, 10)) * (0.5 + random() / 2)
        if (away + delay > budgetMs) throw gone(away, error)
        if (away > QUIET_MS && !isTold) {
          isTold = true
          warn(`the instance metadata service at ${base} does not answer (${messageOf(error)}); it is waited for, up to ${showDuration(budgetMs)}`)
        }
        await clock.sleep(delay, signal)
      }
    }
  }

  function refused(status: number, request: string): Failure {
    if (status === 403) {
      return new Failure('cloud.denied', `the instance metadata service is disabled (403 to ${request})`, {
        hint: 'Switch it on: aws ec2 modify-instance-metadata-options --http-endpoint enabled --instance-id <this instance>.',
      })
    }
    // 400 is said for a wrong version, and 429 and 5xx when it is busy or not yet up; a token refused twice may be a service that restarts.
    if (status === 429 || status === 401 || status >= 500) return new Failure('cloud.unreachable', `${request}: ${status}`)
    if (request.startsWith('PUT') && (status === 404 || status === 405)) {
      return new Failure('cloud.invalid', `${base} gives no tokens (${status}): it is no instance metadata service of version 2`, { hint: 'Look at AWS_EC2_METADATA_SERVICE_ENDPOINT.' })
    }
    return new Failure('cloud.invalid', `the instance metadata service answered ${status} to ${request}`, { hint: 'Look at AWS_EC2_METADATA_SERVICE_ENDPOINT, and at what stands between.' })
  }

  function gone(awayMs: number, error: unknown): Failure {
    const since = awayMs < tryMs ? '' : ` for ${showDuration(awayMs)}`
    return new Failure('cloud.unreachable', `the instance metadata service at ${base} has not answered${since}: ${messageOf(error)}`, {
      cause: error,
      remedy: 'final',
      hint: 'Not an EC2 instance? Set AWS_REGION, and AWS_PROFILE or an access key; or use cloud: local. In a container, the instance needs a hop limit of 2 (modify-instance-metadata-options --http-put-response-hop-limit 2).',
    })
  }

  return {
    get: (path, signal) => ask(path, text => text, signal),
    list: (path, signal) => ask(path, linesOf, signal),
    document: (path, signal) => ask(path, text => parse(text, path), signal),
    dropSockets() {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    },
  }
}

const TOKEN_HEADER = 'x-aws-ec2-metadata-token'
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds'

function endpointOf({ endpoint, endpointMode }: ImdsOptions): URL {
  const mode = (endpointMode ?? '') === '' ? 'ipv4' : (endpointMode as string).toLowerCase()
  const text = (endpoint ?? '') === '' ? ENDPOINTS[mode] : endpoint
  if (text === undefined) throw new Failure('cloud.invalid', `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE must be IPv4 or IPv6, found ${JSON.stringify(endpointMode)}`)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:') throw new Failure('cloud.invalid', `AWS_EC2_METADATA_SERVICE_ENDPOINT must be an http URL, found ${JSON.stringify(text)}`)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').map(line => line.trim()).filter(line => line !== '')
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No part of it is shown, nor the parser's words, which quote: it may hold credentials.
    throw new Failure('cloud.unreachable', `${path} is not whole`)
  }
}
