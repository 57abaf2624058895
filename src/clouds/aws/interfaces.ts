import { Failure } from '../../core/failure.ts'
import type { Imds } from './imds.ts'

/** What AssociateAddress is to name besides the address. */
export type Target = { readonly InstanceId: string } | { readonly NetworkInterfaceId: string; readonly PrivateIpAddress: string }

const MACS = 'meta-data/network/interfaces/macs/'

/** Where an address of this instance goes: to its primary private address. With one network interface the instance can be named; with several, or with
 *  secondary private addresses, interface and address must be. Asks the metadata service, and no API.
 *  @throws Failure `cloud.invalid` when the primary interface can't be told */
export async function targetOf(instanceId: string, imds: Pick<Imds, 'get' | 'list'>, signal: AbortSignal): Promise<Target> {
  const macs = ((await imds.list(MACS, signal)) ?? []).map(mac => mac.replace(/\/$/, ''))
  const of = (mac: string, name: string): Promise<readonly string[] | undefined> => imds.list(`${MACS}${mac}/${name}`, signal)
  if (macs.length === 0) return { InstanceId: instanceId }
  const primary = macs.length === 1 ? (macs[0] as string) : await primaryOf(macs, async mac => (await of(mac, 'device-number'))?.[0], instanceId)
  const addresses = (await of(primary, 'local-ipv4s')) ?? []
  if (macs.length === 1 && addresses.length < 2) return { InstanceId: instanceId }
  const [NetworkInterfaceId] = (await of(primary, 'interface-id')) ?? []
  // The first in the list is the primary one.
  const [PrivateIpAddress] = addresses
  if (NetworkInterfaceId === undefined || PrivateIpAddress === undefined) {
    throw new Failure('cloud.invalid', `the metadata service does not tell the interface and private address of ${instanceId} (${MACS}${primary}/)`)
  }
  return { NetworkInterfaceId, PrivateIpAddress }
}

/** The one with device number 0: it is there from the launch on, and can't be detached. */
async function primaryOf(macs: readonly string[], deviceOf: (mac: string) => Promise<string | undefined>, instanceId: string): Promise<string> {
  const devices = await Promise.all(macs.map(deviceOf))
  const primary = macs[devices.indexOf('0')]
  if (primary === undefined) throw new Failure('cloud.invalid', `none of the ${macs.length} network interfaces of ${instanceId} is its primary one, says the metadata service`)
  return primary
}
