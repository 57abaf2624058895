import { setTimeout as sleep } from 'node:timers/promises'
import type { Cloud } from '../core/cloud.ts'
import type { Instance } from '../core/instance.ts'
import type { Machine } from '../core/machine.ts'
import type { AddressResource, TakenAddress } from '../resources/address.ts'
import type { GitResource } from '../resources/git.ts'
import type { Stage } from '../engine/converge.ts'
import type { Planned } from '../engine/planned.ts'
import type { PlannedResource } from '../roles/planned.ts'
import type { Outset } from './outset.ts'

/** What an address that is taken changes. */
const OF_THE_ADDRESS = ['publicIp', 'publicHostname'] as const

export interface Staging {
  /** Whether the instance is to serve; a warm pool wants the prepare phase alone. */
  readonly activating: boolean
  readonly planning: boolean
  readonly signal: AbortSignal
}

/** The stages of a boot: all up to the last address; then, with the identity read anew, what comes after it. Recipes of the second
 *  stage see the address that was taken; in a plan, what reads it while it is pending is unknown. */
export function stagesOf(set: Outset, { activating, planning, signal }: Staging): readonly Stage[] {
  const wanted = set.planned.filter(({ phase }) => activating || phase === 'prepare')
  const last = wanted.findLastIndex(({ resource }) => resource.kind === 'address')
  if (last < 0 || last === wanted.length - 1) return [() => wanted]
  const first = wanted.slice(0, last + 1)
  const rest = wanted.slice(last + 1)
  const address = (wanted[last] as PlannedResource).resource.id
  return [
    () => first,
    async outcomes => {
      const outcome = outcomes.get(address)
      if (planning) return outcome === 'unchanged' ? rest : rest.map(one => unknownWhereRead(one, address))
      const taken = addressOf(set)?.publicIp
      if (outcome !== 'changed' && (taken === undefined || taken === set.instance.publicIp)) return rest
      const anew = set.replan(await identityWith(taken, set.cloud, signal))
      return anew.slice(anew.findIndex(({ resource }) => resource.id === address) + 1)
    },
  ]
}

/** The identity, once the metadata service says of it what the cloud has said of the address: it is some seconds behind. After these the cloud's word counts. */
async function identityWith(publicIp: string | undefined, { metadata, addresses }: Cloud, signal: AbortSignal): Promise<Instance> {
  for (let left = addresses.settlesInMs > 0 ? READS_BEHIND : 0; ; left--) {
    const instance = await metadata.identity(signal)
    if (publicIp === undefined || instance.publicIp === publicIp) return instance
    if (left <= 0) return { ...instance, publicIp, publicHostname: null }
    // Node's own error says only that it was aborted; the signal says why.
    await sleep(BEHIND_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Ten seconds in all. */
const READS_BEHIND = 40
const BEHIND_MS = 250

function unknownWhereRead(one: PlannedResource, address: string): Planned {
  return OF_THE_ADDRESS.some(key => one.reads.has(key)) ? { ...one, unknownUntil: address } : one
}

/** The commit of the first git resource, for the registry's row. */
export function appRevisionOf(set: Outset, machine: Machine): string | undefined {
  const checkout = set.planned.find(({ resource }) => resource.kind === 'git')?.resource as GitResource | undefined
  return checkout?.revision(machine)
}

/** The public address that the role has taken, as the cloud last told of it. */
export function addressOf(set: Outset): TakenAddress | undefined {
  return (set.planned.findLast(({ resource }) => resource.kind === 'address')?.resource as AddressResource | undefined)?.held()
}
