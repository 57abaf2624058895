import { setTimeout as sleep } from 'node:timers/promises'
import type { Address, Addresses } from '../core/cloud.ts'
import { parseDuration } from '../core/duration.ts'
import { Failure } from '../core/failure.ts'
import { checkProps, oneOf } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type ApplyContext, type CommonProps, type Resource } from '../core/resource.ts'
import type { Change } from '../core/change.ts'

/** From whom an address may be taken: from one that is proven gone, from one that is leaving too, or from anybody. */
export type Takeover = 'dead' | 'draining' | 'any'

export interface AddressProps extends CommonProps {
  readonly addresses: Addresses
  /** Who is to hold it. */
  readonly instanceId: string
  /** One of these three. An allocation id: */
  readonly allocation?: string | undefined
  /** the allocation id that a tag of the instance names; undefined: the cloud is asked for the tag. Empty, or still none, fails the check, not the recipe: */
  readonly tagged?: { readonly tag: string; readonly allocation: string | undefined } | undefined
  /** or any free one of those that carry these tags; one that is held is never taken. */
  readonly pool?: Readonly<Record<string, string>> | undefined
  /** Default: dead. Not with a pool. */
  readonly takeover?: Takeover | undefined
  /** How often to ask for one that is refused (its owner lives, the pool is empty). Default 5. */
  readonly tries?: number | undefined
  /** How long between these, milliseconds or e.g. '60s'. Default 60s. */
  readonly every?: number | string | undefined
  /** absent: what this instance holds of it is given back. Default: present. */
  readonly state?: 'present' | 'absent' | undefined
}

export interface AddressResource extends Resource {
  /** The address as the cloud last said that this instance holds it; undefined: it has not said so. */
  held(): TakenAddress | undefined
}

export type TakenAddress = Pick<Address, 'allocationId' | 'publicIp'>

/** A public address that outlives instances, held by this one. Whoever holds it lawfully is waited for, never robbed.
 *  Fails with `address.held`, naming the owner, when every try was refused; `address.missing` when there is no such address;
 *  `address.lost` when it was taken and does not stay. */
export function address(props: AddressProps): AddressResource {
  const { addresses, ...data } = props
  const key = keyOf(props)
  checkProps(`address[${key}]`, props, {
    ...COMMON_PROPS, addresses: 'record', instanceId: 'string', allocation: 'string?', tagged: 'record?', pool: 'record?',
    takeover: 'string?', tries: 'count?', every: 'any?', state: 'string?',
  })
  const base = resourceBase({ kind: 'address', key, props: data })
  const everyMs = parseDuration(props.every ?? '60s')
  if (everyMs === undefined) throw new Failure('resource.invalid', `${base.id}: "every" must be a duration such as "60s", found ${JSON.stringify(props.every)}`)
  if (props.tries === 0) throw new Failure('resource.invalid', `${base.id}: "tries" must be 1 or more, found 0`)
  if (props.pool && props.takeover !== undefined) {
    throw new Failure('resource.invalid', `${base.id}: "takeover" can't be had with a pool`, { hint: 'From a pool only what is free is taken.' })
  }
  const takeover = oneOf(base.id, 'takeover', props.takeover ?? 'dead', ['dead', 'draining', 'any'])
  const tries = props.tries ?? 5
  const wanted: Wanted = { id: base.id, key, addresses, instanceId: props.instanceId, takeover, tries, everyMs, selection: selectionOf(props) }
  if (oneOf(base.id, 'state', props.state ?? 'present', ['present', 'absent']) === 'absent') return { ...base, held: () => undefined, ...released(wanted) }
  // The waits between refusals are meant, and so no part of what times out.
  return { ...base, timeoutMs: base.timeoutMs ?? tries * everyMs + USUAL_TIMEOUT_MS, ...held(wanted) }
}

const USUAL_TIMEOUT_MS = 5 * 60_000

interface Wanted {
  readonly id: string
  readonly key: string
  readonly addresses: Addresses
  readonly instanceId: string
  readonly takeover: Takeover
  readonly tries: number
  readonly everyMs: number
  readonly selection: Selection
}

type Selection = { readonly tags: Readonly<Record<string, string>> } | { readonly allocation: string } | { readonly tag: string; readonly value: string | undefined }

