import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import type { Calls } from './calls.ts'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}

/** What every client of the SDK is made with: `new EC2Client(await access.settings())`. */
export interface ClientSettings {
  readonly region: string
  readonly credentials: (() => Promise<AwsCredentials>) & { readonly memoized: true }
  /** `calls.ask` retries. */
  readonly maxAttempts: 1
  readonly retryMode: 'standard'
  readonly defaultsMode: 'standard'
  readonly requestHandler: {
    readonly connectionTimeout: number
    readonly requestTimeout: number
    readonly throwOnRequestTimeout: true
    readonly httpAgent: HttpAgent
    readonly httpsAgent: HttpsAgent
  }
}

/** How sunup's clients get at AWS: one region, one source of credentials, one pool of connections, one count of calls. */
export interface Access {
  readonly calls: Calls
  /** @throws Failure `cloud.invalid` when no region is to be found */
  region(signal: AbortSignal): Promise<string>
  settings(signal: AbortSignal): Promise<ClientSettings>
  /** Closes what lies open between calls: a new public address has cut it. A call that is under way is left to its timeout. */
  dropSockets(): void
}

export interface AccessOptions {
  readonly calls: Calls
  readonly region: (signal: AbortSignal) => Promise<string>
  readonly credentials: () => Promise<AwsCredentials>
}

/** A connection is made in milliseconds, or not at all. */
const CONNECTION_TIMEOUT_MS = 3_000
/** None of the calls sunup makes takes AWS longer than a second or two. */
const REQUEST_TIMEOUT_MS = 10_000

export function awsAccess({ calls, region, credentials }: AccessOptions): Access {
  let made: Promise<Pick<ClientSettings['requestHandler'], 'httpAgent' | 'httpsAgent'>> | undefined
  let dropped: (() => void) | undefined
  const agents = async () => {
    const [http, https] = await Promise.all([import('node:http'), import('node:https')])
    const httpAgent = new http.Agent({ keepAlive: true })
    const httpsAgent = new https.Agent({ keepAlive: true })
    dropped = () => [httpAgent, httpsAgent].forEach(({ freeSockets }) => Object.values(freeSockets).forEach(sockets => sockets?.forEach(socket => socket.destroy())))
    return { httpAgent, httpsAgent }
  }
  // The SDK then asks each time, and leaves keeping and renewing to us.
  const provider = Object.assign(() => credentials(), { memoized: true } as const)
  return {
    calls,
    region,
    async settings(signal) {
      return {
        region: await region(signal),
        credentials: provider,
        maxAttempts: 1,
        retryMode: 'standard',
        defaultsMode: 'standard',
        requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, throwOnRequestTimeout: true, ...(await (made ??= agents())) },
      }
    },
    dropSockets: () => dropped?.(),
  }
}
