import type { Event } from '../../src/core/events.ts'
import type { Failure } from '../../src/core/failure.ts'
import type { Machine } from '../../src/core/machine.ts'
import type { Act, Resource } from '../../src/core/resource.ts'
import { settle, type Surroundings } from '../../src/engine/settle.ts'
import { surroundings } from '../conformance/settles.ts'

/** Settles one resource once, with an act that is owed if one is given. Throws the Failure it ended with.
 *  @returns what it told, and what stood around it, for more of the same run */
export async function settling(
  machine: Machine,
  resource: Resource,
  more: { readonly owed?: Act; readonly around?: Surroundings } = {},
): Promise<{ readonly events: readonly Event[]; readonly around: Surroundings }> {
  const events: Event[] = []
  const around = more.around ?? surroundings(machine, events)
  if (more.owed) around.journal.owe([{ id: resource.id, act: more.owed, cause: 'file[/etc/cause]' }])
  const { failure } = await settle(resource, around)
  if (failure) throw failure
  return { events, around }
}

/** The Failure that settling ends with; undefined when it does not fail. */
export async function failing(machine: Machine, resource: Resource, more: Parameters<typeof settling>[2] = {}): Promise<Failure | undefined> {
  return settling(machine, resource, more).then(() => undefined, error => error as Failure)
}
