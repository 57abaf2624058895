import { join } from 'node:path'
import type { Cloud, RowKey } from '../core/cloud.ts'
import { Failure } from '../core/failure.ts'
import type { Gate, Verified } from '../core/gate.ts'
import type { Machine } from '../core/machine.ts'
import type { Role } from '../core/role.ts'
import { converge } from '../engine/converge.ts'
import { journal, type Journal } from '../engine/journal.ts'
import { pins } from '../engine/pins.ts'
import { run, type Ended, type Frame, type RunControl } from '../engine/run.ts'
import { gates, type Gates } from '../gate/gates.ts'
import { emptyHealth, healthFileGate } from '../gate/health-file.ts'
import { healthUrlGate } from '../gate/health-url.ts'
import { launchHookGate } from '../gate/launch-hook.ts'
import { registryRowGate } from '../gate/registry-row.ts'
import { bootMark } from '../machine/boot.ts'
import type { Lock } from '../machine/lock.ts'
import { keepDecision, readDecision } from './decision.ts'
import { keepLease } from './lease.ts'
import { unknownDirectory } from './own.ts'
import { chooseRole, outset, type Outset } from './outset.ts'
import { possess } from './possession.ts'
import { askProbe } from './proof.ts'
import { readingFor, withSource, type Reading, type Repository } from './repository.ts'
import { runDirectoryOf, settingsOf, type Settings } from './settings.ts'
import { appRevisionOf, stagesOf } from './stages.ts'

export interface BootParts {
  readonly machine: Machine
  readonly settings: () => Settings
  readonly cloud: (settings: Settings) => Promise<Cloud>
  readonly repository: (settings: Settings, reading: Reading) => Promise<Repository>
  /** Somebody looks on: the group is told nothing. */
  readonly attended: boolean
}

/** Until the role has said its own. */
const FIRST_DEADLINE_MS = 15 * 60_000
/** How long closing and telling may take once a run has failed. */
const UNDO_MS = 30_000
/** Failures that are nobody's but the caller's: the group is not told. */
const UNTOLD: readonly Failure['code'][] = ['lock.held', 'usage', 'signal.int', 'signal.term']

/** Provisions this instance: closes the gate, settles the role, proves it, and opens the gate last. */
export async function boot(frame: Frame, parts: BootParts): Promise<Ended> {
  const held: Held = {}
  try {
    return await run(frame, control => provision(parts, control, held), (failure, control) => giveUp(parts, control, held, failure))
  } finally {
    held.stopLease?.()
    held.journal?.close()
    held.lock?.release()
  }
}

/** What a run has taken hold of so far: for whoever has to let go of it. */
interface Held {
  lock?: Lock
  health?: string
  state?: string
  cloud?: Cloud
  role?: Role
  /** Who this is, as the registry has it, without its role. */
  self?: Omit<RowKey, 'role'>
  key?: RowKey
  gates?: Gates
  journal?: Journal
  stopLease?: () => void
  recorded?: boolean
}

