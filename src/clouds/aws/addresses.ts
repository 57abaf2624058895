import type { Address as SdkAddress, DescribeAddressesCommandInput } from '@aws-sdk/client-ec2'
import type { Address, Addresses } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import { associate, missing } from './association.ts'
import { autoScaling, type AutoScaling } from './auto-scaling.ts'
import { claiming } from './claiming.ts'
import type { Claims } from './claims.ts'
import type { Access } from './client.ts'
import { ec2 as ec2Of } from './ec2.ts'
import { awsCode } from './errors.ts'
import { holderState } from './holder.ts'
import type { Imds } from './imds.ts'
import { targetOf } from './interfaces.ts'
import { tagsOf } from './tags.ts'

export interface AwsAddressesOptions {
  readonly access: Access
  readonly imds: Pick<Imds, 'get' | 'list'>
  readonly clock: Clock
  /** Where the role has a registry: a claim in its table goes before every association. */
  readonly claiming?: { readonly claims: Claims; readonly bootId: () => string } | undefined
  /** What an instance says of itself in the registry: that it drains. */
  readonly isDraining?: ((instanceId: string, signal: AbortSignal) => Promise<boolean>) | undefined
  readonly warn?: ((text: string) => void) | undefined
  /** Shared with the lifecycle. */
  readonly autoScaling?: AutoScaling | undefined
}

/** How long EC2's word that an address is ours must hold before it counts: it has told two at once, 0.2 s apart, that one was theirs. */
const SETTLES_IN_MS = 1_000

/** Elastic IP addresses. Taken are free ones only: who holds one is parted from it first, by the very association that was seen, so an address that
 *  went to somebody else in between stays with them. */
