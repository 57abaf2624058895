import type { FailureRecord } from '../core/failure.ts'
import type { ResourceReport } from '../core/report.ts'
import type { ResourceId } from '../core/resource.ts'

/** Resources that were skipped for one reason. */
export interface SkippedGroup {
  readonly reason: string
  count: number
  /** The first few. */
  readonly ids: ResourceId[]
}

export interface Slow {
  readonly id: ResourceId
  readonly durationMs: number
}

/** What the end of a run says of its resources, gathered as they finish: each costs the same, however many there are. */
export interface Tally {
  note(resource: Pick<ResourceReport, 'id' | 'outcome' | 'durationMs' | 'reason' | 'error'>): void
  /** In the order of their first. */
  skipped(): Iterable<SkippedGroup>
  /** The slowest of those that matter, slowest first.
   *  @param runMs how long the whole run took */
  slow(runMs: number): readonly Slow[]
  /** Which resource failed with just this, so that it isn't told twice. */
  blamed(error: FailureRecord): ResourceId | undefined
}

const SHOWN = 3
/** Below this nobody waits. */
const SLOW_MS = 50
const SLOW_PART = 0.1

export function tally(): Tally {
  const skipped = new Map<string, SkippedGroup>()
  const failed = new Map<string, ResourceId>()
  const slowest: Slow[] = []
  return {
    note({ id, outcome, durationMs, reason, error }) {
      if (outcome === 'skipped') noteSkipped(skipped, reason ?? 'no reason was given', id)
      if (error) failed.set(keyOf(error), id)
      if (durationMs <= SLOW_MS || durationMs <= (slowest[SHOWN - 1]?.durationMs ?? 0)) return
      slowest.push({ id, durationMs })
      slowest.sort((a, b) => b.durationMs - a.durationMs)
      slowest.splice(SHOWN)
    },
    skipped: () => skipped.values(),
    slow: runMs => slowest.filter(one => one.durationMs > runMs * SLOW_PART),
    blamed: error => failed.get(keyOf(error)),
  }
}

function noteSkipped(groups: Map<string, SkippedGroup>, reason: string, id: ResourceId): void {
  const group = groups.get(reason) ?? { reason, count: 0, ids: [] }
  group.count++
  if (group.ids.length < SHOWN) group.ids.push(id)
  groups.set(reason, group)
}

function keyOf({ code, message }: FailureRecord): string {
  return `${code}\n${message}`
}
