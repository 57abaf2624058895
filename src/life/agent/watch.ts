import { join } from 'node:path'
import type { Row, RowKey } from '../../core/cloud.ts'
import { showDuration } from '../../core/duration.ts'
import { asFailure, exitCodeOf, Failure, failureRecord } from '../../core/failure.ts'
import { ownPath } from '../../core/own-path.ts'
import { run, type Ended, type Frame, type RunControl } from '../../engine/run.ts'
import { readBootMark } from '../../machine/boot.ts'
import { holderOf } from '../../machine/lock.ts'
import type { BootParts } from '../boot.ts'
import { readDecision } from '../decision.ts'
import { giveUp } from '../give-up.ts'
import { letGo, type Held } from '../held.ts'
import { lookAtAddress } from './address.ts'
import { whileAlone, type Loss, type Serving } from './eviction.ts'
import { renewRow } from './renewal.ts'
import { runDirectoryOf, stateDirectoryOf } from '../settings.ts'

export interface WatchParts extends Pick<BootParts, 'machine' | 'settings' | 'cloud' | 'attended' | 'warn'> {
  /** The 1-minute load per core, now. */
  readonly load: () => number
}

/** What the agent knows from one round to the next. */
interface Watch extends Serving {
  readonly load: () => number
  readonly warn: (text: string) => void
  readonly everyMs: number
  /** Who this is; asked until it is known. */
  instanceId?: string
  /** The row as this process wrote it last. */
  last?: Row
  /** What was told: of which role the row is kept, or that it is not. Only what is otherwise is told. */
  told?: { readonly kept: string } | 'missed'
  /** That it can't be told whether the address is kept. */
  warned?: boolean
  /** Rounds in a row that found it gone. */
  lost: Partial<Record<Loss, number>>
}

/** How often a row or an address is to be found gone, a third of a lease apart, before that is believed. */
const LOST_ROUNDS = 2
/** The exit code of what the user wrote. */
const WRITTEN_WRONG = 78

/** Keeps this boot's row in the registry believed, with the load, every third of a lease, until a signal ends it. Holds no lock: a boot or drain that is
 *  at work keeps the lease itself, and is left to it. A registry that does not answer is asked again in the next round, for ever: nobody is evicted
 *  because the control plane is out of reach. Only a row that is a later boot's, or was taken away, ends it, and an address that was taken from the
 *  instance: it closes the gate then, and tells the group, as a boot that failed would. Where this boot has no row there is nothing to keep, and it waits for one.
 *  @throws Failure (told as the run's end) `registry.lost`, `address.lost`, and what is written wrong (78), which leaves the gate as it is */
export async function watch(frame: Frame, parts: WatchParts): Promise<Ended> {
  const held: Held = { stops: [] }
  try {
    return await run(frame, control => keep(parts, control, held), (failure, control) => giveUp(parts.attended, control, held, failure))
  } finally {
    letGo(held)
  }
}

async function keep({ settings: read, machine, cloud: cloudOf, load, warn }: WatchParts, control: RunControl, held: Held): Promise<void> {
  const { clock, signal } = control
  const settings = read()
  const directory = runDirectoryOf(machine, settings)
  const cloud = await cloudOf(settings, { bootId: () => readBootMark(directory).bootId, registeredAs: () => undefined, isPatient: false, warn })
  control.calls(() => cloud.calls)
  const watching: Watch = { control, cloud, held, load, run: directory, state: stateDirectoryOf(machine, settings), everyMs: Math.floor(cloud.registry.leaseMs / 3), warn, lost: {} }
  try {
    for (;;) {
      const startedAt = clock.monotonic()
      await round(watching)
      // They begin a third of a lease apart, however long they take.
      await clock.sleep(Math.max(0, watching.everyMs - (clock.monotonic() - startedAt)), signal)
    }
  } catch (error) {
    const reason = asFailure(error)
    if (reason.code !== 'signal.int' && reason.code !== 'signal.term') throw reason
    // How an agent ends: nothing has failed, and the gate is as it was.
    control.exit(exitCodeOf(reason))
  }
}

