import type { Test } from 'tap'
import { awsAddresses } from '../../src/clouds/aws/addresses.ts'
import { autoScaling } from '../../src/clouds/aws/auto-scaling.ts'
import type { Claims } from '../../src/clouds/aws/claims.ts'
import type { Access } from '../../src/clouds/aws/client.ts'
import type { Imds } from '../../src/clouds/aws/imds.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Addresses } from '../../src/core/cloud.ts'
import { systemClock } from '../../src/machine/clock.ts'
import { accessTo, patient } from './dynamodb.ts'
import type { Ec2Server } from './ec2-server.ts'
import { hooksServer, type HooksServer } from './hooks-server.ts'

export interface AddressHost {
  readonly addresses: Addresses
  readonly access: Access
}

export interface AddressHostOptions {
  readonly scaling?: HooksServer
  readonly claims?: Claims
  readonly bootId?: string
  readonly clock?: Clock
  /** What its metadata service tells. Default: one interface with one address, and a public address. */
  readonly documents?: Readonly<Record<string, string>>
  readonly warn?: (text: string) => void
  readonly isDraining?: (instanceId: string) => Promise<boolean>
}

/** The addresses as one instance has them, in a process of its own or as good as one. */
export async function addressHost(t: Test, server: Pick<Ec2Server, 'endpoint'>, options: AddressHostOptions = {}): Promise<AddressHost> {
  const { claims, bootId = '1700000000000-a', clock = patient(systemClock), documents = ONE_INTERFACE, isDraining, warn } = options
  const scaling = options.scaling ?? (await hooksServer(t))
  const access = accessTo(t, server.endpoint)
  return {
    access,
    addresses: awsAddresses({
      access,
      clock,
      imds: documentsAsImds(documents),
      autoScaling: autoScaling(accessTo(t, scaling.endpoint)),
      ...(claims && { claiming: { claims, bootId: () => bootId } }),
      isDraining,
      warn,
    }),
  }
}

const MACS = 'meta-data/network/interfaces/macs'

export const ONE_INTERFACE = {
  'meta-data/public-ipv4': '203.0.113.10',
  [`${MACS}/02:01/device-number`]: '0',
  [`${MACS}/02:01/interface-id`]: 'eni-1',
  [`${MACS}/02:01/local-ipv4s`]: '10.0.0.10',
}

/** @param interfaces by device number */
export function interfaceDocuments(interfaces: readonly { readonly id: string; readonly device: number; readonly privateIps: readonly string[] }[]): Record<string, string> {
  return Object.fromEntries(
    interfaces.flatMap(({ id, device, privateIps }) => [
      [`${MACS}/02:${id}/device-number`, String(device)],
      [`${MACS}/02:${id}/interface-id`, id],
      [`${MACS}/02:${id}/local-ipv4s`, privateIps.join('\n')],
    ]),
  )
}

function documentsAsImds(documents: Readonly<Record<string, string>>): Pick<Imds, 'get' | 'list'> {
  return {
    async get(path) {
      return documents[path]
    },
    async list(path) {
      const below = Object.keys(documents).filter(one => one.startsWith(path.replace(/\/?$/, '/')))
      if (below.length > 0) return [...new Set(below.map(one => `${one.slice(path.replace(/\/?$/, '/').length).split('/')[0]}/`))]
      return documents[path]?.split('\n')
    },
  }
}

