import { compareBoots } from '../core/boot-id.ts'
import type { Registry, RowKey } from '../core/cloud.ts'
import { asFailure } from '../core/failure.ts'
import { readDecision, type Decision } from './decision.ts'

export interface Former {
  readonly registry: Registry
  readonly self: Omit<RowKey, 'role'>
  /** `<state>/<instance id>` on the host. */
  readonly own: string
  readonly warn: (text: string) => void
}

/** Takes away the row that the last boot left in a role which the instance has no more: it would count as a member there. An unchanged instance asks
 *  nobody. Where it can't be had (the new role's policy may not allow it), that is told, and no reason to stay out of traffic.
 *  @param stays the role in which this boot may have a row; undefined: it has none */
export async function leaveFormerRole({ registry, self, own, warn }: Former, stays: string | undefined, signal: AbortSignal): Promise<void> {
  const last = lastDecision(own)
  if (!last?.registered || last.role === stays) return
  try {
    const row = await registry.read(last.role, self.instanceId, signal)
    if (row && compareBoots(self.bootId, row.bootId) !== 'older') await registry.remove({ ...self, role: last.role, bootId: row.bootId }, signal)
  } catch (error) {
    signal.throwIfAborted()
    warn(`the row of ${self.instanceId} in its former role ${last.role} could not be taken away (sunup registry remove ${self.instanceId} --role ${last.role}): ${asFailure(error).message}`)
  }
}

/** One that can't be read is made anew by this boot. */
function lastDecision(own: string): Decision | undefined {
  try {
    return readDecision(own)
  } catch {
    return undefined
  }
}
