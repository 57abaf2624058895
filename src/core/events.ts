import type { CallCount } from './cloud.ts'
import type { Change } from './change.ts'
import type { FailureRecord } from './failure.ts'
import type { Phase } from './recipe.ts'
import type { ResourceId } from './resource.ts'

/** How one resource ended. pending: would change, in plans; skipped: not reached, guarded, or not of a staging root. */
export type Outcome = 'unchanged' | 'changed' | 'failed' | 'skipped' | 'pending' | 'unknown'

export type Counts = Readonly<Record<Outcome, number>>

export type GateState = 'open' | 'closed' | 'untouched'

export type GateStep = 'registry' | 'health' | 'url' | 'hook'

export type EventBody =
  | { readonly type: 'run.started'; readonly command: string; readonly version: string; readonly pid: number }
  /** revision: the source's commit, where it has one. */
  | { readonly type: 'run.role'; readonly role: string; readonly groups: readonly string[]; readonly candidates: readonly string[]; readonly revision?: string }
  | { readonly type: 'gate.closed'; readonly step?: GateStep }
  /** phase: of its recipe; absent for what is of none, as the source and the probe. */
  | { readonly type: 'resource.started'; readonly id: ResourceId; readonly phase?: Phase }
  | { readonly type: 'resource.checked'; readonly id: ResourceId; readonly changes: readonly Change[] }
  | { readonly type: 'resource.output'; readonly id: ResourceId; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | {
      readonly type: 'resource.finished'
      readonly id: ResourceId
      readonly outcome: Outcome
      readonly durationMs: number
      /** Why it was skipped or is unknown. */
      readonly reason?: string
      /** Of what a boot changed: why no image can have it, whatever its phase. */
      readonly leftToBoot?: string
      readonly error?: FailureRecord
    }
  | { readonly type: 'run.verified'; readonly checked: number }
  | { readonly type: 'gate.opened'; readonly step?: GateStep }
  | { readonly type: 'gate.kept-closed'; readonly reason: string }
  /** The registry's row is renewed from here on, until another event says otherwise. */
  | { readonly type: 'lease.kept'; readonly role: string; readonly everyMs: number; readonly load: number }
  /** It could not be renewed; it is tried again. */
  | { readonly type: 'lease.missed'; readonly error: FailureRecord }
  | {
      readonly type: 'run.finished'
      readonly counts: Counts
      readonly gate: GateState
      readonly role: string | null
      readonly exitCode: number
      readonly durationMs: number
      /** What the cloud was asked, by API. */
      readonly calls?: Readonly<Record<string, CallCount>>
      readonly error?: FailureRecord
    }

export type EventType = EventBody['type']

/** Every event carries its run and the time, ISO 8601 in UTC. */
export type Event = EventBody & { readonly run: string; readonly at: string }

/** Gets every event in order, as it happens. Must not throw. */
export type EventSink = (event: Event) => void

export function noCounts(): Record<Outcome, number> {
  return { unchanged: 0, changed: 0, failed: 0, skipped: 0, pending: 0, unknown: 0 }
}
