import { compareBoots } from '../../core/boot-id.ts'
import { Failure } from '../../core/failure.ts'
import type { Item } from './attributes.ts'
import type { ItemKey, Items } from './items.ts'

/** Who may associate an address: the row `#address`/<allocation id>. */
export interface Claim {
  readonly allocationId: string
  /** An instance id. */
  readonly holder: string
  readonly bootId: string
  /** +1 with every write. */
  readonly seq: number
}

export interface Claims {
  read(allocationId: string, signal: AbortSignal): Promise<Claim | undefined>
  /** Claims the address: nobody's, this instance's own already (of this boot: nothing is written; of an earlier one: taken over), or the very claim
   *  `from`, which the caller has proof to take. One step no other run can share.
   *  @param from as it was read: one that was written to since is not taken
   *  @throws Failure `address.held` when another holds it, or a later boot of this instance */
  claim(allocationId: string, holder: string, bootId: string, from: Claim | undefined, signal: AbortSignal): Promise<Claim>
  /** Gives it back, if this instance claimed it in this boot or an earlier one; else does nothing: false. */
  release(allocationId: string, holder: string, bootId: string, signal: AbortSignal): Promise<boolean>
}

/** Claims come before every association, because EC2 has told two at once that one address is theirs. */
export function claims(items: Items): Claims {
  return {
    async read(allocationId, signal) {
      const item = await items.read(keyOf(allocationId), signal)
      return item && claimOf(item)
    },

    async claim(allocationId, holder, bootId, from, signal) {
      const judge = (old: Item | undefined): Item => {
        const next = { ...keyOf(allocationId), holder, bootId, seq: Number(old?.seq ?? 0) + 1 }
        if (old === undefined) return next
        if (old.holder === holder) {
          if (old.bootId === bootId) return old
          if (compareBoots(bootId, String(old.bootId)) !== 'older') return next
          throw new Failure('address.held', `${allocationId} is claimed by boot ${String(old.bootId)} of ${holder}, which is later than this one (${bootId})`, {
            hint: 'This instance was started again since: only its latest boot speaks for it.',
          })
        }
        if (from && old.holder === from.holder && old.seq === from.seq && old.bootId === from.bootId) return next
        throw new Failure('address.held', `${allocationId} is claimed by ${String(old.holder)} in the table ${items.table}`)
      }
      return claimOf(await items.change(keyOf(allocationId), judge, signal))
    },

    release: (allocationId, holder, bootId, signal) => items.remove(keyOf(allocationId), { holder, bootId: { upTo: bootId } }, signal),
  }
}

function keyOf(allocationId: string): ItemKey {
  return { role: '#address', instanceId: allocationId }
}

function claimOf({ instanceId, holder, bootId, seq }: Item): Claim {
  return { allocationId: String(instanceId), holder: String(holder), bootId: String(bootId), seq: Number(seq) }
}
