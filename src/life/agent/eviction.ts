import { join } from 'node:path'
import type { Cloud, RowKey } from '../../core/cloud.ts'
import { asFailure } from '../../core/failure.ts'
import { ownPath } from '../../core/own-path.ts'
import type { RunControl } from '../../engine/run.ts'
import { emptyHealth } from '../../gate/health-file.ts'
import { tryLock } from '../../machine/lock.ts'
import { roleOf } from '../decision.ts'
import { letGo, type Held } from '../held.ts'

/** What an instance can't serve without: its row in the registry, the address that it is asked at. */
export type Loss = 'registry.lost' | 'address.lost'

export interface Serving {
  readonly control: RunControl
  readonly cloud: Cloud
  readonly held: Held
  /** `<run>` and `<state>` on the host. */
  readonly run: string
  readonly state: string
}

/** Looks once more while no run can be at work. If it is lost still, the gate is closed, and the machine this agent's to tell of.
 *  @param self who this is
 *  @param key of its row; undefined: it has none
 *  @param look throws where it is lost
 *  @returns false: a run is at work, and it is for that to say
 *  @throws Failure of `loss` */
export async function whileAlone({ held, run, state, control, cloud }: Serving, self: Omit<RowKey, 'role'>, key: RowKey | undefined, loss: Loss, look: () => Promise<void>): Promise<boolean> {
  try {
    const lock = tryLock(join(run, 'lock'), { command: 'watch', pid: process.pid })
    if (lock === undefined) return false
    held.lock = lock
  } catch {
    // A lock that nobody can have must not keep the gate open.
  }
  try {
    await look()
    letGo(held)
    return true
  } catch (error) {
    if (asFailure(error).code !== loss) {
      letGo(held)
      throw error
    }
    const own = ownPath(state, self.instanceId)
    const role = roleOf(own)
    Object.assign(held, { isMine: true, health: join(run, 'health'), state, cloud, self, ...(key && { key }), ...(role && { role }) } satisfies Partial<Held>)
    close(held, control, ownPath(own, 'runs', control.id))
    throw error
  }
}

/** What of it fails is tried again by whoever gives up, and told. */
function close(held: Held, control: RunControl, record: string): void {
  try {
    emptyHealth(held.health as string)
    control.story.tell({ type: 'gate.closed', step: 'health' })
    control.gate('closed')
    control.records.keepIn(record)
    held.recorded = true
  } catch {
    // The failure that counts is the one that was before.
  }
}
