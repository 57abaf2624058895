import { join } from 'node:path'
import type { Cloud, CloudUser, RowKey } from '../core/cloud.ts'
import { showDuration } from '../core/duration.ts'
import type { EventSink } from '../core/events.ts'
import { asFailure, Failure } from '../core/failure.ts'
import type { Gate, Verified } from '../core/gate.ts'
import type { Instance } from '../core/instance.ts'
import type { Machine } from '../core/machine.ts'
import { ownPath } from '../core/own-path.ts'
import { converge } from '../engine/converge.ts'
import { journal } from '../engine/journal.ts'
import { pins } from '../engine/pins.ts'
import { run, type Ended, type Frame, type RunControl } from '../engine/run.ts'
import { gates } from '../gate/gates.ts'
import { healthFileGate } from '../gate/health-file.ts'
import { healthUrlGate } from '../gate/health-url.ts'
import { launchHookGate } from '../gate/launch-hook.ts'
import { registryRowGate } from '../gate/registry-row.ts'
import { bootMark, readBootMark } from '../machine/boot.ts'
import { endLeftovers } from '../machine/leftovers.ts'
import { holderOf } from '../machine/lock.ts'
import { breaker } from './source/breaker.ts'
import { closeHealth } from './close-health.ts'
import { keepDecision } from './decision.ts'
import { leaveFormerRole } from './former-row.ts'
import { giveUp, unclosed } from './give-up.ts'
import { heartbeats, HOLD_MS, holdOn } from './heartbeat.ts'
import { letGo, type Held } from './held.ts'
import { keepLease } from './lease.ts'
import { noteAddress } from './noted-address.ts'
import { chooseRole, outset, type Outset } from './outset.ts'
import { possess } from './possession.ts'
import { askProbe } from './proof.ts'
import { readingFor, withSource, type Reading, type Repository } from './source/repository.ts'
import { failuresOf, runDirectoryOf, settingsOf, stateDirectoryOf, type Settings } from './settings.ts'
import { addressOf, appRevisionOf, stagesOf } from './stages.ts'
import { makeState } from './state.ts'

export interface BootParts {
  readonly machine: Machine
  readonly settings: () => Settings
  /** Asked where the settings can't be read: the `run` that they seem to name. */
  readonly runOfBroken: () => string | undefined
  readonly cloud: (settings: Settings, user: CloudUser) => Promise<Cloud>
  readonly repository: (settings: Settings, reading: Reading) => Promise<Repository>
  /** Somebody looks on: the group is told nothing. */
  readonly attended: boolean
  readonly warn: (text: string) => void
  /** --role */
  readonly role: string | undefined
}

/** Until the role has said its own. */
const FIRST_DEADLINE_MS = 15 * 60_000

/** Provisions this instance: closes the gate, settles the role, proves it, and opens the gate last. */
export async function boot(frame: Frame, parts: BootParts): Promise<Ended> {
  const held: Held = { stops: [] }
  const noted: EventSink[] = []
  const telling: Frame = { ...frame, sinks: [...frame.sinks, event => noted.forEach(note => note(event))] }
  try {
    const ended = await run(telling, control => provision(parts, control, held, noted), (failure, control) => giveUp(parts.attended, control, held, failure))
    if (held.hold && held.cloud) await hold(held.cloud, held, frame, parts.warn)
    return ended
  } finally {
    letGo(held)
  }
}

/** Gives the lock back, so that a boot by hand takes over, and has the group wait. */
async function hold({ lifecycle }: Cloud, held: Held, { clock, signal }: Frame, warn: BootParts['warn']): Promise<void> {
  letGo(held)
  const lock = join(held.health as string, '../lock')
  const told = (): void => warn(`the group waits for somebody to look at this, for ${showDuration(HOLD_MS)} at most: a \`sunup boot\` by hand takes over`)
  if (await holdOn(lifecycle, clock, told, () => holderOf(lock) !== undefined, signal)) await lifecycle.failed('nobody came to look at it', signal)
}

