import type { Lifecycle } from '../core/cloud.ts'
import type { Gate } from '../core/gate.ts'

/** The group's launch hook, which balancers wait for. Completed, it can't be taken back: that is why it is the last. */
export function launchHookGate({ lifecycle }: { readonly lifecycle: Lifecycle }): Gate {
  return {
    step: 'hook',
    open: (_verified, signal) => lifecycle.ready(signal),
    async close() {},
  }
}
