import type { Counts } from '../core/events.ts'
import { asFailure, Failure, failureRecord } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'
import type { Role } from '../core/role.ts'
import type { RunControl } from '../engine/run.ts'
import { probe } from '../gate/probe.ts'

/** Asks the role's probe, told like a resource: what is settled must also answer before anything opens.
 *  @throws Failure `probe.failed` */
export async function askProbe({ health }: Role, machine: Machine, control: RunControl, counts: Counts): Promise<void> {
  if (health.probe === undefined) return
  const { story, clock, signal } = control
  const id = `probe[${health.probe.url}]`
  const startedAt = clock.monotonic()
  const durationMs = (): number => Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000
  story.tell({ type: 'resource.started', id })
  if (machine.staging) {
    story.tell({ type: 'resource.finished', id, outcome: 'skipped', durationMs: 0, reason: 'a staging root has no server to ask' })
    return control.counts({ ...counts, skipped: counts.skipped + 1 })
  }
  try {
    await probe(health.probe, signal, clock)
    story.tell({ type: 'resource.finished', id, outcome: 'unchanged', durationMs: durationMs() })
    control.counts({ ...counts, unchanged: counts.unchanged + 1 })
  } catch (error) {
    const failure = signal.reason instanceof Failure ? signal.reason : asFailure(error)
    story.tell({ type: 'resource.finished', id, outcome: 'failed', durationMs: durationMs(), error: failureRecord(failure) })
    control.counts({ ...counts, failed: counts.failed + 1 })
    throw failure
  }
}