async function provision(parts: BootParts, control: RunControl, held: Held, noted: EventSink[]): Promise<void> {
  const { machine } = parts
  const { story, clock, signal } = control
  held.ended = machine.ended

  control.deadline(FIRST_DEADLINE_MS)
  const tried = settingsOf(parts.settings, parts.runOfBroken)
  const { settings, fault } = tried
  const runDirectory = runDirectoryOf(machine, tried)
  let broken: Failure | undefined
  try {
    held.lock = await possess(join(runDirectory, 'lock'), 'boot', clock, signal)
  } catch (error) {
    // Another run's gate is its own to open and close; where there is none, a lock that can't be had must not leave it open.
    broken = asFailure(error)
    if (broken.code === 'lock.held') throw broken
  }
  held.isMine = held.lock !== undefined
  held.health = join(runDirectory, 'health')
  try {
    closeHealth(machine, runDirectory, fault)
    control.gate('closed')
    story.tell({ type: 'gate.closed', step: 'health' })
  } catch (error) {
    control.gate('open')
    // Traffic comes to what has failed: that is to be told even without the lock, by whoever could have had it.
    held.isMine ||= machine.privileged || machine.staging
    broken = broken ? unclosed(broken, asFailure(error)) : asFailure(error)
  }
  held.state = stateDirectoryOf(machine, settings)
  if (settings === undefined) throw broken ?? fault
  if (broken) {
    // So that it can be told, and by whom.
    if (held.isMine) await introduce(parts, settings, readBootMark(runDirectory).bootId, false, control, held).catch(() => undefined)
    throw broken
  }

  makeState(held.state)
  const { bootId } = bootMark(runDirectory)
  const { cloud, instance, own, self } = await introduce(parts, settings, bootId, !parts.attended, control, held)

  const { instead, role: roleOfHistory } = breaker({ cloud, instance, failures: failuresOf(settings), named: parts.role, state: held.state, warn: parts.warn })
  held.roleOfHistory = roleOfHistory
  const repository = await parts.repository(settings, { ...readingFor(control, cloud, instance, false, instead), asked: commit => void (held.revision = commit) })
  held.revision = repository.revision
  const { role, candidates } = chooseRole(repository, instance)
  held.role = role
  control.role(role.name)
  story.tell({ type: 'run.role', role: role.name, groups: instance.securityGroups, candidates, ...(repository.revision !== undefined && { revision: repository.revision }) })
  control.deadline(role.deadlineMs)

  const target = await cloud.lifecycle.target(signal)
  const activating = target === 'InService'
  const beats = heartbeats(cloud.lifecycle, signal, undefined, ({ message }) => parts.warn(`the group could not be asked to wait on, and may end this launch before the boot has ended: ${message}`))
  noted.push(beats.note)
  held.stops.push(beats.stop)
  const key = { role: role.name, ...self }
  const former = { registry: cloud.registry, self, own, warn: parts.warn }
  await leaveFormerRole(former, role.name, signal)
  if (activating && role.runList.some(({ recipe }) => recipe === 'registry')) await registerBooting(cloud, key, control, held)
  const set = await outset(role, { repository, settings, cloud, machine, instance, bootId, run: control.id, signal })
  // A recipe of the repository's own may register, too.
  if (activating && held.key === undefined && set.planned.some(({ resource }) => resource.kind === 'registry')) await registerBooting(cloud, key, control, held)
  if (activating && held.key === undefined) await leaveFormerRole(former, undefined, signal)
  keepDecision(own, { role: role.name, groups: instance.securityGroups, revision: repository.revision ?? null, configuration: settings.file ?? null, registered: held.key !== undefined }, repository.directory, [
    held.state,
    runDirectory,
    machine.root,
  ])

  held.journal = journal(ownPath(own, 'journal.ndjson'))
  const cutOff = held.journal.cutOff()
  if (cutOff.length > 0) await endLeftovers(cutOff)
  const converged = await converge(
    { stages: stagesOf(set, { activating, planning: false, signal }), onFailure: 'stop', planning: false },
    { machine, journal: held.journal, story, pins: pins(), clock, signal },
  )
  const counts = withSource(converged.counts, repository)
  control.counts(counts)
  if (converged.failure) throw named(converged.failure)
  if (!activating) return keepClosed(target, cloud, control)

  await askProbe(role, machine, control, counts)
  held.gates = gates(gateList(set, cloud, machine, control, held, () => appRevisionOf(set, machine)), story)
  control.onTime()
  noteAddress(runDirectory, bootId, addressOf(set))
  await held.gates.open(converged.verified as Verified, signal)
  control.gate('open')
  repository.opened?.(role.name, instance.securityGroups)
  const { revision } = repository
  if (held.key && revision !== undefined) {
    const good = { revision, appRevision: appRevisionOf(set, machine) ?? null, instanceId: instance.id, run: control.id, groups: parts.role === undefined ? instance.securityGroups : undefined }
    await cloud.revisions.recordGood(role.name, good, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      // It serves, and is proven: what the fleet is not told today must not take it out of traffic.
      parts.warn(`that ${revision} is good could not be recorded: ${asFailure(error).message}`)
    })
  }
}

