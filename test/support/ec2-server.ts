import type { Test } from 'tap'
import { listed, queryApi, xml, type ApiError, type Asked, type Params, type QueryApi } from './query-api.ts'

export interface Ec2Instance {
  readonly id: string
  /** Default: running. */
  state?: 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped'
  /** Their ids and private addresses, the primary first. Default: one, with one address. */
  readonly interfaces?: readonly { readonly id: string; readonly privateIps: readonly string[] }[]
  readonly tags?: Readonly<Record<string, string>>
  /** How often EC2 does not find it, though it is there. */
  unseen?: number
}

export interface Ec2Address {
  readonly allocationId: string
  readonly publicIp: string
  readonly tags?: Readonly<Record<string, string>>
}

interface Association {
  readonly id: string
  readonly instanceId: string | undefined
  readonly interfaceId: string
  readonly privateIp: string
}

export interface Ec2Server extends QueryApi {
  readonly instances: Map<string, Ec2Instance>
  /** Who holds it now, truly: an instance id, an interface without one, or nobody. */
  holder(allocationId: string): string | null
  /** The public address that the instance holds, as its metadata service would tell. */
  heldBy(instanceId: string): string | undefined
  /** To which private address it goes. */
  privateIp(allocationId: string): string | undefined
  /** Behind the API's back. @param holder an instance, or an interface without one */
  give(allocationId: string, holder: string | null): void
  /** DescribeAddresses tells what was so that long ago. Default 0. */
  describeLagMs: number
  /** Whether an address is free is judged by what was so that long ago: of two who ask within it, both are told yes, and the later has it. Default 0. */
  associateLagMs: number
  /** Every success that was told. */
  readonly associations: readonly { readonly allocationId: string; readonly instanceId: string | undefined; readonly at: number }[]
}

/** EC2's addresses on the wire, by its rules: AssociateAddress steals unless it is told not to; an instance of several interfaces can't be named; a
 *  pending one is refused; a second address on a private address takes the place of the first. */
