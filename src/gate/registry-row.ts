import type { MemberState, Registry, RowKey, RowPatch } from '../core/cloud.ts'
import type { Gate } from '../core/gate.ts'

export interface RegistryRowOptions {
  readonly registry: Registry
  readonly key: RowKey
  /** What is known when it opens: bootedInMs, revision, appRevision. */
  readonly facts: () => RowPatch
  /** What a closed gate means. Default: booting; in a drain draining, after a failure failed. */
  readonly closedAs?: Exclude<MemberState, 'in-service'>
  /** Why, beside `failed`. */
  readonly failure?: string | undefined
}

/** The row that tells balancers and monitors of this member. Closing makes it where it is missing; opening does not, for a row that went
 *  away meanwhile was taken away. Both fail with `registry.lost` when a later boot of this instance owns it. */
export function registryRowGate({ registry, key, facts, closedAs = 'booting', failure }: RegistryRowOptions): Gate {
  return {
    step: 'registry',
    async open(_verified, signal) {
      await registry.update(key, { ...facts(), state: 'in-service', failure: undefined }, signal)
    },
    async close(signal) {
      // What the last opening said is not true of the next one.
      const past: RowPatch = closedAs === 'booting' ? { bootedInMs: undefined, failure: undefined } : closedAs === 'failed' ? { failure } : {}
      await registry.register(key, { ...past, state: closedAs }, signal)
    },
  }
}
