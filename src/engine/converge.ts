import { setImmediate } from 'node:timers/promises'
import type { Outcome } from '../core/events.ts'
import { noCounts } from '../core/events.ts'
import { asFailure, type Failure } from '../core/failure.ts'
import type { Verified } from '../core/gate.ts'
import type { Awaitable } from '../core/plain.ts'
import type { ResourceId } from '../core/resource.ts'
import { askAhead } from './ahead.ts'
import { foresee, type Foreseen } from './foresee.ts'
import type { Debt } from './journal.ts'
import { order } from './order.ts'
import type { Planned } from './planned.ts'
import { settle, type Settled, type Surroundings } from './settle.ts'
import { verify } from './verify.ts'

/** Resources that can be named only when those before them are settled: activate recipes are asked again once an address was taken. */
export type Stage = (outcomes: ReadonlyMap<ResourceId, Outcome>) => Awaitable<readonly Planned[]>

export interface Work {
  readonly stages: readonly Stage[]
  /** At the first failure: leave the rest (boot), or go on and fail in the end (drain). */
  readonly onFailure: 'stop' | 'continue'
  /** Says what would be done, instead. A failing check does not stop a plan. */
  readonly planning: boolean
}

export interface Converged {
  readonly counts: Record<Outcome, number>
  readonly outcomes: ReadonlyMap<ResourceId, Outcome>
  /** The first failure, and what failed; null: no single resource. */
  readonly failure?: { readonly id: ResourceId | null; readonly failure: Failure }
  /** Present when everything was found settled; never in a plan. */
  readonly verified?: Verified
}

/** How long resources may follow each other without a look at signals: checks are mostly synchronous. */
const BREATH_MS = 20

export type Ground = Omit<Surroundings, 'owedWhenChanged' | 'resource' | 'planning'>

/** Checks each resource in order, applies what differs, and verifies what it made. */
export async function converge(work: Work, ground: Ground): Promise<Converged> {
  const counts = noCounts()
  const outcomes = new Map<ResourceId, Outcome>()
  const all: Planned[] = []
  const causes = new Map<ResourceId, Debt[]>()
  const around: Surroundings = {
    ...ground,
    planning: work.planning,
    owedWhenChanged: id => causes.get(id) ?? [],
    resource: id => all.find(one => one.resource.id === id)?.resource,
  }
  const foreseen: Foreseen = { outcomes, makers: [] }
  let failed: Converged['failure']
  let breath = ground.clock.monotonic()

  for (const stage of work.stages) {
    const planned = order([...all, ...(await stage(outcomes))]).slice(all.length)
    all.push(...planned)
    noteCauses(planned, causes, ground.machine.staging)
    const leaving = (): boolean => failed !== undefined && !work.planning && work.onFailure === 'stop'
    const ahead = askAhead(leaving() ? [] : planned, around)
    // Lets what was asked begin: a process is started some promises later.
    if (ahead.asking) await setImmediate()
    const here = { ...around, ahead }
    for (const one of planned) {
      const { id } = one.resource
      if (ground.clock.monotonic() - breath > BREATH_MS) {
        await setImmediate()
        breath = ground.clock.monotonic()
      }
      const result = leaving() ? leave(one, ground) : work.planning ? await foresee(one, foreseen, here) : await settle(one.resource, here, one)
      if (result.outcome === 'changed' || result.outcome === 'failed') ahead.forget()
      counts[result.outcome]++
      outcomes.set(id, result.outcome)
      if (result.failure) failed ??= { id, failure: result.failure }
    }
  }
  const result = { counts, outcomes }
  // What a recipe has left behind (a timer, a promise) throws when Node turns to its events: before anything opens.
  await setImmediate()
  if (ground.signal.aborted) failed ??= { id: null, failure: asFailure(ground.signal.reason) }
  if (failed) return { ...result, failure: failed }
  if (work.planning) return result
  try {
    const verified = await verify(all, counts.changed > 0, counts.skipped, around)
    ground.journal.clear()
    return { ...result, verified }
  } catch (error) {
    return { ...result, failure: { id: null, failure: asFailure(error) } }
  }
}

/** Not reached: told like the others, so that every run lists the whole machine. */
function leave({ resource, phase }: Planned, { story }: Ground): Settled {
  story.tell({ type: 'resource.started', id: resource.id, phase })
  story.tell({ type: 'resource.finished', id: resource.id, outcome: 'skipped', durationMs: 0, reason: 'not reached' })
  return { outcome: 'skipped' }
}

function noteCauses(planned: readonly Planned[], causes: Map<ResourceId, Debt[]>, staging: boolean): void {
  for (const { resource } of planned) {
    // What a staging root skips would never pay.
    if (staging && resource.hostOnly !== undefined) continue
    for (const { act, on } of resource.triggers ?? []) {
      for (const cause of on) causes.set(cause, [...(causes.get(cause) ?? []), { id: resource.id, act, cause }])
    }
  }
}
