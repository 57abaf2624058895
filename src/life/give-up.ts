import { join } from 'node:path'
import type { RowKey } from '../core/cloud.ts'
import { asFailure, Failure } from '../core/failure.ts'
import type { Role } from '../core/role.ts'
import type { RunControl } from '../engine/run.ts'
import { emptyHealth } from '../gate/health-file.ts'
import { readDecision } from './decision.ts'
import type { Held } from './held.ts'
import { unknownDirectory } from './own.ts'
import { makeState } from './state.ts'

/** How long closing and writing down may take once a run has failed, and then telling. */
export interface Limits {
  readonly closingMs: number
  readonly tellingMs: number
}

/** A registry that is silent must not use up the time in which the group is told. */
const LIMITS: Limits = { closingMs: 30_000, tellingMs: 30_000 }
/** Failures that are nobody's but the caller's: the group is not told. */
const UNTOLD: readonly Failure['code'][] = ['lock.held', 'usage', 'signal.int', 'signal.term']

/** A boot has failed: out of traffic, written down, and told, in this order. Each is tried whatever became of the one before.
 *  @param attended somebody looks on: the group is told nothing
 *  @returns the failure to tell: it says so, too, when the gate could not be closed */
export async function giveUp(attended: boolean, control: RunControl, held: Held, reason: Failure, { closingMs, tellingMs } = LIMITS): Promise<Failure> {
  if (!held.isMine) return reason
  const signal = AbortSignal.timeout(closingMs)
  const anyway = async (act: () => unknown): Promise<Failure | undefined> => {
    try {
      await act()
    } catch (error) {
      // The failure that counts is the first one; what follows from it must not hide it.
      return asFailure(error)
    }
    return undefined
  }
  for (const stop of held.stops.splice(0)) stop()
  await anyway(() => held.gates?.close(signal))
  const left = await anyway(() => held.health !== undefined && emptyHealth(held.health))
  control.gate(left ? 'open' : 'closed')
  const failure = left ? unclosed(reason, left) : reason
  await anyway(() => held.ended?.())
  await anyway(async () => {
    const key = held.key ?? (await keyOfLastBoot(held, signal))
    if (key) await held.cloud?.registry.register(key, { state: 'failed', failure: reasonOf(failure), bootedInMs: undefined }, signal)
  })
  if (!left) control.story.tell({ type: 'gate.kept-closed', reason: failure.message })
  const { state } = held
  if (!held.recorded && state !== undefined) {
    await anyway(() => {
      makeState(state)
      control.records.keepIn(join(unknownDirectory(state, control.id), 'runs', control.id))
    })
  }
  await anyway(() => control.records.flush())
  if (UNTOLD.includes(failure.code)) return failure
  await anyway(() => recordFailed(control, held, failure, signal))
  if (attended) return failure
  const onFailure = held.role?.onFailure ?? 'abandon'
  held.hold = onFailure === 'hold'
  if (onFailure !== 'abandon') return failure
  const untold = await anyway(() => held.cloud?.lifecycle.failed(reasonOf(failure), AbortSignal.timeout(tellingMs)))
  return untold ? silenced(failure, untold) : failure
}

/** A failure that the group does not know of: it waits for this instance until its hook's timeout. */
function silenced({ code, message, hint, output, subject, cause }: Failure, untold: Failure): Failure {
  const more = `The group could not be told: ${untold.message}`
  return new Failure(code, message, { hint: [hint, more, untold.hint].filter(one => one !== undefined).join('\n'), output, subject, cause })
}

/** A failure whose gate could not be closed: of the two, that is what somebody has to look at now. */
export function unclosed(failure: Failure, left: Failure): Failure {
  if (failure.message.includes(left.message)) return failure
  const { code, message, hint, output, subject } = failure
  return new Failure(code, `${message}; and ${left.message}`, { hint: [left.hint, hint].filter(one => one !== undefined).join('\n') || undefined, output, subject, cause: failure })
}

/** Of the row that an earlier boot left, when this one failed before it came to write it: it may still say `in-service`. */
export async function keyOfLastBoot({ cloud, role, self, state }: Pick<Held, 'cloud' | 'self' | 'state'> & { readonly role?: Pick<Role, 'name'> | undefined }, signal: AbortSignal): Promise<RowKey | undefined> {
  if (cloud === undefined || self === undefined || state === undefined) return undefined
  const name = role?.name ?? readDecision(join(state, self.instanceId))?.role
  if (name === undefined || (await cloud.registry.read(name, self.instanceId, signal)) === undefined) return undefined
  return { role: name, ...self }
}

/** Failures that are no revision's: its repository is out of reach, or it is not even looked at. */
const OF_NO_REVISION: readonly Failure['code'][] = ['source.unreachable', 'source.unsigned']

/** Where the role has a registry, the fleet is to know that this revision failed here, also where that is why no role could be read. */
async function recordFailed({ id }: RunControl, { cloud, key, self, revision, roleOfHistory }: Held, failure: Failure, signal: AbortSignal): Promise<void> {
  if (cloud === undefined || self === undefined || revision === undefined || OF_NO_REVISION.includes(failure.code)) return
  const role = key?.role ?? (await roleOfHistory?.(signal))
  if (role === undefined) return
  await cloud.revisions.recordFailed(role, { revision, appRevision: null, instanceId: self.instanceId, run: id }, reasonOf(failure), signal)
}

/** For the registry's row and the group: what failed, with the last it said. */
function reasonOf({ message, output }: Failure): string {
  return output === undefined ? message : `${message}\n${output.split('\n').slice(-5).join('\n')}`
}
