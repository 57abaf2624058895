import type { Change } from '../core/change.ts'
import type { Clock } from '../core/clock.ts'
import { asFailure, failureRecord, type Failure } from '../core/failure.ts'
import type { Outcome } from '../core/events.ts'
import type { Machine } from '../core/machine.ts'
import type { ApplyContext, CheckContext, Resource, ResourceId } from '../core/resource.ts'
import type { Ahead } from './ahead.ts'
import { attempt, USUAL_PATIENCE, type Patience } from './attempt.ts'
import { shown } from './diff.ts'
import { whyNot } from './guards.ts'
import { markOf, type Debt, type Journal } from './journal.ts'
import { boundedOutput, type Output } from './output.ts'
import type { Pins } from './pins.ts'
import type { Planned } from './planned.ts'
import type { Story } from './story.ts'

/** What settling a resource needs of the run around it. */
export interface Surroundings {
  readonly machine: Machine
  readonly journal: Journal
  readonly story: Story
  readonly pins: Pins
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly planning: boolean
  /** What was asked before its turn. */
  readonly ahead?: Ahead | undefined
  /** What owes an act when this resource changes. */
  owedWhenChanged(id: ResourceId): readonly Debt[]
  resource(id: ResourceId): Resource | undefined
}

export interface Settled {
  readonly outcome: Outcome
  readonly failure?: Failure
}

/** Brings one resource to what it should be: look, write down what the change will owe, change, pay.
 *  @param of what else is told of it */
export async function settle(resource: Resource, around: Surroundings, of: Partial<Pick<Planned, 'phase' | 'whyLeft'>> = {}): Promise<Settled> {
  const { story, clock } = around
  const startedAt = clock.monotonic()
  story.tell({ type: 'resource.started', id: resource.id, ...(of.phase && { phase: of.phase }) })
  const finish = (outcome: Outcome, more: { reason?: string; failure?: Failure } = {}): Settled => {
    const left = outcome === 'changed' ? of.whyLeft?.() : undefined
    story.tell({
      type: 'resource.finished',
      id: resource.id,
      outcome,
      durationMs: Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000,
      ...(more.reason !== undefined && { reason: more.reason }),
      ...(left !== undefined && { leftToBoot: left }),
      ...(more.failure && { error: failureRecord(more.failure) }),
    })
    return more.failure ? { outcome, failure: more.failure } : { outcome }
  }
  try {
    const skip = await whyNot(resource, around)
    if (skip !== undefined) {
      if (around.journal.owedBy(resource.id).length > 0) around.journal.paid(resource.id)
      return finish('skipped', { reason: skip })
    }
    const missing = await look(resource, around)
    const changes = [...missing, ...owedActs(resource, around)]
    story.tell({ type: 'resource.checked', id: resource.id, changes: changes.length === 0 ? changes : await shown(changes) })
    if (changes.length === 0) return finish('unchanged')
    await change(resource, changes, around)
    return finish('changed')
  } catch (error) {
    return finish('failed', { failure: asFailure(error) })
  }
}

/** The resource's own check, with its patience. */
export function look(resource: Resource, around: Surroundings): Promise<readonly Change[]> | readonly Change[] {
  return attempt(`checking ${resource.id}`, signal => {
    around.ahead?.turn(resource.id, signal)
    return resource.check(checkContext(resource, around, signal))
  }, patienceOf(resource), around.signal, around.clock)
}

async function change(resource: Resource, changes: readonly Change[], around: Surroundings): Promise<void> {
  const { journal } = around
  const output = outputOf(resource, around)
  journal.owe(around.owedWhenChanged(resource.id))
  if (resource.journaled) journal.begin(resource.id, around.story.run)
  try {
    await attempt(
      `applying ${resource.id}`,
      async (signal, tries) => {
        const context = applyContext(resource, around, signal, output)
        // After a failed try part of it may be done: what is still missing is asked anew.
        const now = tries === 0 ? changes : [...(await resource.check(context)), ...owedActs(resource, around)]
        if (now.length > 0) await resource.apply(now, context)
      },
      patienceOf(resource),
      around.signal,
      around.clock,
    )
  } catch (error) {
    // What was aborted may still be changing things.
    await around.machine.ended()
    await revertCauses(resource, around)
    throw error
  } finally {
    output.end()
  }
  if (resource.journaled) journal.end(resource.id)
  if (journal.owedBy(resource.id).length > 0) journal.paid(resource.id)
}

/** A configuration that can't be taken up is taken back by the resource that brought it; the debt stays. */
async function revertCauses(resource: Resource, around: Surroundings): Promise<void> {
  for (const { cause } of around.journal.owedBy(resource.id)) {
    const culprit = around.resource(cause)
    if (culprit?.revert) await culprit.revert(applyContext(culprit, around, AbortSignal.timeout(USUAL_PATIENCE.timeoutMs), outputOf(culprit, around)))
  }
}

export function owedActs(resource: Resource, around: Surroundings): readonly Change[] {
  const debts = around.journal.owedBy(resource.id)
  if (debts.length === 0) return []
  const acts = new Map<string, ResourceId[]>()
  for (const debt of debts) acts.set(debt.act, [...(acts.get(debt.act) ?? []), debt.cause])
  return [...acts].map(([act, causes]) => ({ type: 'act', field: act, reason: `${causes.join(', ')} changed` }))
}

function patienceOf(resource: Resource): Patience {
  return { timeoutMs: resource.timeoutMs ?? USUAL_PATIENCE.timeoutMs, retries: resource.retries ?? USUAL_PATIENCE.retries }
}

export function checkContext(resource: Resource, around: Surroundings, signal: AbortSignal): CheckContext {
  return {
    observer: around.machine,
    signal,
    pinned: around.pins.pinned,
    interrupted: around.journal.interrupted(resource.id),
    planning: around.planning,
  }
}

function outputOf({ id }: Resource, { story }: Surroundings): Output {
  return boundedOutput((stream, text) => story.tell({ type: 'resource.output', id, stream, text }))
}

function applyContext(resource: Resource, around: Surroundings, signal: AbortSignal, output: Output): ApplyContext {
  return {
    ...checkContext(resource, around, signal),
    machine: around.machine,
    mark: markOf(around.story.run, resource.id),
    output: output.say,
  }
}