async function provision(parts: BootParts, control: RunControl, held: Held): Promise<void> {
  const { machine } = parts
  const { story, clock, signal, records } = control

  control.deadline(FIRST_DEADLINE_MS)
  const { settings, fault } = settingsOf(parts.settings)
  const runDirectory = runDirectoryOf(machine, settings)
  held.lock = await possess(join(runDirectory, 'lock'), 'boot', clock, signal)
  held.health = join(runDirectory, 'health')
  emptyHealth(held.health)
  control.gate('closed')
  story.tell({ type: 'gate.closed', step: 'health' })
  if (settings === undefined) throw fault

  held.state = machine.hostPath(settings.state)
  const cloud = (held.cloud = await parts.cloud(settings))
  const instance = await cloud.metadata.identity(signal)
  const own = join(held.state, instance.id)
  const { bootId } = bootMark(runDirectory)
  held.self = { instanceId: instance.id, bootId }
  records.keepIn(join(own, 'runs', control.id))
  held.recorded = true

  const repository = await parts.repository(settings, readingFor(control, cloud, instance, false))
  const { role, candidates } = chooseRole(repository, instance)
  held.role = role
  control.role(role.name)
  story.tell({ type: 'run.role', role: role.name, groups: instance.securityGroups, candidates })
  control.deadline(role.deadlineMs)

  const target = await cloud.lifecycle.target(signal)
  const activating = target === 'InService'
  const key = { role: role.name, ...held.self }
  if (activating && role.runList.some(({ recipe }) => recipe === 'registry')) await registerBooting(cloud, key, control, held)
  const set = await outset(role, { repository, settings, cloud, machine, instance, bootId, run: control.id, signal })
  // A recipe of the repository's own may register, too.
  if (activating && held.key === undefined && set.planned.some(({ resource }) => resource.kind === 'registry')) await registerBooting(cloud, key, control, held)
  keepDecision(own, { role: role.name, groups: instance.securityGroups, revision: repository.revision ?? null, configuration: settings.file ?? null }, repository.directory, [
    held.state,
    runDirectory,
    machine.root,
  ])

  held.journal = journal(join(own, 'journal.ndjson'))
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
  await held.gates.open(converged.verified as Verified, signal)
  control.gate('open')
  repository.opened?.(role.name, instance.securityGroups)
}

/** The row says `booting` before any resource is touched; where it can't be, the run ends here. */
async function registerBooting(cloud: Cloud, key: RowKey, control: RunControl, held: Held): Promise<void> {
  await cloud.registry.register(key, { state: 'booting', failure: undefined, bootedInMs: undefined }, control.signal)
  held.key = key
  control.story.tell({ type: 'gate.closed', step: 'registry' })
  held.stopLease = keepLease(cloud.registry, key, control.signal, control.abort)
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

/** The run has failed: out of traffic, written down, and told, in this order. Each is tried whatever became of the one before. */
async function giveUp(parts: BootParts, control: RunControl, held: Held, failure: Failure): Promise<void> {
  if (held.lock === undefined) return
  const signal = AbortSignal.timeout(UNDO_MS)
  const anyway = async (act: () => unknown): Promise<void> => {
    try {
      await act()
    } catch {
      // The failure that counts is the first one; what follows from it must not hide it.
    }
  }
  held.stopLease?.()
  await anyway(() => held.gates?.close(signal))
  await anyway(() => held.health !== undefined && emptyHealth(held.health))
  control.gate('closed')
  await anyway(async () => {
    const key = held.key ?? (await keyOfLastBoot(held, signal))
    if (key) await held.cloud?.registry.register(key, { state: 'failed', failure: reasonOf(failure), bootedInMs: undefined }, signal)
  })
  control.story.tell({ type: 'gate.kept-closed', reason: failure.message })
  const { state } = held
  if (!held.recorded && state !== undefined) await anyway(() => control.records.keepIn(join(unknownDirectory(state, control.id), 'runs', control.id)))
  await anyway(() => control.records.flush())
  const onFailure = held.role?.onFailure ?? 'abandon'
  if (onFailure === 'abandon' && !parts.attended && !UNTOLD.includes(failure.code)) await anyway(() => held.cloud?.lifecycle.failed(reasonOf(failure), signal))
}

/** Of the row that an earlier boot left, when this one failed before it came to write it: it may still say `in-service`. */
async function keyOfLastBoot({ cloud, role, self, state }: Held, signal: AbortSignal): Promise<RowKey | undefined> {
  if (cloud === undefined || self === undefined || state === undefined) return undefined
  const name = role?.name ?? readDecision(join(state, self.instanceId))?.role
  if (name === undefined || (await cloud.registry.read(name, self.instanceId, signal)) === undefined) return undefined
  return { role: name, ...self }
}

function named({ id, failure }: { readonly id: string | null; readonly failure: Failure }): Failure {
  if (id === null || failure.message.includes(id)) return failure
  const { code, hint, output, subject } = failure
  return new Failure(code, `${id}: ${failure.message}`, { hint, output, subject, cause: failure })
}

/** For the registry's row and the group: what failed, with the last it said. */
function reasonOf({ message, output }: Failure): string {
  return output === undefined ? message : `${message}\n${output.split('\n').slice(-5).join('\n')}`
}
