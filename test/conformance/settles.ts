import type { Test } from 'tap'
import type { Change } from '../../src/core/change.ts'
import type { Event } from '../../src/core/events.ts'
import { Failure } from '../../src/core/failure.ts'
import type { GitWorker } from '../../src/core/git.ts'
import type { Machine } from '../../src/core/machine.ts'
import type { Resource } from '../../src/core/resource.ts'
import { isSecret, reveal } from '../../src/core/secret.ts'
import type { Debt, Journal } from '../../src/engine/journal.ts'
import { pins } from '../../src/engine/pins.ts'
import { checkContext, look, settle, type Surroundings } from '../../src/engine/settle.ts'
import { story } from '../../src/engine/story.ts'
import { systemClock } from '../../src/machine/clock.ts'
import type { TestMachine } from '../support/machine.ts'
import { treeOf } from '../support/tree.ts'

export interface SettlesOptions {
  /** Texts that no event may contain. Secrets among the props are found by themselves. */
  readonly secrets?: readonly string[]
}

/** The contract of every resource, asked of this one on this machine:
 *  the check finds exactly the expected changes; checking writes nothing below `machine.dir` and calls nothing that changes;
 *  an aborted signal ends it, with nothing touched; after the apply the check finds no state that is missing (an `act` is a deed, not a state);
 *  a second settling applies nothing and writes nothing; no secret is in any event.
 *  The machine is left settled, for more assertions; the run's events are returned.
 *  @param expected as the check returns them, values before and after included; empty: it is settled already */
export async function settles(t: Test, machine: TestMachine, resource: Resource, expected: readonly Change[], options: SettlesOptions = {}): Promise<readonly Event[]> {
  const events: Event[] = []
  const around = surroundings(machine, events)
  const watching = surroundings(onlyLooking(t, machine), events)
  const deeds = expected.filter(change => change.type === 'act')

  await t.test(`${resource.id} settles`, async t => {
    const before = treeOf(machine.dir)
    t.strictSame(await look(resource, watching), expected, 'the check finds exactly these changes')
    t.strictSame(treeOf(machine.dir), before, 'checking wrote nothing')

    const stop = AbortSignal.abort(new Failure('signal.term', 'ended by SIGTERM'))
    await Promise.resolve()
      .then(() => resource.check(checkContext(resource, watching, stop)))
      .catch(error => t.equal(error, stop.reason, 'a check that is cut off ends with the reason'))
    const cut = await settle(resource, { ...around, signal: stop })
    t.equal(cut.outcome, 'failed', 'an aborted signal ends it')
    t.equal(cut.failure?.code, 'signal.term')
    t.strictSame(treeOf(machine.dir), before, 'what was aborted touched nothing')

    const first = await settle(resource, around)
    if (first.failure) throw first.failure
    t.equal(first.outcome, expected.length === 0 ? 'unchanged' : 'changed', 'it is applied when something is missing')
    if (expected.length === 0) t.strictSame(treeOf(machine.dir), before, 'a settled resource is left alone')

    const after = treeOf(machine.dir)
    const left = await look(resource, watching)
    t.strictSame(left.filter(change => change.type !== 'act'), [], 'after the apply the check finds nothing missing')
    if (!resource.unguarded) t.equal((await settle(resource, around)).outcome, 'unchanged', `a second apply is not asked for${deeds.length > 0 ? ', nor is the act' : ''}`)
    if (!resource.unguarded) t.strictSame(treeOf(machine.dir), after, 'the second settling wrote nothing')

    const told = JSON.stringify(events)
    for (const secret of [...secretsIn(resource.props), ...(options.secrets ?? [])]) {
      t.notOk(told.includes(secret) || told.includes(JSON.stringify(secret).slice(1, -1)), 'no event contains a secret')
    }
  })
  return events
}

/** What the engine would put around a resource, with nothing on disk but what the resource itself does. */
export function surroundings(machine: Machine, events: Event[]): Surroundings {
  return {
    machine,
    journal: memoryJournal(),
    story: story('20261120T000000-000000', systemClock, [event => void events.push(event)]),
    pins: pins(),
    clock: systemClock,
    signal: new AbortController().signal,
    planning: false,
    owedWhenChanged: () => [],
    resource: () => undefined,
  }
}

function memoryJournal(): Journal {
  const debts: Debt[] = []
  const begun = new Set<string>()
  return {
    owedBy: id => debts.filter(debt => debt.id === id),
    interrupted: id => begun.has(id),
    owe: owed => void debts.push(...owed),
    paid: id => void debts.splice(0, debts.length, ...debts.filter(debt => debt.id !== id)),
    cutOff: () => [],
    begin: id => void begun.add(id),
    end: id => void begun.delete(id),
    clear: () => {},
    close: () => {},
  }
}

const CHANGING = ['write', 'setMode', 'setOwner', 'makeDirectory', 'link', 'rename', 'remove', 'run'] as const satisfies readonly (keyof Machine)[]
const CHANGING_GIT = ['init', 'fetch', 'checkout'] as const satisfies readonly (keyof GitWorker)[]

/** The same machine, on which whatever changes something fails the test: types are stripped when this runs. */
function onlyLooking(t: Test, machine: Machine): Machine {
  const refusing = (names: readonly string[]): object =>
    Object.fromEntries(
      names.map(name => [
        name,
        () => {
          t.fail(`a check called ${name}`)
          throw new Error(`a check called ${name}`)
        },
      ]),
    )
  return { ...machine, ...refusing(CHANGING), git: { ...machine.git, ...refusing(CHANGING_GIT) } }
}

function secretsIn(value: unknown): string[] {
  if (isSecret(value)) return [reveal(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsIn) : []
}
