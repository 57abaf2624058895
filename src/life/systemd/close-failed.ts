import { join } from 'node:path'
import type { Cloud } from '../../core/cloud.ts'
import { asFailure, type Failure } from '../../core/failure.ts'
import type { Trace } from '../../engine/history.ts'
import { tryLock, type Lock } from '../../machine/lock.ts'
import { closeHealth } from '../close-health.ts'
import { causeOf, tellCutOff, traceOfUnit, verdictOn, type Place, type Told, type Verdict } from './cut-off.ts'
import { unitEnd, type UnitEnd } from './unit-end.ts'

export interface CloseFailedParts extends Place {
  /** Of a sunup.yaml that can't be read: `settings` are then those of none. */
  readonly fault: Failure | undefined
  readonly cloud: () => Promise<Cloud>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Somebody looks on: the group is told nothing. */
  readonly attended: boolean
}

export interface ClosedFailed {
  readonly verdict: Verdict
  readonly end: UnitEnd
  /** `<run>/health` on the host. */
  readonly directory: string
  /** Whether anything was in it; undefined: it was left as it is. */
  readonly wasOpen: boolean | undefined
  /** What there was to tell. */
  readonly cause: Failure | undefined
  readonly told: Told | undefined
}

const ASKING_MS = 20_000

/** After sunup.service has failed: closes the gate, and tells what that could not tell itself any more, because it was killed, timed out or never ran.
 *  A gate is left as it is where nothing has failed, and where a run is at work, whose gate it is.
 *  What can't be asked in time is not waited for: all of it takes two minutes at most.
 *  @throws Failure `file.denied` when the gate can't be closed; `service.failed` when systemd can't be asked, after it was closed */
export async function closeFailed(parts: CloseFailedParts, signal: AbortSignal): Promise<ClosedFailed> {
  const { machine, run, fault, env, attended, cloud } = parts
  const directory = join(run, 'health')
  const left = (verdict: Verdict, end: UnitEnd): ClosedFailed => ({ verdict, end, directory, wasOpen: undefined, cause: undefined, told: undefined })
  const within = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(ASKING_MS)])
  let end: UnitEnd
  try {
    end = await unitEnd(env, machine, within())
  } catch (error) {
    closeHealth(machine, run, fault)
    throw error
  }
  const first = verdictOn(end, undefined)
  if (first === 'at work' || first === 'well') return left(first, end)
  const lock = lockOf(run)
  if (lock === 'held') return left('at work', end)
  try {
    let unclosed: Failure | undefined
    let wasOpen = false
    try {
      wasOpen = closeHealth(machine, run, fault)
    } catch (error) {
      unclosed = asFailure(error)
    }
    const trace = first === 'cut off' ? await traceOfUnit(parts, end, cloud, within()) : undefined
    const verdict = verdictOn(end, trace)
    // Without a configuration it did not know whom to tell; what the defaults lead to can still be tried.
    const cause = unclosed ?? (verdict === 'cut off' ? causeOf(end, trace) : verdict === 'told' ? fault : undefined)
    const told = cause === undefined || attended ? undefined : await tell(parts, trace, cause, signal)
    if (unclosed) throw unclosed
    return { verdict, end, directory, wasOpen, cause, told }
  } finally {
    lock?.release()
  }
}

/** A lock that nobody can have is no reason to leave the gate open. */
function lockOf(run: string): Lock | 'held' | undefined {
  try {
    return tryLock(join(run, 'lock'), { command: 'close', pid: process.pid }) ?? 'held'
  } catch {
    return undefined
  }
}

async function tell(parts: CloseFailedParts, trace: Trace | undefined, cause: Failure, signal: AbortSignal): Promise<Told> {
  try {
    return await tellCutOff(parts, trace, await parts.cloud(), cause, signal)
  } catch (error) {
    return { row: false, group: false, failures: [asFailure(error)] }
  }
}
