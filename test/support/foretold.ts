import type { Change } from '../../src/core/change.ts'
import type { Event, Outcome } from '../../src/core/events.ts'
import type { ResourceId } from '../../src/core/resource.ts'

export interface Told {
  readonly outcome: Outcome
  readonly changes: readonly Change[]
}

/** Of each resource how it ended, and its changes, by its id. */
export function toldOf(events: readonly Event[]): ReadonlyMap<ResourceId, Told> {
  const changes = new Map(events.flatMap(event => (event.type === 'resource.checked' ? [[event.id, event.changes] as const] : [])))
  return new Map(events.flatMap(event => (event.type === 'resource.finished' ? [[event.id, { outcome: event.outcome, changes: changes.get(event.id) ?? [] }] as const] : [])))
}

/** Where a plan and the boot after it differ: what was foretold was not done, or done otherwise, or what was done was not foretold.
 *  What was called unknown may come to anything. Reasons are words: what `changes` in a plan `changed` in a boot. */
export function untrue(planned: readonly Event[], booted: readonly Event[]): string[] {
  const [plan, boot] = [toldOf(planned), toldOf(booted)]
  return [...new Set([...plan.keys(), ...boot.keys()])].flatMap(id => {
    const [foretold, done] = [plan.get(id), boot.get(id)]
    if (foretold?.outcome === 'unknown' && done !== undefined) return []
    const wanted = foretold?.outcome === 'pending' ? 'changed' : foretold?.outcome
    if (wanted !== done?.outcome) return [`${id}: foretold ${foretold?.outcome}, but ${done?.outcome}`]
    const [before, after] = [JSON.stringify(foretold?.changes.map(wordless)), JSON.stringify(done?.changes.map(wordless))]
    return before === after ? [] : [`${id}: foretold ${before}, but did ${after}`]
  })
}

function wordless({ reason: _, ...change }: Change): Omit<Change, 'reason'> {
  return change
}