function keyOf({ allocation, tagged, pool }: AddressProps): string {
  if ([allocation, tagged, pool].filter(one => one !== undefined).length !== 1) {
    throw new Failure('resource.invalid', 'address: give one of "allocation", "tagged" and "pool"')
  }
  if (tagged) return `tag ${tagged.tag}`
  return pool ? `pool ${Object.entries(pool).map(([name, value]) => `${name}=${value}`).join(' ')}` : (allocation as string)
}

function selectionOf({ allocation, tagged, pool }: AddressProps): Selection {
  if (pool) return { tags: pool }
  return tagged ? { tag: tagged.tag, value: tagged.allocation } : { allocation: allocation as string }
}

function held(wanted: Wanted): Pick<AddressResource, 'check' | 'apply' | 'held'> {
  const { addresses, instanceId } = wanted
  let taken: TakenAddress | undefined
  return {
    held: () => taken,
    async check({ signal, planning }) {
      const candidates = await candidatesOf(wanted, signal)
      taken = candidates.find(one => one.holder === instanceId)
      if (taken) return []
      const { holder, reason } = await outlook(wanted, candidates, planning, signal)
      return [{ type: holder === null ? 'create' : 'update', field: 'holder', from: holder, to: instanceId, ...(reason !== undefined && { reason }) }]
    },
    async apply(_changes, context) {
      for (let left = wanted.tries - 1; ; left--) {
        const answer = await tryOnce(wanted, context)
        if ('allocationId' in answer) {
          taken = await readBack(wanted, answer.allocationId, context.signal, addresses)
          return
        }
        if (left <= 0) throw refused(wanted, answer)
        context.output('stdout', `${answer.refusal}; asking again in ${wanted.everyMs / 1_000} s (${left} ${left === 1 ? 'try' : 'tries'} left)`)
        await pause(wanted.everyMs, context.signal)
      }
    },
  }
}

function released({ addresses, instanceId, ...wanted }: Wanted): Pick<Resource, 'check' | 'apply'> {
  const ours = async (signal: AbortSignal): Promise<readonly Address[]> => {
    // Without its tag the instance never had one; and what no longer exists is given back.
    try {
      return (await candidatesOf({ ...wanted, addresses, instanceId }, signal)).filter(one => one.holder === instanceId)
    } catch (error) {
      if (error instanceof Failure && error.code === 'address.missing') return []
      throw error
    }
  }
  return {
    async check({ signal }) {
      return (await ours(signal)).map((one): Change => ({ type: 'remove', field: one.allocationId, from: instanceId, to: null }))
    },
    async apply(_changes, { signal }) {
      for (const one of await ours(signal)) await addresses.release(one.allocationId, instanceId, signal)
    },
  }
}

async function candidatesOf({ id, addresses, instanceId, selection }: Wanted, signal: AbortSignal): Promise<readonly Address[]> {
  if ('tags' in selection) return await addresses.byTags(selection.tags, signal)
  if ('allocation' in selection) return [await addresses.byAllocation(selection.allocation, signal)]
  const { tag, value } = selection
  const allocation = (value ?? (await addresses.tag(instanceId, tag, signal)))?.trim()
  if (allocation) return [await addresses.byAllocation(allocation, signal)]
  throw new Failure('address.missing', `${id}: this instance has no tag ${tag}, or an empty one`, {
    hint: `Give the instance (or its group, propagated at launch) the tag ${tag} with an allocation id, or name the address in the role.`,
  })
}

/** What a plan can say: who holds it now, and whether that one would have to be waited for. */
async function outlook(wanted: Wanted, candidates: readonly Address[], planning: boolean, signal: AbortSignal): Promise<{ holder: string | null; reason?: string }> {
  if ('tags' in wanted.selection) return { holder: null, reason: `${candidates.filter(one => one.holder === null).length} of ${candidates.length} are free` }
  const holder = candidates[0]?.holder ?? null
  if (holder === null || !planning) return { holder }
  const state = await wanted.addresses.holderState(holder, signal)
  return { holder, reason: mayTakeFrom(state, wanted.takeover) ? `${holder} is ${state}` : `${holder} is ${state}: it would be waited for` }
}

