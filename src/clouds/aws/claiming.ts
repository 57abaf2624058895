import type { HolderState } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import type { Claim, Claims } from './claims.ts'

export interface ClaimingOptions {
  readonly claims: Claims
  readonly bootId: () => string
  readonly clock: Clock
  holderState(instanceId: string, signal: AbortSignal): Promise<HolderState>
  /** Who holds the address by EC2's word, asked anew. */
  holderOf(allocationId: string, signal: AbortSignal): Promise<string | null>
}

/** The right to associate an address, for a moment. */
export interface Claiming {
  /** @param from whose claim may be taken, besides that of one that is proven dead
   *  @returns ensures, before each association, that the right is still ours
   *  @throws Failure `address.held`, naming who claims it */
  claim(allocationId: string, instanceId: string, from: string | null, signal: AbortSignal): Promise<() => Promise<void>>
  release(allocationId: string, instanceId: string, signal: AbortSignal): Promise<void>
}

/** For so long a claim that was read is acted on without reading it again. */
const FRESH_MS = 20_000
/** A claim that stood unchanged for so long by this reader's clock, and whose holder does not hold the address, was left behind: longer than the
 *  time from a claim's last look (FRESH_MS) through one association, its timeouts and all. */
const STALE_MS = 55_000

export function claiming({ claims, bootId, clock, holderState, holderOf }: ClaimingOptions): Claiming {
  /** Claims of others as they were first seen, by allocation. */
  const seen = new Map<string, { readonly claim: Claim; readonly at: number }>()

  function ageOf(claim: Claim): number {
    const before = seen.get(claim.allocationId)
    if (before && sameClaim(before.claim, claim)) return clock.monotonic() - before.at
    seen.set(claim.allocationId, { claim, at: clock.monotonic() })
    return 0
  }

  /** Whether a claim of another is in nobody's way. */
  async function mayTake(claim: Claim, from: string | null, signal: AbortSignal): Promise<boolean> {
    if (claim.holder === from) return true
    const age = ageOf(claim)
    if ((await holderState(claim.holder, signal)) === 'dead') return true
    return age >= STALE_MS && (await holderOf(claim.allocationId, signal)) !== claim.holder
  }

  async function take(allocationId: string, instanceId: string, from: string | null, signal: AbortSignal): Promise<void> {
    try {
      await claims.claim(allocationId, instanceId, bootId(), undefined, signal)
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'address.held') throw error
      const claim = await claims.read(allocationId, signal)
      if (claim && (claim.holder === instanceId || !(await mayTake(claim, from, signal)))) throw error
      await claims.claim(allocationId, instanceId, bootId(), claim, signal)
    }
  }

  return {
    async claim(allocationId, instanceId, from, signal) {
      await take(allocationId, instanceId, from, signal)
      let lookedAt = clock.monotonic()
      return async () => {
        if (clock.monotonic() - lookedAt < FRESH_MS) return
        const claim = await claims.read(allocationId, signal)
        if (claim?.holder !== instanceId || claim.bootId !== bootId()) throw new Failure('address.held', `${allocationId} is claimed by ${claim?.holder ?? 'nobody'} by now`)
        lookedAt = clock.monotonic()
      }
    },
    async release(allocationId, instanceId, signal) {
      await claims.release(allocationId, instanceId, bootId(), signal)
    },
  }
}

function sameClaim(one: Claim, other: Claim): boolean {
  return one.holder === other.holder && one.bootId === other.bootId && one.seq === other.seq
}