export async function ec2Server(t: Test, world: { readonly addresses?: readonly Ec2Address[]; readonly instances?: readonly Ec2Instance[] } = {}): Promise<Ec2Server> {
  const addresses = new Map((world.addresses ?? []).map(one => [one.allocationId, one]))
  const instances = new Map((world.instances ?? []).map(one => [one.id, { ...one }]))
  /** By allocation, the latest last. */
  const history = new Map<string, { readonly at: number; readonly association: Association | undefined }[]>()
  const made: { allocationId: string; instanceId: string | undefined; at: number }[] = []
  let numbers = 0

  function associationOf(allocationId: string, agoMs = 0): Association | undefined {
    const until = performance.now() - agoMs
    return history.get(allocationId)?.findLast(({ at }) => at <= until)?.association
  }

  function set(allocationId: string, association: Association | undefined): void {
    const past = history.get(allocationId) ?? []
    past.push({ at: performance.now(), association })
    history.set(allocationId, past)
  }

  function interfacesOf(instance: Ec2Instance): NonNullable<Ec2Instance['interfaces']> {
    return instance.interfaces ?? [{ id: `eni-of-${instance.id}`, privateIps: ['10.0.0.10'] }]
  }

  function instance(id: string): Ec2Instance {
    const found = instances.get(id)
    if (found === undefined || (found.unseen ?? 0) > 0) {
      if (found?.unseen) found.unseen--
      throw notFound('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`)
    }
    return found
  }

  function targetOf(params: Params): Omit<Association, 'id'> {
    const { InstanceId: instanceId, NetworkInterfaceId: interfaceId, PrivateIpAddress: asked } = params
    if (instanceId !== undefined && interfaceId !== undefined) throw refusal('InvalidParameterCombination', 'You may specify either the instance or the network interface')
    if (instanceId !== undefined) {
      const found = instance(instanceId)
      if (found.state === 'pending') throw refusal('InvalidInstanceID', `The pending instance '${instanceId}' is not in a valid state for this operation.`)
      if (found.state !== undefined && found.state !== 'running' && found.state !== 'stopped') throw refusal('IncorrectInstanceState', `The instance '${instanceId}' is not in a valid state`)
      const [only, ...more] = interfacesOf(found)
      if (more.length > 0) throw refusal('InvalidInstanceID', `There are multiple interfaces attached to instance '${instanceId}'. Please specify an interface ID for the operation instead.`)
      return { instanceId, interfaceId: only?.id as string, privateIp: asked ?? (only?.privateIps[0] as string) }
    }
    for (const [id, one] of instances) {
      const found = interfacesOf(one).find(each => each.id === interfaceId)
      if (found === undefined) continue
      if (asked !== undefined && !found.privateIps.includes(asked)) throw refusal('InvalidParameterValue', `The private IP address ${asked} is not of ${interfaceId}`)
      return { instanceId: id, interfaceId: found.id, privateIp: asked ?? (found.privateIps[0] as string) }
    }
    throw notFound('InvalidNetworkInterfaceID.NotFound', `The networkInterface ID '${interfaceId}' does not exist`)
  }

  const actions: Record<string, (params: Params) => Record<string, unknown>> = {
    DescribeAddresses(params) {
      const ids = listed(params, 'AllocationId')
      for (const id of ids) if (!addresses.has(id)) throw notFound('InvalidAllocationID.NotFound', `The allocation ID '${id}' does not exist`)
      const filters = filtersOf(params)
      const found = [...addresses.values()].filter(({ allocationId, tags = {} }) => (ids.length === 0 || ids.includes(allocationId)) && filters.every(({ name, values }) => matches(tagNamed(name, tags), values)))
      return {
        // In no promised order.
        addressesSet: found.reverse().map(({ allocationId, publicIp, tags = {} }) => {
          const held = associationOf(allocationId, server.describeLagMs)
          return {
            allocationId,
            publicIp,
            domain: 'vpc',
            associationId: held?.id,
            instanceId: held?.instanceId,
            networkInterfaceId: held?.interfaceId,
            privateIpAddress: held?.privateIp,
            tagSet: Object.entries(tags).map(([key, value]) => ({ key, value })),
          }
        }),
      }
    },
    AssociateAddress(params) {
      const { AllocationId: allocationId = '', AllowReassociation: mayTake } = params
      if (!addresses.has(allocationId)) throw notFound('InvalidAllocationID.NotFound', `The allocation ID '${allocationId}' does not exist`)
      const target = targetOf(params)
      const now = associationOf(allocationId, server.associateLagMs)
      const isSame = now?.interfaceId === target.interfaceId && now.privateIp === target.privateIp
      if (now && !isSame && mayTake === 'false') throw refusal('Resource.AlreadyAssociated', `resource ${allocationId} is already associated with associate-id ${now.id}`)
      if (!isSame) {
        for (const other of addresses.keys()) {
          const held = associationOf(other)
          if (held?.interfaceId === target.interfaceId && held.privateIp === target.privateIp) set(other, undefined)
        }
        set(allocationId, { id: `eipassoc-${++numbers}`, ...target })
      }
      made.push({ allocationId, instanceId: target.instanceId, at: performance.now() })
      return { return: true, associationId: associationOf(allocationId)?.id }
    },
    DisassociateAddress({ AssociationId: id = '' }) {
      const found = [...addresses.keys()].find(allocationId => associationOf(allocationId)?.id === id)
      if (found === undefined) throw notFound('InvalidAssociationID.NotFound', `The association ID '${id}' does not exist`)
      set(found, undefined)
      return { return: true }
    },
    DescribeInstances(params) {
      const found = listed(params, 'InstanceId').map(instance)
      return { reservationSet: found.map(({ id, state = 'running' }) => ({ reservationId: `r-${id}`, instancesSet: [{ instanceId: id, instanceState: { code: 16, name: state } }] })) }
    },
    DescribeTags(params) {
      const filters = filtersOf(params)
      const all = [...instances.values()].flatMap(({ id, tags = {} }) => Object.entries(tags).map(([key, value]) => ({ resourceId: id, resourceType: 'instance', key, value })))
      const named: Record<string, 'resourceId' | 'key'> = { 'resource-id': 'resourceId', key: 'key' }
      return { tagSet: all.filter(tag => filters.every(({ name, values }) => matches(tag[named[name] ?? 'key'], values))) }
    },
  }

  const api = await queryApi(t, {
    service: 'ec2',
    version: '2016-11-15',
    actions: {
      DescribeAddresses: ['AllocationId.*', 'Filter.*'],
      AssociateAddress: ['AllocationId', 'InstanceId', 'NetworkInterfaceId', 'PrivateIpAddress', 'AllowReassociation'],
      DisassociateAddress: ['AssociationId'],
      DescribeInstances: ['InstanceId.*'],
      DescribeTags: ['Filter.*'],
    },
    perform: ({ action, params }: Asked) => `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${xml({ requestId: `request-${api.asked.length}`, ...actions[action]?.(params) }, 'item')}</${action}Response>`,
    errorXml: ({ code, message }) => `<?xml version="1.0" encoding="UTF-8"?><Response>${xml({ Errors: { Error: { Code: code, Message: message } }, RequestID: 'request-0' }, 'item')}</Response>`,
    throttled: { code: 'RequestLimitExceeded', message: 'Request limit exceeded.', status: 503 },
  })

  const server: Ec2Server = Object.assign(api, {
    describeLagMs: 0,
    associateLagMs: 0,
    instances,
    associations: made,
    holder(allocationId: string) {
      const held = associationOf(allocationId)
      return held ? (held.instanceId ?? held.interfaceId) : null
    },
    heldBy: (instanceId: string) => [...addresses.values()].find(({ allocationId }) => associationOf(allocationId)?.instanceId === instanceId)?.publicIp,
    privateIp: (allocationId: string) => associationOf(allocationId)?.privateIp,
    give(allocationId: string, holder: string | null) {
      const one = holder === null ? undefined : instances.get(holder)
      const [first] = one ? interfacesOf(one) : []
      set(allocationId, holder === null ? undefined : { id: `eipassoc-${++numbers}`, instanceId: one?.id ?? (holder.startsWith('i-') ? holder : undefined), interfaceId: first?.id ?? holder, privateIp: first?.privateIps[0] ?? '10.0.0.99' })
    },
  })
  return server
}

function filtersOf(params: Params): readonly { readonly name: string; readonly values: readonly string[] }[] {
  const count = new Set(Object.keys(params).flatMap(key => /^Filter\.(\d+)\./.exec(key)?.[1] ?? [])).size
  return Array.from({ length: count }, (_none, index) => ({ name: params[`Filter.${index + 1}.Name`] ?? '', values: listed(params, `Filter.${index + 1}.Value`) }))
}

function tagNamed(filter: string, tags: Readonly<Record<string, string>>): string | undefined {
  if (!filter.startsWith('tag:')) throw refusal('InvalidParameterValue', `The filter '${filter}' is invalid`)
  return tags[filter.slice('tag:'.length)]
}

/** * and ? are wildcards, unless a backslash stands before them. */
function matches(value: string | undefined, patterns: readonly string[]): boolean {
  return value !== undefined && patterns.some(pattern => new RegExp(`^${pattern.replace(/\\([\s\S])|([*?])|([.+^${}()|[\]])/g, (_all, plain?: string, wild?: string, special?: string) => (plain !== undefined ? plain.replace(/[^\w]/g, '\\$&') : wild === '*' ? '.*' : wild === '?' ? '.' : `\\${special}`))}$`).test(value))
}

function refusal(code: string, message: string): ApiError {
  return { code, message }
}

const notFound = refusal
