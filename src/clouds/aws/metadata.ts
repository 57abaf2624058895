import type { Metadata, TargetState } from '../../core/cloud.ts'
import { Failure } from '../../core/failure.ts'
import type { Instance } from '../../core/instance.ts'
import { isRecord } from '../../core/plain.ts'
import type { Imds } from './imds.ts'

/** EC2 takes the instance back, at `at` (ISO 8601), as far as it has said. */
export interface Notice {
  readonly action: 'terminate' | 'stop' | 'hibernate' | 'rebalance'
  readonly at: string
}

export type Tags = Readonly<Record<string, string>>

export interface AwsMetadata extends Metadata {
  /** Who this instance is, by the metadata service alone. Where its tags are not to be had there (the instance was launched without
   *  `InstanceMetadataTags`), reading one throws Failure `instance.tags` until `learnTags` has asked for them: unknown is not absent.
   *  @throws Failure `instance.invalid`, `cloud.denied` when the service is disabled, `cloud.unreachable` */
  identity(signal: AbortSignal): Promise<Instance>
  /** Asks the API for the tags that the metadata service does not list, once; the identities that follow have them. */
  learnTags(signal: AbortSignal): Promise<void>
  /** @returns null when the service has no identity of an instance */
  region(signal: AbortSignal): Promise<string | null>
  /** What the group wants of this instance, e.g. InService; undefined: there is no group, or it has not said. */
  targetState(signal: AbortSignal): Promise<TargetState | undefined>
  /** Without the rest of the identity: it does not change, and is asked once. */
  instanceId(signal: AbortSignal): Promise<string>
  /** What EC2 has announced for this spot instance; undefined: nothing. */
  interruption(signal: AbortSignal): Promise<Notice | undefined>
  /** That EC2 expects to take this spot instance back: earlier than an interruption, and less certain. */
  rebalance(signal: AbortSignal): Promise<Notice | undefined>
}

export interface MetadataOptions {
  readonly imds: Imds
  /** The tags as the API has them. */
  readonly tagsOf: (instanceId: string, signal: AbortSignal) => Promise<Tags>
}

/** What does not change while a machine runs. */
interface Document {
  readonly id: string
  readonly type: string | null
  readonly region: string | null
  readonly zone: string | null
  readonly privateIp: string | null
}

export function awsMetadata({ imds, tagsOf }: MetadataOptions): AwsMetadata {
  let document: Document | undefined
  let learnt: Tags | undefined

  async function whoAmI(signal: AbortSignal): Promise<Document> {
    return (document ??= documentOf(await imds.document('dynamic/instance-identity/document', signal)))
  }

  /** undefined: the service does not list them. */
  async function listed(signal: AbortSignal): Promise<Tags | undefined> {
    const names = await imds.list('meta-data/tags/instance', signal)
    const values = await Promise.all(names?.map(async name => [name, await imds.get(`meta-data/tags/instance/${encodeURIComponent(name)}`, signal)] as const) ?? [])
    // One that went between the list and its value is gone.
    return names && Object.fromEntries(values.filter((one): one is readonly [string, string] => one[1] !== undefined))
  }

  return {
    async identity(signal) {
      const [who, publicIp, publicHostname, groups, tags] = await Promise.all([
        whoAmI(signal),
        imds.get('meta-data/public-ipv4', signal),
        imds.get('meta-data/public-hostname', signal),
        imds.list('meta-data/security-groups', signal),
        listed(signal),
      ])
      return { ...who, publicIp: textOf(publicIp), publicHostname: textOf(publicHostname), securityGroups: groups ?? [], tags: tags ?? learnt ?? unknownTags(who.id) }
    },

    publicIp: async signal => textOf(await imds.get('meta-data/public-ipv4', signal)),

    instanceId: async signal => (await whoAmI(signal)).id,

    async learnTags(signal) {
      const { id } = await whoAmI(signal)
      learnt = await tagsOf(id, signal)
    },

    async region(signal) {
      return (await whoAmI(signal)).region
    },

    async targetState(signal) {
      return textOf(await imds.get('meta-data/autoscaling/target-lifecycle-state', signal)) ?? undefined
    },

    async interruption(signal) {
      const notice = await imds.document('meta-data/spot/instance-action', signal)
      return isRecord(notice) && isAction(notice.action) ? { action: notice.action, at: String(notice.time) } : undefined
    },

    async rebalance(signal) {
      const notice = await imds.document('meta-data/events/recommendations/rebalance', signal)
      return isRecord(notice) ? { action: 'rebalance', at: String(notice.noticeTime) } : undefined
    },
  }
}

function documentOf(found: unknown): Document {
  // It becomes the name of a directory.
  if (!isRecord(found) || typeof found.instanceId !== 'string' || !/^i-\w+$/.test(found.instanceId)) {
    throw new Failure('instance.invalid', 'the metadata service has no identity document of an instance', { hint: 'Look at AWS_EC2_METADATA_SERVICE_ENDPOINT. Not an EC2 instance? Use cloud: local.' })
  }
  const text = (key: string): string | null => textOf(found[key])
  return { id: found.instanceId, type: text('instanceType'), region: text('region'), zone: text('availabilityZone'), privateIp: text('privateIp') }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

function isAction(value: unknown): value is 'terminate' | 'stop' | 'hibernate' {
  return ['terminate', 'stop', 'hibernate'].includes(value as string)
}

/** Tags of which nothing is known yet. */
function unknownTags(instanceId: string): Tags {
  const unknown = (): never => {
    throw new Failure('instance.tags', `the tags of ${instanceId} are not in its metadata`, {
      hint: 'Launch with InstanceMetadataTags: enabled (launch template, metadata options), or allow ec2:DescribeTags.',
    })
  }
  return new Proxy({}, { get: unknown, has: unknown, ownKeys: unknown, getOwnPropertyDescriptor: unknown })
}
