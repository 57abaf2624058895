import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { noCounts, type Counts, type Outcome } from '../../core/events.ts'
import { Failure } from '../../core/failure.ts'
import type { Machine } from '../../core/machine.ts'
import type { Role } from '../../core/role.ts'
import { converge } from '../../engine/converge.ts'
import { journal, type Journal } from '../../engine/journal.ts'
import { order } from '../../engine/order.ts'
import { pins } from '../../engine/pins.ts'
import type { Planned } from '../../engine/planned.ts'
import { run, type Ended, type Frame, type RunControl } from '../../engine/run.ts'
import { emptyHealth } from '../../gate/health-file.ts'
import { hostFacts } from '../../machine/host.ts'
import { endLeftovers } from '../../machine/leftovers.ts'
import type { Lock } from '../../machine/lock.ts'
import { planSteps } from '../../roles/plan.ts'
import type { PlannedStep } from '../../roles/planned.ts'
import { recipeBook } from '../../roles/recipes.ts'
import { loadRole } from '../../roles/role.ts'
import { standInCloud, standInInstance } from '../../roles/stand-in.ts'
import { inspectRunList } from '../../roles/steps.ts'
import { failureOf } from '../../core/faults.ts'
import { asleep } from './asleep.ts'
import type { BootParts } from '../boot.ts'
import { dryBoot } from './dry-boot.ts'
import { leftToBoot, type Left } from './left-to-boot.ts'
import { healthContent } from '../outset.ts'
import { packageCaches } from './package-caches.ts'
import { possess } from '../possession.ts'
import { withSource, type Repository } from '../source/repository.ts'
import { runDirectoryOf, type Settings } from '../settings.ts'
import { units, type Installation } from '../systemd/units.ts'

export interface BakeParts extends Pick<BootParts, 'machine' | 'settings' | 'repository' | 'role'> {
  readonly installation: Installation
  /** Installs sunup's units, and does nothing else: for an image that its first boot prepares. */
  readonly unitsOnly: boolean
}

interface Held {
  lock?: Lock
  journal?: Journal
}

/** Makes of this machine what an image of the role is made of: its prepare phase converged, as far as that needs no instance, caches filled, sunup's
 *  units enabled. It closes the gate and never opens it, and asks no cloud: there is no identity, no registry and nobody to tell.
 *  Its own state is in `<run>/bake`, of which an image has nothing.
 *  @throws Failure (told as the run's end) `usage` without a role, `bake.nothing`, and what else converging may say */
export async function bake(frame: Frame, parts: BakeParts): Promise<Ended> {
  const held: Held = {}
  try {
    return await run(frame, control => prepare(parts, control, held), parts.machine.ended)
  } finally {
    held.journal?.close()
    held.lock?.release()
  }
}

async function prepare(parts: BakeParts, control: RunControl, held: Held): Promise<void> {
  const { machine, unitsOnly, role } = parts
  if (!unitsOnly && role === undefined) throw new Failure('usage', 'bake needs to be told the role: there is no instance yet whose security groups could say it', { hint: 'e.g. sunup bake --role web' })
  if (!machine.privileged && !machine.staging) throw new Failure('file.denied', 'bake needs root: it makes a machine what it is to be', { hint: 'Run it with sudo, or into a staging root with --root.' })
  const owned = units(parts.installation)
  const settings = parts.settings()
  const own = join(runDirectoryOf(machine, settings), 'bake')
  held.lock = await possess(join(own, '../lock'), 'bake', control.clock, control.signal)
  control.records.keepIn(join(own, 'runs', control.id))
  held.journal = journal(join(own, 'journal.ndjson'))
  const cutOff = held.journal.cutOff()
  if (cutOff.length > 0) await endLeftovers(cutOff)
  if (unitsOnly) return control.counts(await settleAll(owned, noCounts(), machine, held.journal, control))

  emptyHealth(join(own, '../health'))
  control.gate('closed')
  control.story.tell({ type: 'gate.closed', step: 'health' })
  const repository = await parts.repository(settings, { signal: control.signal, clock: control.clock, planning: false, groups: undefined, tell: telling(control) })
  const chosen = loadRole(repository.directory, role as string)
  control.role(chosen.name)
  control.story.tell({ type: 'run.role', role: chosen.name, groups: [], candidates: [chosen.name] })
  const steps = await askRecipes(chosen, repository, settings, machine)
  const { baked, left } = leftToBoot(steps)
  if (baked.length === 0) throw nothing(chosen, left)
  const planned = [...order(baked).map(one => ({ ...one, resource: asleep(one.resource) })), ...owned]
  const counts = withSource(await settleAll(planned, tellLeft(left, control), machine, held.journal, control), repository)
  refuseLateReads(steps, left)
  const compiled = await keepCompiled(join(own, 'dry'), parts.installation, machine, control)
  control.counts(add(add(counts, compiled), dropPackageCaches(machine, control)))
}

