import type { Change } from '../../core/change.ts'
import type { Resource } from '../../core/resource.ts'

/** A service as an image has it: enabled or not, and not started. On the machine that builds it would do an instance's work, with nobody's
 *  identity; and what restarts it owes is paid when the image boots, which starts it with its files as they lie there. */
export function asleep(resource: Resource): Resource {
  if (resource.kind !== 'service') return resource
  const { triggers: _, ahead: __, ...rest } = resource
  const lasting = (changes: readonly Change[]): readonly Change[] => changes.filter(({ field }) => field === 'enabled')
  return {
    ...rest,
    check: async context => lasting(await resource.check(context)),
    apply: (changes, context) => resource.apply(lasting(changes), context),
  }
}