/** The row says `booting` before any resource is touched; where it can't be, the run ends here. */
async function registerBooting(cloud: Cloud, key: RowKey, control: RunControl, held: Held): Promise<void> {
  await cloud.registry.register(key, { state: 'booting', failure: undefined, bootedInMs: undefined }, control.signal)
  held.key = key
  control.story.tell({ type: 'gate.closed', step: 'registry' })
  held.stops.push(keepLease(cloud.registry, key, control.signal, control.abort))
}

interface Introduced {
  readonly cloud: Cloud
  readonly instance: Instance
  /** `<state>/<instance id>` on the host. */
  readonly own: string
  readonly self: Omit<RowKey, 'role'>
}

/** Who this is; from here on the run has a place for its record. */
async function introduce(parts: BootParts, settings: Settings, bootId: string, isPatient: boolean, control: RunControl, held: Held): Promise<Introduced> {
  const cloud = (held.cloud = await parts.cloud(settings, { bootId: () => bootId, registeredAs: () => held.key?.role, isPatient, mayKeep: !parts.machine.staging, warn: parts.warn }))
  control.calls(() => cloud.calls)
  const instance = await cloud.metadata.identity(control.signal)
  const self = (held.self = { instanceId: instance.id, bootId })
  const own = ownPath(held.state as string, instance.id)
  control.records.keepIn(ownPath(own, 'runs', control.id))
  held.recorded = true
  return { cloud, instance, own, self }
}

function gateList(set: Outset, cloud: Cloud, machine: Machine, control: RunControl, held: Held, appRevision: () => string | undefined): Gate[] {
  const { role, healthContent, repository } = set
  const facts = () => ({ bootedInMs: Math.round(control.elapsedMs()), revision: repository.revision, appRevision: appRevision() })
  return [
    ...(held.key ? [registryRowGate({ registry: cloud.registry, key: held.key, facts })] : []),
    healthFileGate({ directory: held.health as string, file: role.health.file, content: healthContent, mode: role.health.mode }),
    // Nothing that was started listens in a staging root.
    ...(role.health.url !== undefined && !machine.staging ? [healthUrlGate({ url: role.health.url, clock: control.clock })] : []),
    launchHookGate({ lifecycle: cloud.lifecycle }),
  ]
}

/** A warm pool wants the machine made, and out of traffic. */
async function keepClosed(target: string, cloud: Cloud, control: RunControl): Promise<void> {
  await cloud.lifecycle.ready(control.signal)
  control.story.tell({ type: 'gate.kept-closed', reason: `the group wants this instance ${target}` })
}

function named({ id, failure }: { readonly id: string | null; readonly failure: Failure }): Failure {
  if (id === null || failure.message.includes(id)) return failure
  const { code, hint, output, subject } = failure
  return new Failure(code, `${id}: ${failure.message}`, { hint, output, subject, cause: failure })
}
