import type { Cloud, RowKey } from '../core/cloud.ts'
import type { Role } from '../core/role.ts'
import type { Journal } from '../engine/journal.ts'
import type { Gates } from '../gate/gates.ts'
import type { Lock } from '../machine/lock.ts'

/** What a boot has taken hold of so far: for whoever has to let go of it. */
export interface Held {
  lock?: Lock
  /** The machine is this run's to close and to tell of: it has the lock, or nobody can have it and the gate is open. */
  isMine?: boolean
  /** `<run>/health` on the host. */
  health?: string
  /** `<state>` on the host. */
  state?: string
  cloud?: Cloud
  role?: Role
  /** The source's commit. */
  revision?: string | undefined
  /** In whose history a failure counts while there is no row. */
  roleOfHistory?: (signal: AbortSignal) => Promise<string | undefined>
  /** Who this is, as the registry has it, without its role. */
  self?: Omit<RowKey, 'role'>
  key?: RowKey
  gates?: Gates
  journal?: Journal
  /** Ends what goes on beside the run: lease and heartbeats. */
  stops: (() => void)[]
  /** When what it had started, and ended, is gone. */
  ended?: () => Promise<void>
  recorded?: boolean
  /** The group is to wait for a human. */
  hold?: boolean
}

/** Lets go of what ends with the run. */
export function letGo(held: Held): void {
  for (const stop of held.stops.splice(0)) stop()
  held.journal?.close()
  held.lock?.release()
}
