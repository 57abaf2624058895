import type { Change } from '../core/change.ts'
import { asFailure, failureRecord, type Failure } from '../core/failure.ts'
import type { Outcome } from '../core/events.ts'
import type { ResourceId } from '../core/resource.ts'
import { shown } from './diff.ts'
import { whyNot } from './guards.ts'
import type { Planned } from './planned.ts'
import { look, owedActs, type Settled, type Surroundings } from './settle.ts'

/** What a plan knows of the resources before this one. */
export interface Foreseen {
  /** Outcomes so far, in order. */
  readonly outcomes: ReadonlyMap<ResourceId, Outcome>
}

/** Says what settling would do. What can't be known before something pending has happened is unknown, never guessed. */
export async function foresee(planned: Planned, foreseen: Foreseen, around: Surroundings): Promise<Settled> {
  const { resource } = planned
  const { story, clock } = around
  const startedAt = clock.monotonic()
  story.tell({ type: 'resource.started', id: resource.id })
  const finish = (outcome: Outcome, reason?: string, failure?: Failure): Settled => {
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
    const skip = await whyNot(resource, around)
    if (skip !== undefined) return finish('skipped', skip)
    const changes: readonly Change[] = [...(await look(resource, around)), ...owedActs(resource, around), ...actsToCome(planned, foreseen)]
    const maker = makerOf(resource.id, changes, foreseen)
    if (maker !== undefined) return finish('unknown', `until ${maker}`)
    story.tell({ type: 'resource.checked', id: resource.id, changes: await shown(changes) })
    if (changes.length > 0) return finish('pending')
    const unknown = resource.triggers?.flatMap(trigger => trigger.on).find(cause => foreseen.outcomes.get(cause) === 'unknown')
    return unknown === undefined ? finish('unchanged') : finish('unknown', `until ${unknown}`)
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

/** Who, among the pending, makes what is missing here on its way to its own path: nobody can say yet what will be left to do. */
function makerOf(id: ResourceId, changes: readonly Change[], { outcomes }: Foreseen): ResourceId | undefined {
  const path = pathOf(id)
  if (path === undefined || !changes.some(change => change.type === 'create')) return undefined
  return [...outcomes].find(([other, outcome]) => outcome === 'pending' && `${pathOf(other)}/`.startsWith(`${path}/`))?.[0]
}

function pathOf(id: ResourceId): string | undefined {
  return /^\w+\[(\/.*)\]$/.exec(id)?.[1]
}

/** What, among the pending, will most likely bring what is absent: its namesake, else packages, else whatever came last. */
function providerOf(failure: Failure, { outcomes }: Foreseen): ResourceId | undefined {
  const pending = [...outcomes].filter(([, outcome]) => outcome === 'pending' || outcome === 'unknown').map(([id]) => id)
  const kinds: Record<string, string> = { 'absent.user': 'user', 'absent.group': 'group', 'absent.unit': 'systemdUnit' }
  const namesake = `${kinds[failure.code]}[${failure.subject}]`
  return pending.find(id => id === namesake) ?? pending.find(id => id.startsWith('package[')) ?? pending.at(-1)
}
