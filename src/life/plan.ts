import { ownPath } from '../core/own-path.ts'
import { converge } from '../engine/converge.ts'
import { journal } from '../engine/journal.ts'
import { pins } from '../engine/pins.ts'
import { run, type Ended, type Frame, type RunControl } from '../engine/run.ts'
import { readBootMark } from '../machine/boot.ts'
import type { BootParts } from './boot.ts'
import { breaker } from './source/breaker.ts'
import { chooseRole, outset } from './outset.ts'
import { readingFor, withSource, type Repository } from './source/repository.ts'
import { failuresOf, runDirectoryOf } from './settings.ts'
import { stagesOf } from './stages.ts'

/** The exit code of a plan that foretells a change, or can't exclude one. */
const CHANGES = 2

/** Says what a boot would do. It takes no lock, tells nobody and writes nothing.
 *  Its exit code is 2 where something would change, or can't be known. */
export async function plan(frame: Frame, parts: Omit<BootParts, 'attended'>): Promise<Ended> {
  const held: { repository?: Repository } = {}
  try {
    return await run(frame, control => foretell(parts, control, held), parts.machine.ended)
  } finally {
    held.repository?.end?.()
  }
}

async function foretell(parts: Omit<BootParts, 'attended'>, control: RunControl, held: { repository?: Repository }): Promise<void> {
  const { machine } = parts
  const { story, clock, signal } = control
  const settings = parts.settings()
  const { bootId } = readBootMark(runDirectoryOf(machine, settings))
  const cloud = await parts.cloud(settings, { bootId: () => bootId, registeredAs: () => undefined, isPatient: false, warn: parts.warn })
  control.calls(() => cloud.calls)
  const instance = await cloud.metadata.identity(signal)
  const { instead } = breaker({ cloud, instance, failures: failuresOf(settings), named: parts.role, state: machine.hostPath(settings.state), warn: parts.warn })
  const repository = (held.repository = await parts.repository(settings, readingFor(control, cloud, instance, true, instead)))
  const { role, candidates } = chooseRole(repository, instance)
  control.role(role.name)
  story.tell({ type: 'run.role', role: role.name, groups: instance.securityGroups, candidates })
  control.deadline(role.deadlineMs)
  const set = await outset(role, { repository, settings, cloud, machine, instance, bootId, run: control.id, signal })
  const activating = (await cloud.lifecycle.target(signal)) === 'InService'
  // Debts are foretold, too; the journal is read here, and not written.
  const debts = journal(ownPath(machine.hostPath(settings.state), instance.id, 'journal.ndjson'))
  const { counts: converged, failure } = await converge(
    { stages: stagesOf(set, { activating, planning: true, signal }), onFailure: 'continue', planning: true },
    { machine, journal: debts, story, pins: pins(), clock, signal },
  )
  const counts = withSource(converged, repository)
  control.counts(counts)
  if (failure) throw failure.failure
  if (counts.pending + counts.unknown > 0) control.exit(CHANGES)
}
