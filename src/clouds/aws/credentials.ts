import type { Clock } from '../../core/clock.ts'
import { showDuration } from '../../core/duration.ts'
import { Failure } from '../../core/failure.ts'
import { isRecord } from '../../core/plain.ts'
import type { AwsCredentials } from './client.ts'
import { conventional, keysIn, type Environment } from './conventions.ts'
import type { Imds } from './imds.ts'
import { waitFor } from './waiting.ts'

export interface Credentials {
  /** Has credentials that are good for a while, under the caller's signal: `awsCalls({ ready })` asks before each try.
   *  @throws Failure `cloud.denied` when there are none, `cloud.unreachable` */
  ready(signal: AbortSignal): Promise<AwsCredentials>
  /** The same, for the SDK's clients, who have no signal to give. */
  current(): Promise<AwsCredentials>
}

export interface CredentialsOptions {
  readonly imds: Imds
  readonly clock: Clock
  readonly env: Environment
  /** How long a role may be absent from the metadata service before the instance counts as one without: a profile arrives some seconds after a launch. Default 1 min. */
  readonly lateMs?: number
}

interface Held {
  readonly credentials: AwsCredentials
  /** By the monotonic clock. */
  readonly renewAt: number
}

const LATE_MS = 60_000
const ASK_AGAIN_MS = 2_000
/** Fresh ones are there five minutes before the old ones end, says EC2's guide. */
const RENEW_BEFORE_MS = 5 * 60_000
/** However long they are said to last: a wall clock that is slow must not keep what has expired, and asking again takes a millisecond. */
const KEPT_AT_MOST_MS = 15 * 60_000
/** The service may go on giving old ones. */
const KEPT_AT_LEAST_MS = 60_000

const ROLES = 'meta-data/iam/security-credentials/'

/** The environment's keys; else what the SDK's conventions name; else the instance's role, from the metadata service, with its patience. */
export function awsCredentials({ imds, clock, env, lateMs = LATE_MS }: CredentialsOptions): Credentials {
  const keys = keysIn(env)
  let held: Held | undefined
  let asking: { readonly work: Promise<AwsCredentials>; readonly signal: AbortSignal } | undefined
  let conventionsAreEmpty = false
  let absentSince: number | undefined

  async function fetch(signal: AbortSignal): Promise<AwsCredentials> {
    const found = conventionsAreEmpty ? undefined : await conventional(env)
    if (found === undefined) conventionsAreEmpty = true
    try {
      const credentials = found ?? (await ofRole(signal))
      held = { credentials, renewAt: clock.monotonic() + keptMs(credentials, clock) }
      return credentials
    } catch (error) {
      signal.throwIfAborted()
      // The service is away, and what it gave last is still good.
      if (held?.credentials.expiration && held.credentials.expiration.getTime() > clock.now()) {
        held = { ...held, renewAt: clock.monotonic() + KEPT_AT_LEAST_MS }
        return held.credentials
      }
      throw error
    }
  }

  async function ofRole(signal: AbortSignal): Promise<AwsCredentials> {
    for (;;) {
      const [role] = (await imds.list(ROLES, signal)) ?? []
      const document = role === undefined ? undefined : await imds.document(`${ROLES}${encodeURIComponent(role)}`, signal)
      const credentials = credentialsIn(document)
      if (credentials) {
        absentSince = undefined
        return credentials
      }
      const now = clock.monotonic()
      const absentMs = now - (absentSince ??= now)
      if (absentMs >= lateMs) throw absent(role, document, absentMs)
      await clock.sleep(Math.min(ASK_AGAIN_MS, lateMs - absentMs), signal)
    }
  }

  /** One asks, under his signal, and all wait; when he gives up, the next one asks. */
  async function ready(signal: AbortSignal): Promise<AwsCredentials> {
    for (;;) {
      signal.throwIfAborted()
      if (keys) return keys
      if (held && clock.monotonic() < held.renewAt) return held.credentials
      asking ??= { work: fetch(signal).finally(() => (asking = undefined)), signal }
      const mine = asking
      try {
        return await waitFor(mine.work, signal)
      } catch (error) {
        if (!mine.signal.aborted) throw error
      }
    }
  }

  return {
    ready,
    // What `ready` found in the same call; without it, as patient, and ended with the process.
    current: async () => keys ?? held?.credentials ?? ready(new AbortController().signal),
  }
}

function keptMs({ expiration }: AwsCredentials, clock: Clock): number {
  if (!expiration) return Infinity
  return Math.min(KEPT_AT_MOST_MS, Math.max(KEPT_AT_LEAST_MS, expiration.getTime() - clock.now() - RENEW_BEFORE_MS))
}

function credentialsIn(document: unknown): AwsCredentials | undefined {
  if (!isRecord(document)) return undefined
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration: expiration } = document
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') return undefined
  const ends = typeof expiration === 'string' ? Date.parse(expiration) : NaN
  return {
    accessKeyId,
    secretAccessKey,
    ...(typeof sessionToken === 'string' && { sessionToken }),
    ...(!Number.isNaN(ends) && { expiration: new Date(ends) }),
  }
}

function absent(role: string | undefined, document: unknown, absentMs: number): Failure {
  const code = isRecord(document) && typeof document.Code === 'string' && document.Code !== 'Success' ? document.Code : undefined
  if (role === undefined) {
    return new Failure('cloud.denied', `this instance has no role: the metadata service has listed none${absentMs > 0 ? ` for ${showDuration(absentMs)}` : ''}`, {
      hint: 'Give its launch template an instance profile with the policy that `sunup policy` prints.',
    })
  }
  return new Failure('cloud.denied', `the metadata service has no credentials of the role ${role}${code === undefined ? '' : `: ${code}`}`, {
    hint: 'The role must exist, and its trust policy must let ec2.amazonaws.com assume it.',
  })
}