interface Refusal {
  readonly refusal: string
  readonly allocationIdHeld?: string
}

/** One try: the address, or why not. What the network does is thrown, and no refusal. */
async function tryOnce(wanted: Wanted, { signal }: ApplyContext): Promise<{ readonly allocationId: string } | Refusal> {
  const { addresses, instanceId, selection, takeover, key } = wanted
  const candidates = await candidatesOf(wanted, signal)
  const ours = candidates.find(one => one.holder === instanceId)
  if (ours) return ours
  if ('tags' in selection) {
    for (const one of startingAt(hash(instanceId), candidates.filter(candidate => candidate.holder === null))) {
      if (await took(addresses, one.allocationId, instanceId, null, signal)) return one
    }
    if (candidates.length === 0) return { refusal: `no address carries the tags of the ${key}` }
    const owners = candidates.map(one => `${one.allocationId} by ${one.holder ?? 'another boot'}`)
    return { refusal: `every address of the ${key} is held: ${owners.join(', ')}` }
  }
  const { allocationId, holder } = candidates[0] as Address
  if (holder !== null) {
    const state = await addresses.holderState(holder, signal)
    if (!mayTakeFrom(state, takeover)) return { refusal: `${allocationId} is held by ${holder}, which is ${state}`, allocationIdHeld: allocationId }
  }
  if (await took(addresses, allocationId, instanceId, holder, signal)) return { allocationId }
  const now = (await addresses.byAllocation(allocationId, signal)).holder
  return { refusal: `${allocationId} went to ${now ?? 'somebody else'} a moment before`, allocationIdHeld: allocationId }
}

function mayTakeFrom(state: 'alive' | 'draining' | 'dead', takeover: Takeover): boolean {
  return takeover === 'any' || state === 'dead' || (takeover === 'draining' && state === 'draining')
}

async function took(addresses: Addresses, allocationId: string, instanceId: string, from: string | null, signal: AbortSignal): Promise<boolean> {
  try {
    await addresses.take(allocationId, instanceId, from, signal)
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'address.held') return false
    throw error
  }
}

/** A cloud has said yes to two at once before now: only what it says afterwards counts, and only if it goes on saying so. */
async function readBack({ id, instanceId }: Wanted, allocationId: string, signal: AbortSignal, addresses: Addresses): Promise<TakenAddress> {
  const { settlesInMs } = addresses
  const enough = settlesInMs > 0 ? READS_SETTLED : 1
  let holder: string | null = null
  let ours = 0
  for (let reads = 1, waited = 0; ; reads++) {
    const now = await addresses.byAllocation(allocationId, signal)
    holder = now.holder
    ours = holder === instanceId ? ours + 1 : 0
    if (ours === enough) return now
    if (reads === READS_BACK) break
    await pause(ours > 0 ? settlesInMs / (enough - 1) : FIRST_WAIT_MS * 2 ** waited++, signal)
  }
  throw new Failure('address.lost', `${id}: ${allocationId} was given to this instance (${instanceId}), and ${holder ?? 'nobody'} holds it`, {
    hint: 'Two boots may want it at once: look for another instance with the same address in its role or tag.',
  })
}

/** The cloud's own view settles within seconds: doubling waits, some six seconds in all. */
const READS_BACK = 8
const FIRST_WAIT_MS = 50
/** In a row, evenly over the time it takes to settle. */
const READS_SETTLED = 3

function refused({ id, tries, addresses, takeover, selection }: Wanted, { refusal, allocationIdHeld }: Refusal): Failure {
  const hint = 'tags' in selection
    ? 'Add addresses with these tags, or terminate instances that no longer need theirs.'
    : `${takeover === 'any' ? '' : `takeover: ${takeover} takes it only from an owner that is ${takeover === 'dead' ? 'proven gone' : 'leaving or gone'}. `}${addresses.howToFree(allocationIdHeld ?? '')}`
  return new Failure('address.held', `${id}: ${refusal} (asked ${tries === 1 ? 'once' : `${tries} times`})`, { hint })
}

/** Boots that come together start at different places, each always at its own. */
function startingAt<T>(start: number, list: readonly T[]): readonly T[] {
  const first = list.length === 0 ? 0 : start % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0
  return value
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Node's own error says only that it was aborted; the signal says why.
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}