/** @throws Failure what ends the agent; everything else is for the next round */
async function round(watching: Watch): Promise<void> {
  const { control, everyMs, run, told } = watching
  if (isBusy(run)) {
    watching.lost = {}
    return
  }
  // First, and with a part of the time alone: a registry that is silent must not keep it from being seen.
  await keepAddress(watching, AbortSignal.any([control.signal, AbortSignal.timeout(Math.floor(everyMs / 3))]))
  const limitMs = Math.floor((everyMs * 2) / 3)
  const limit = AbortSignal.timeout(limitMs)
  const signal = AbortSignal.any([control.signal, limit])
  try {
    const key = await ownRow(watching, signal)
    if (key) await renew(watching, key, signal)
  } catch (error) {
    control.signal.throwIfAborted()
    const failure = limit.aborted ? new Failure('cloud.unreachable', `no answer within ${showDuration(limitMs)}`, { cause: error }) : asFailure(error)
    if (exitCodeOf(failure) === WRITTEN_WRONG || watching.held.isMine) throw failure
    if (told !== 'missed') control.story.tell({ type: 'lease.missed', error: failureRecord(failure) })
    watching.told = 'missed'
  }
}

/** What can't be looked at is not lost. @throws Failure `address.lost` */
async function keepAddress(watching: Watch, signal: AbortSignal): Promise<void> {
  const { run, cloud, control, instanceId } = watching
  if (instanceId === undefined) return
  const self = { instanceId, bootId: readBootMark(run).bootId }
  const look = async (): Promise<void> => {
    await lookAtAddress(run, self, cloud, signal)
    watching.lost['address.lost'] = 0
    watching.warned = false
  }
  try {
    await look()
  } catch (error) {
    control.signal.throwIfAborted()
    const { code, message } = asFailure(error)
    if (code === 'address.lost') {
      if (isBelieved(watching, code)) await whileAlone(watching, self, undefined, code, look)
      return
    }
    if (watching.warned !== true) watching.warn(`whether this instance still has its address can't be told: ${message}`)
    watching.warned = true
  }
}

function isBelieved({ lost }: Watch, loss: Loss): boolean {
  lost[loss] = (lost[loss] ?? 0) + 1
  return lost[loss] >= LOST_ROUNDS
}

/** Whether a run is at work on this machine. */
function isBusy(run: string): boolean {
  return holderOf(join(run, 'lock')) !== undefined
}

/** undefined: this boot has none. */
async function ownRow(watching: Watch, signal: AbortSignal): Promise<RowKey | undefined> {
  const { cloud, control, state, run } = watching
  watching.instanceId ??= (await cloud.metadata.identity(signal)).id
  const decision = readDecision(ownPath(state, watching.instanceId))
  if (decision) control.role(decision.role)
  return decision?.registered ? { role: decision.role, instanceId: watching.instanceId, bootId: readBootMark(run).bootId } : undefined
}

async function renew(watching: Watch, key: RowKey, signal: AbortSignal): Promise<void> {
  const { cloud, control, everyMs, told } = watching
  const load = watching.load()
  const write = async (): Promise<void> => {
    watching.last = await renewRow(cloud.registry, key, { load }, watching.last, control.clock.now(), signal)
    watching.lost['registry.lost'] = 0
  }
  try {
    await write()
  } catch (error) {
    if (asFailure(error).code !== 'registry.lost' || !isBelieved(watching, 'registry.lost')) throw error
    const { role: _role, ...self } = key
    if (!(await whileAlone(watching, self, key, 'registry.lost', write))) return
  }
  if (typeof told === 'object' && told.kept === key.role) return
  control.story.tell({ type: 'lease.kept', role: key.role, everyMs, load })
  watching.told = { kept: key.role }
}