export function awsAddresses({ access, imds, clock, claiming: registry, isDraining, warn, autoScaling: group = autoScaling(access) }: AwsAddressesOptions): Addresses {
  const ec2 = ec2Of(access)
  /** By allocation, as last read: what names an association to part from. */
  const associations = new Map<string, { readonly holder: string | null; readonly associationId: string | undefined }>()
  let tags: { readonly instanceId: string; readonly all: Readonly<Record<string, string>> } | undefined
  const warned = new Set<string>()
  const once = (text: string): void => {
    if (!warned.has(text)) warn?.(text)
    warned.add(text)
  }
  const stateOf = (holder: string, signal: AbortSignal) => holderState(holder, { ec2, autoScaling: group, clock, isDraining, warn: once }, signal)
  const holderOf = async (allocationId: string, signal: AbortSignal): Promise<string | null> => (await byAllocation(allocationId, signal)).holder
  const claim = registry && claiming({ ...registry, clock, holderState: stateOf, holderOf })

  async function describe(input: DescribeAddressesCommandInput, on: string, signal: AbortSignal): Promise<readonly Address[]> {
    const { Addresses: found = [] } = await told(
      ec2.ask('DescribeAddresses', (client, sdk, options) => client.send(new sdk.DescribeAddressesCommand(input), options), { signal, on }),
      signal,
    )
    return found.flatMap(one => {
      if (!one.AllocationId) return []
      const address: Address = { allocationId: one.AllocationId, publicIp: one.PublicIp ?? '', tags: tagsIn(one), holder: holderIn(one) }
      associations.set(address.allocationId, { holder: address.holder, associationId: one.AssociationId || undefined })
      return [address]
    })
  }

  /** A call that does not come through says why it can't, where that can be known. */
  async function told<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'cloud.unreachable' || awsCode(error) !== undefined) throw error
      if ((await imds.get('meta-data/public-ipv4', signal)) !== undefined) throw error
      throw new Failure(error.code, `${error.message}; this instance has no public address, and no NAT gateway or VPC endpoint lets the call through`, {
        cause: error.cause,
        remedy: error.remedy,
        hint: `To be given an address an instance must reach EC2 before it has one: launch it with a public address, or add a VPC endpoint for com.amazonaws.${await access.region(signal)}.ec2.`,
      })
    }
  }

  async function byAllocation(allocationId: string, signal: AbortSignal): Promise<Address> {
    try {
      const found = (await describe({ AllocationIds: [allocationId] }, allocationId, signal)).find(one => one.allocationId === allocationId)
      if (found) return found
    } catch (error) {
      if (!awsCode(error)?.startsWith('InvalidAllocationID')) throw error
      throw missing(allocationId, error)
    }
    throw missing(allocationId)
  }

  /** Ends the very association that was seen. Gone already is fine: who has the address then is seen later. */
  async function part(allocationId: string, associationId: string | undefined, signal: AbortSignal): Promise<void> {
    if (associationId === undefined) return
    try {
      await told(
        ec2.ask('DisassociateAddress', (client, sdk, options) => client.send(new sdk.DisassociateAddressCommand({ AssociationId: associationId }), options), { signal, on: allocationId }),
        signal,
      )
    } catch (error) {
      if (awsCode(error) !== 'InvalidAssociationID.NotFound') throw error
    }
  }

  return {
    settlesInMs: SETTLES_IN_MS,
    byAllocation,

    async byTags(wanted, signal) {
      const names = Object.entries(wanted)
      const on = names.map(([name, value]) => `${name}=${value}`).join(' ')
      const found = await describe({ Filters: names.map(([name, value]) => ({ Name: `tag:${name}`, Values: [literal(value)] })) }, on, signal)
      return found
        .filter(one => names.every(([name, value]) => one.tags[name] === value))
        .sort((a, b) => (a.allocationId < b.allocationId ? -1 : 1))
    },

    async tag(instanceId, name, signal) {
      if (tags?.instanceId !== instanceId || !tags.all[name]) tags = { instanceId, all: await told(tagsOf(instanceId, ec2, signal), signal) }
      return tags.all[name]
    },

    holderState: stateOf,

    async take(allocationId, instanceId, from, signal) {
      const seen = associations.get(allocationId)
      const now = seen?.holder === from ? from : await holderOf(allocationId, signal)
      if (now === instanceId) return
      if (now !== from) throw new Failure('address.held', `${allocationId} is held by ${now ?? 'nobody'} by now`)
      // As it was judged: what is read later may be another's, and not to be parted.
      const judged = associations.get(allocationId)?.associationId
      const target = await targetOf(instanceId, imds, signal)
      const ensure = claim ? await claim.claim(allocationId, instanceId, from, signal) : async () => {}
      try {
        if (from !== null) {
          await ensure()
          await part(allocationId, judged, signal)
        }
        await associate(ec2, clock, { allocationId, instanceId, target, from, ensure, holder: () => holderOf(allocationId, signal) }, signal)
      } catch (error) {
        // Where it is certain that nothing was done, nobody has to wait for the claim; it is kept where that can't be known.
        if (claim && error instanceof Failure && CERTAIN.has(error.code)) await claim.release(allocationId, instanceId, AbortSignal.timeout(UNDO_MS)).catch(() => {})
        throw error
      }
      associations.delete(allocationId)
      // The address that the open connections came from may be gone.
      access.dropSockets()
    },

    async release(allocationId, instanceId, signal) {
      for (let tries = 1; (await holderOf(allocationId, signal)) === instanceId; tries++) {
        if (tries > RELEASES) throw new Failure('cloud.invalid', `${allocationId} was given back ${RELEASES} times, and ${instanceId} still holds it, says EC2`)
        if (tries > 1) await clock.sleep(RELEASE_DELAY_MS * tries, signal)
        await part(allocationId, associations.get(allocationId)?.associationId, signal)
        access.dropSockets()
      }
      await claim?.release(allocationId, instanceId, signal)
    },

    howToFree(allocationId) {
      const associationId = associations.get(allocationId)?.associationId
      return associationId === undefined
        ? 'Look with `aws ec2 describe-addresses` who holds it.'
        : `By hand: aws ec2 disassociate-address --association-id ${associationId}`
    },
  }
}

const CERTAIN: ReadonlySet<Failure['code']> = new Set(['address.held', 'address.missing', 'cloud.denied', 'cloud.invalid', 'cloud.throttled'])
const UNDO_MS = 10_000
/** What was parted is seen as such within seconds. */
const RELEASES = 6
const RELEASE_DELAY_MS = 500

/** An interface without an instance holds it as well. */
function holderIn({ InstanceId, NetworkInterfaceId, AssociationId }: SdkAddress): string | null {
  return InstanceId || NetworkInterfaceId || AssociationId || null
}

function tagsIn({ Tags = [] }: SdkAddress): Readonly<Record<string, string>> {
  return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]))
}

/** Filters take * and ? for wildcards. */
function literal(value: string): string {
  return value.replace(/[*?\\]/g, '\\$&')
}
