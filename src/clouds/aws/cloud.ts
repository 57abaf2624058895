import type { Addresses, Cloud, CloudUser } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { awsAddresses } from './addresses.ts'
import { autoScaling } from './auto-scaling.ts'
import { awsCalls } from './calls.ts'
import { claims } from './claims.ts'
import { awsAccess } from './client.ts'
import type { Environment } from './conventions.ts'
import { awsCredentials } from './credentials.ts'
import { ec2 } from './ec2.ts'
import { imds } from './imds.ts'
import { items } from './items.ts'
import { awsLifecycle } from './lifecycle.ts'
import { awsMetadata } from './metadata.ts'
import { awsRegion } from './region.ts'
import { awsRegistry } from './registry.ts'
import { awsRevisions } from './revisions.ts'
import { awsSecrets } from './secrets.ts'
import { tagsOf } from './tags.ts'

export interface AwsCloudOptions {
  readonly clock: Clock
  /** Endpoints, region and credentials by the SDK's own conventions. */
  readonly env: Environment
  /** The registry's. */
  readonly table: string
  readonly leaseMs: number
  readonly user: CloudUser
  /** Copies of secrets, where they were asked for. */
  readonly secretCache?: { readonly directory: string; readonly forMs: number } | undefined
}

/** Who looks on does not wait for minutes. */
const IMPATIENT_MS = 10_000

/** EC2 Auto Scaling: identity from the metadata service, the rest by AWS's APIs, each client loaded when it is first asked. */
export function awsCloud({ clock, env, table, leaseMs, user, secretCache }: AwsCloudOptions): Cloud {
  const service = imds({
    clock,
    endpoint: env.AWS_EC2_METADATA_SERVICE_ENDPOINT,
    endpointMode: env.AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE,
    disabled: env.AWS_EC2_METADATA_DISABLED === 'true',
    warn: user.warn,
    ...(!user.isPatient && { budgetMs: IMPATIENT_MS }),
  })
  const credentials = awsCredentials({ imds: service, clock, env })
  const calls = awsCalls({ clock, ready: credentials.ready })
  const metadata = awsMetadata({ imds: service, tagsOf: (id, signal) => tagsOf(id, ec2(access), signal) })
  const access = awsAccess({ calls, region: awsRegion(env, signal => metadata.region(signal)), credentials: credentials.current })
  const rows = items({ table, access, clock })
  const registry = awsRegistry({ items: rows, leaseMs, clock })
  const group = autoScaling(access)
  let addresses: Addresses | undefined
  const ofAddresses = (): Addresses => {
    const claiming = user.registeredAs() === undefined ? undefined : { claims: claims(rows), bootId: user.bootId }
    return (addresses ??= awsAddresses({ access, imds: service, clock, autoScaling: group, claiming, isDraining, warn: user.warn }))
  }
  async function isDraining(instanceId: string, signal: AbortSignal): Promise<boolean> {
    const role = user.registeredAs()
    return role !== undefined && (await registry.read(role, instanceId, signal))?.state === 'draining'
  }
  return {
    name: 'aws',
    metadata,
    addresses: deferred(ofAddresses),
    registry,
    revisions: awsRevisions(rows),
    lifecycle: awsLifecycle({ autoScaling: group, clock, instanceId: metadata.instanceId, targetState: metadata.targetState, warn: user.warn }),
    secrets: awsSecrets({ access, ...(secretCache && { cache: { ...secretCache, clock } }) }),
    calls: calls.counts,
  }
}

/** Whether the role is in a registry is known once its recipes are, and they are handed this before. */
function deferred(made: () => Addresses): Addresses {
  return {
    get settlesInMs() {
      return made().settlesInMs
    },
    byAllocation: (...given) => made().byAllocation(...given),
    byTags: (...given) => made().byTags(...given),
    tag: (...given) => made().tag(...given),
    holderState: (...given) => made().holderState(...given),
    take: (...given) => made().take(...given),
    release: (...given) => made().release(...given),
    howToFree: (...given) => made().howToFree(...given),
  }
}