/** All of them, also those that are left to boot: what is wrong with them is wrong in the image, too. */
async function askRecipes(role: Role, { directory, builtIn }: Repository, settings: Settings, machine: Machine): Promise<readonly PlannedStep[]> {
  const { steps, faults } = await inspectRunList(role, recipeBook(directory, builtIn))
  if (faults.length > 0) throw failureOf(faults)
  const instance = standInInstance(role.securityGroups)
  const planned = planSteps({ steps, role, source: directory, run: settings.run, state: settings.state, instance, host: hostFacts(machine), cloud: standInCloud(settings.cloud), bootId: '0000000000000-stand-in', which: 'resources' })
  order(planned.flatMap(({ resources }) => resources))
  healthContent(role, instance, 'run')
  return planned
}

async function settleAll(planned: readonly Planned[], before: Counts, machine: Machine, debts: Journal, control: RunControl): Promise<Counts> {
  const { story, clock, signal } = control
  const { counts, failure } = await converge({ stages: [() => planned], onFailure: 'stop', planning: false }, { machine, journal: debts, story, pins: pins(), clock, signal })
  const all = add(before, counts)
  control.counts(all)
  if (failure) throw failure.failure
  return all
}

function tellLeft(left: readonly Left[], { story }: RunControl): Counts {
  let counts: Counts = noCounts()
  for (const { step, reason } of left) {
    for (const { resource: { id } } of step.resources) {
      story.tell({ type: 'resource.started', id, phase: step.step.phase })
      story.tell({ type: 'resource.finished', id, outcome: 'skipped', durationMs: 0, reason })
      counts = add(counts, one('skipped'))
    }
  }
  return counts
}

/** What a resource read of the stand-in while it was settled is in the image now. */
function refuseLateReads(steps: readonly PlannedStep[], left: readonly Left[]): void {
  const late = steps.find(step => step.reads.size > 0 && !left.some(one => one.step === step))
  if (late === undefined) return
  const { recipe } = late.step
  throw new Failure('recipe.invalid', `recipe ${recipe.name} read ${[...late.reads].map(key => `instance.${key}`).join(', ')} only while its resources were settled, and a bake has no instance`, {
    hint: 'Read it in resources(), so that a bake leaves the recipe to boot, and bake a new machine: this one is spoilt.',
  })
}

/** Of a program that is run from its sources V8 keeps nothing. */
async function keepCompiled(directory: string, installation: Installation, machine: Machine, { story, clock, signal }: RunControl): Promise<Counts> {
  if (!installation.bundled) return noCounts()
  const id = 'compiledCode[boot]'
  const startedAt = clock.monotonic()
  story.tell({ type: 'resource.started', id })
  const kept = await dryBoot(directory, installation, machine, signal)
  const reason = 'reason' in kept ? `nothing could be compiled ahead: ${kept.reason}` : undefined
  if (!('reason' in kept)) story.tell({ type: 'resource.checked', id, changes: kept.map(to => ({ type: 'create', field: 'file', to })) })
  const outcome: Outcome = 'reason' in kept ? 'skipped' : kept.length > 0 ? 'changed' : 'unchanged'
  story.tell({ type: 'resource.finished', id, outcome, durationMs: msSince(startedAt, clock), ...(reason !== undefined && { reason }) })
  return one(outcome)
}

/** The last act: whatever needed the lists is done. */
function dropPackageCaches(machine: Machine, { story, clock }: RunControl): Counts {
  const id = 'packageCaches[/var]'
  const startedAt = clock.monotonic()
  const found = packageCaches(machine)
  story.tell({ type: 'resource.started', id })
  story.tell({ type: 'resource.checked', id, changes: found.map(from => ({ type: 'remove', field: 'path', from })) })
  for (const path of found) machine.remove(path)
  const outcome: Outcome = found.length > 0 ? 'changed' : 'unchanged'
  story.tell({ type: 'resource.finished', id, outcome, durationMs: msSince(startedAt, clock) })
  return one(outcome)
}

function nothing({ name }: Role, left: readonly Left[]): Failure {
  const why = left.length === 0 ? 'its recipes want nothing' : left.map(({ reason }) => reason.replace('left to boot: ', '')).join('; ')
  return new Failure('bake.nothing', `role ${name} has nothing to prepare: ${why}`, { hint: 'An image without a role needs sunup alone: `sunup bake --units-only`.' })
}

function telling(control: RunControl): (event: Parameters<RunControl['story']['tell']>[0]) => void {
  return event => {
    control.story.tell(event)
    if (event.type === 'resource.finished') control.counts(one(event.outcome))
  }
}

function msSince(startedAt: number, clock: Clock): number {
  return Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000
}

function one(outcome: Outcome): Counts {
  return { ...noCounts(), [outcome]: 1 }
}

function add(a: Counts, b: Counts): Counts {
  return Object.fromEntries(Object.entries(a).map(([outcome, count]) => [outcome, count + b[outcome as Outcome]])) as unknown as Counts
}
