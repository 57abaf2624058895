import type { RevisionHistory, Revisions } from '../../core/cloud.ts'
import { Failure } from '../../core/failure.ts'
import { historyFault, knowsGroups, NO_HISTORY, withFailed, withGood } from '../../core/revisions.ts'
import type { Item } from './attributes.ts'
import type { ItemKey, Items } from './items.ts'

/** How boots went, as the row `#revision`/<role> of the registry's table. */
export function awsRevisions(items: Items): Revisions {
  /** By role, as this process last saw it: what a boot read to decide by spares its record a read. */
  const seen = new Map<string, Item>()

  const historyOf = (item: Item | undefined): RevisionHistory => {
    if (item === undefined) return NO_HISTORY
    const fault = historyFault(item)
    if (fault === undefined) return { seq: item.seq, revisions: item.revisions, ...(item.groups !== undefined && { groups: item.groups }) } as unknown as RevisionHistory
    throw new Failure('cloud.invalid', `${items.table}: the row of revisions of ${String(item.instanceId)} is none of sunup's: ${fault}`, { hint: 'Something else wrote it: remove the item #revision from the table.' })
  }

  const record = async (role: string, judge: (history: RevisionHistory) => RevisionHistory, signal: AbortSignal): Promise<RevisionHistory> => {
    const key = keyOf(role)
    const item = await items.change(
      key,
      old => {
        const history = historyOf(old)
        const next = judge(history)
        return next === history && old ? old : ({ ...key, ...next } as unknown as Item)
      },
      signal,
      seen.get(role),
    )
    seen.set(role, item)
    return historyOf(item)
  }

  return {
    recordGood: (role, boot, signal) => record(role, history => withGood(history, boot), signal),
    recordFailed: (role, boot, failure, signal) => record(role, history => withFailed(history, boot, failure), signal),
    async history(role, signal) {
      const item = await items.read(keyOf(role), signal)
      if (item) seen.set(role, item)
      else seen.delete(role)
      return historyOf(item)
    },
    async roleWith(groups, signal) {
      const roles: string[] = []
      for await (const page of items.query(OWN, signal)) {
        for (const item of page) if (historyFault(item) === undefined && knowsGroups(historyOf(item), groups)) roles.push(String(item.instanceId))
      }
      return roles.length === 1 ? roles[0] : undefined
    },
  }
}

const OWN = '#revision'

function keyOf(role: string): ItemKey {
  return { role: OWN, instanceId: role }
}
