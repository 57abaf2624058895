import type { Change } from '../core/change.ts'
import { asFailure, failureRecord, type Failure } from '../core/failure.ts'
import type { Outcome } from '../core/events.ts'
import type { Resource, ResourceId } from '../core/resource.ts'
import { shown } from './diff.ts'
import { whyNot } from './guards.ts'
import type { Planned } from './planned.ts'
import { look, owedActs, type Settled, type Surroundings } from './settle.ts'

/** What a plan knows of the resources before this one. */
export interface Foreseen {
  /** Outcomes so far, in order. */
  readonly outcomes: ReadonlyMap<ResourceId, Outcome>
  /** Those among them that will make a path, or may. Noted here. */
  readonly makers: Maker[]
}

interface Maker {
  readonly id: ResourceId
  readonly path: string
  /** Whether nobody can say what will lie below its path. */
  readonly isFull: boolean
}

/** What these make is all theirs: a file has nothing below it, a new directory is empty. Of a checkout, an archive, a link or what a command made
 *  only they know what lies in it. */
const MAKES_ITSELF_ALONE: readonly string[] = ['file', 'template', 'remoteFile', 'directory']

/** Says what settling would do. What can't be known before something pending has happened is unknown, never guessed. What is taken to be so: that
 *  packages, users and commands make no file that a later resource names, but for what a command `creates`. */
export async function foresee(planned: Planned, foreseen: Foreseen, around: Surroundings): Promise<Settled> {
  const { resource, phase } = planned
  const { story, clock } = around
  const startedAt = clock.monotonic()
  story.tell({ type: 'resource.started', id: resource.id, phase })
  const finish = (outcome: Outcome, reason?: string, failure?: Failure): Settled => {
    if (outcome === 'pending' || outcome === 'unknown') noteMaker(resource, foreseen)
    story.tell({
      type: 'resource.finished',
      id: resource.id,
      outcome,
      durationMs: Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000,
      ...(reason !== undefined && { reason }),
      ...(failure && { error: failureRecord(failure) }),
    })
    return failure ? { outcome, failure } : { outcome }
  }
  if (planned.unknownUntil !== undefined) return finish('unknown', `until ${planned.unknownUntil}`)
  try {
    const until = unknownBefore(resource, foreseen, around)
    if (until !== undefined) return finish('unknown', `until ${until}`)
    const skip = await whyNot(resource, around)
    if (skip !== undefined) return finish('skipped', skip)
    const changes: readonly Change[] = [...(await look(resource, around)), ...owedActs(resource, around), ...actsToCome(planned, foreseen)]
    const maker = makerOnTheWayTo(resource, changes, foreseen) ?? unknownCause(resource, changes, foreseen)
    if (maker !== undefined) return finish('unknown', `until ${maker}`)
    story.tell({ type: 'resource.checked', id: resource.id, changes: await shown(changes) })
    return finish(changes.length > 0 ? 'pending' : 'unchanged')
  } catch (error) {
    const failure = asFailure(error)
    // A package may come from a source that an earlier resource has yet to write.
    const isAbsent = failure.code.startsWith('absent.') || failure.code === 'package.missing'
    const until = isAbsent ? providerOf(failure, foreseen) : undefined
    return until === undefined ? finish('failed', undefined, failure) : finish('unknown', `until ${until}`)
  }
}

function actsToCome({ resource }: Planned, { outcomes }: Foreseen): readonly Change[] {
  return (resource.triggers ?? []).flatMap(({ act, on }): Change[] => {
    const pending = on.filter(cause => outcomes.get(cause) === 'pending')
    return pending.length === 0 ? [] : [{ type: 'act', field: act, reason: `${pending.join(', ')} changes` }]
  })
}

/** What has to happen before it is any use to look. A guard is a command: it may ask for anything that comes before it. */
function unknownBefore(resource: Resource, { outcomes, makers }: Foreseen, { machine }: Surroundings): ResourceId | undefined {
  if (resource.hostOnly !== undefined && machine.staging) return undefined
  const isGuarded = resource.onlyIf !== undefined || resource.notIf !== undefined
  if (isGuarded) return [...outcomes].findLast(([, outcome]) => isOpen(outcome))?.[0]
  const path = pathOf(resource)
  return path === undefined ? undefined : makers.find(maker => (maker.isFull && path.startsWith(`${maker.path}/`)) || (maker.path === path && resource.creates === path))?.id
}

/** Who makes what is missing here on its way to its own path: nobody can say yet what will be left to do. */
function makerOnTheWayTo(resource: Resource, changes: readonly Change[], { makers }: Foreseen): ResourceId | undefined {
  const path = pathOf(resource)
  if (path === undefined || !changes.some(change => change.type === 'create')) return undefined
  return makers.find(maker => `${maker.path}/`.startsWith(`${path}/`))?.id
}

/** A cause that may change, and then calls for an act that is not called for yet. */
function unknownCause({ triggers = [] }: Resource, changes: readonly Change[], { outcomes }: Foreseen): ResourceId | undefined {
  return triggers.filter(({ act }) => !changes.some(change => change.type === 'act' && change.field === act)).flatMap(({ on }) => on).find(cause => outcomes.get(cause) === 'unknown')
}

function noteMaker(resource: Resource, { makers }: Foreseen): void {
  const path = pathOf(resource)
  if (path !== undefined) makers.push({ id: resource.id, path, isFull: !MAKES_ITSELF_ALONE.includes(resource.kind) })
}

function pathOf({ id, creates }: Resource): string | undefined {
  return creates ?? /^\w+\[(\/.*)\]$/.exec(id)?.[1]
}

function isOpen(outcome: Outcome): boolean {
  return outcome === 'pending' || outcome === 'unknown'
}

/** What, among the pending, will most likely bring what is absent: its namesake, else packages, else whatever came last. */
function providerOf(failure: Failure, { outcomes }: Foreseen): ResourceId | undefined {
  const pending = [...outcomes].filter(([, outcome]) => isOpen(outcome)).map(([id]) => id)
  const kinds: Record<string, string> = { 'absent.user': 'user', 'absent.group': 'group', 'absent.unit': 'systemdUnit' }
  const namesake = `${kinds[failure.code]}[${failure.subject}]`
  return pending.find(id => id === namesake) ?? pending.find(id => id.startsWith('package[')) ?? pending.at(-1)
}
