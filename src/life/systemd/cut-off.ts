import { join } from 'node:path'
import type { Cloud, RowKey } from '../../core/cloud.ts'
import { asFailure, Failure, MEANINGS } from '../../core/failure.ts'
import type { Machine } from '../../core/machine.ts'
import { runsIn, traceOf, type Trace } from '../../engine/history.ts'
import { readBootMark } from '../../machine/boot.ts'
import { roleOf } from '../decision.ts'
import { keyOfLastBoot } from '../give-up.ts'
import { ownDirectory } from '../own.ts'
import type { Settings } from '../settings.ts'
import type { UnitEnd } from './unit-end.ts'

/** What is to be done about the end of a run.
 *  at work: it goes on, or another does, whose gate is its own; well: it did not fail; on purpose: somebody ended it, or called it wrongly;
 *  told: it has said so itself; cut off: nobody knows of it yet */
export type Verdict = 'at work' | 'well' | 'on purpose' | 'told' | 'cut off'

/** Exit codes of failures that are nobody's but the caller's: the group is not told. */
const ON_PURPOSE: readonly number[] = [MEANINGS.usage.exit, MEANINGS['signal.int'].exit, MEANINGS['signal.term'].exit]

/** @param trace what the run left, if it is known which it was */
export function verdictOn({ result, exitCode, isAtWork }: UnitEnd, trace: Trace | undefined): Verdict {
  if (isAtWork) return 'at work'
  if (result === 'success') return 'well'
  if (result === 'exit-code' && exitCode === MEANINGS['lock.held'].exit) return 'at work'
  if (result === 'exit-code' && exitCode !== undefined && ON_PURPOSE.includes(exitCode)) return 'on purpose'
  // What a run tells last of all is its end: a code of its own without that came from something else. After it nothing is left to be told.
  const toldCode = trace?.exitCode ?? 0
  return toldCode !== 0 && !ON_PURPOSE.includes(toldCode) && toldCode !== MEANINGS['lock.held'].exit ? 'told' : 'cut off'
}

/** In a sentence, for the group, the registry's row and the console. */
export function causeOf({ unit, result, exitCode, signal }: UnitEnd, trace: Trace | undefined): Failure {
  const how = signal === undefined ? `ended with exit code ${exitCode ?? '(none)'}` : `was ended by ${signal}`
  const causes: Readonly<Record<string, string>> = {
    'timeout': `${unit} took longer than systemd allows it (TimeoutStartSec), and was ended`,
    'watchdog': `${unit} did not answer systemd's watchdog any more, and was ended`,
    'oom-kill': `the kernel ended ${unit}: no memory was left`,
    'core-dump': `${unit} crashed: it ${how}`,
    'signal': `${unit} ${how}`,
    'exit-code': `${unit} ${how}, and has told nobody why`,
  }
  const at = trace?.atWork === undefined ? '' : `, while it was at ${trace.atWork}`
  return new Failure('run.killed', `${causes[result] ?? `systemd could not run ${unit} (${result})`}${at}`, { hint: `journalctl --unit ${unit} shows its last lines.` })
}

export interface Place {
  readonly machine: Machine
  readonly settings: Settings
  /** `<run>` and `<state>` on the host. */
  readonly run: string
  readonly state: string
}

/** What the unit's process left of itself, if it was a boot of this machine's present boot. */
export async function traceOfUnit({ machine, settings, run }: Place, { pid }: UnitEnd, cloud: () => Promise<Cloud>, signal: AbortSignal): Promise<Trace | undefined> {
  if (pid === 0) return undefined
  try {
    const runs = join(await ownDirectory(machine, settings, cloud, signal), 'runs')
    const bootedAt = Number.parseInt(readBootMark(run).bootId, 10)
    return runsIn(runs)
      .map(id => traceOf(runs, id))
      .find(trace => trace !== undefined && trace.pid === pid && trace.command === 'boot' && Date.parse(trace.startedAt) >= bootedAt)
  } catch {
    // What is not known was not told: twice is better than never.
    return undefined
  }
}

/** How long the row may take, then the role's history, and then the group. */
const ROW_MS = 30_000
const HISTORY_MS = 10_000
const GROUP_MS = 30_000

export interface Told {
  /** `failed` stands in the registry's row. */
  readonly row: boolean
  /** The group knows; undefined: it is not to (`onFailure`). */
  readonly group: boolean | undefined
  /** What went wrong with it. */
  readonly failures: readonly Failure[]
}

/** Tells the fleet that this instance's run was cut off: its row, if it has one, and then the group. Each is tried whatever became of the other.
 *  @param trace what the run left, if that is known: its row is older than what it decided */
export async function tellCutOff({ state, run }: Place, trace: Trace | undefined, cloud: Cloud, cause: Failure, signal: AbortSignal): Promise<Told> {
  const failures: Failure[] = []
  const tried = async (ms: number, act: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> => {
    try {
      return await act(AbortSignal.any([signal, AbortSignal.timeout(ms)]))
    } catch (error) {
      failures.push(signal.aborted ? asFailure(signal.reason) : asFailure(error))
      return false
    }
  }
  let instanceId: string | undefined
  let key: RowKey | undefined
  const role = trace?.role
  const row = await tried(ROW_MS, async limit => {
    instanceId = (await cloud.metadata.identity(limit)).id
    key = await keyOfLastBoot({ cloud, state, ...(role !== undefined && { role: { name: role } }), self: { instanceId, bootId: readBootMark(run).bootId } }, limit)
    if (key) await cloud.registry.register(key, { state: 'failed', failure: cause.message, bootedInMs: undefined }, limit)
    return key !== undefined
  })
  // A commit that hangs is as bad as one that fails: the breaker counts both.
  await tried(HISTORY_MS, async limit => {
    if (key === undefined || trace?.revision === undefined) return false
    await cloud.revisions.recordFailed(key.role, { revision: trace.revision, appRevision: null, instanceId: key.instanceId, run: trace.run }, cause.message, limit)
    return true
  })
  const onFailure = instanceId === undefined ? 'abandon' : (roleOf(join(state, instanceId))?.onFailure ?? 'abandon')
  if (onFailure !== 'abandon') return { row, group: undefined, failures }
  const group = await tried(GROUP_MS, async limit => {
    await cloud.lifecycle.failed(cause.message, limit)
    return true
  })
  return { row, group, failures }
}
