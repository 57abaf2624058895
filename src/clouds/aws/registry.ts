import type { Registry, Row, RowKey, RowPatch } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import { isMemberRole, mayRegister, mayUpdate, nextRow, rowFault } from '../../core/row.ts'
import type { Item } from './attributes.ts'
import type { ItemKey, Items } from './items.ts'
import { ensureTable } from './table.ts'

export interface AwsRegistryOptions {
  readonly items: Items
  readonly leaseMs: number
  readonly clock: Clock
}

/** The registry as rows of a DynamoDB table. A write is conditional on the boot and `seq` of the row it was made from, and is therefore a whole row:
 *  what was read, with the patch. The row that this process wrote or read last spares the next write its read. */
export function awsRegistry({ items, leaseMs, clock }: AwsRegistryOptions): Registry {
  const seen = new Map<string, Item>()
  const nameOf = ({ role, instanceId }: ItemKey): string => JSON.stringify([role, instanceId])

  async function read(key: ItemKey, signal: AbortSignal): Promise<Row | undefined> {
    const item = await items.read(key, signal)
    if (item) seen.set(nameOf(key), item)
    else seen.delete(nameOf(key))
    return item && rowOf(item, items.table)
  }

  async function write(key: RowKey, patch: RowPatch, mayWrite: typeof mayRegister, signal: AbortSignal): Promise<Row> {
    const known = seen.get(nameOf(key))
    const leaseUntil = clock.now() + leaseMs
    const item = await items.change(
      { role: key.role, instanceId: key.instanceId },
      old => {
        const row = old && rowOf(old, items.table)
        mayWrite(key, row)
        return nextRow(key, patch, row, leaseUntil) as unknown as Item
      },
      signal,
      // Nobody is refused by what was so a while ago.
      known?.bootId === key.bootId ? known : undefined,
    )
    seen.set(nameOf(key), item)
    return rowOf(item, items.table)
  }

  return {
    leaseMs,
    read: (role, instanceId, signal) => read({ role, instanceId }, signal),
    register: (key, patch, signal) => write(key, patch, mayRegister, signal),
    update: (key, patch, signal) => write(key, patch, mayUpdate, signal),
    async remove(key, signal) {
      seen.delete(nameOf(key))
      return await items.remove(key, { bootId: key.bootId }, signal)
    },
    async *list(role, signal, foreign) {
      if (role !== undefined && !isMemberRole(role)) return
      for await (const page of role === undefined ? items.scan(signal) : items.query(role, signal)) {
        for (const item of page) {
          const fault = rowFault(item)
          if (fault === undefined) yield item as unknown as Row
          else (foreign ?? thrown)(notOurs(item, items.table, fault))
        }
      }
    },
    ensureTable: signal => ensureTable(items, clock, signal),
  }
}

function rowOf(item: Item, table: string): Row {
  const fault = rowFault(item)
  if (fault === undefined) return item as unknown as Row
  throw notOurs(item, table, fault)
}

function thrown(failure: Failure): never {
  throw failure
}

function notOurs(item: Item, table: string, fault: string): Failure {
  return new Failure('cloud.invalid', `${table}: the row of ${String(item.instanceId)} in ${String(item.role)} is none of sunup's: ${fault}`, { hint: 'Something else wrote it: remove the item from the table.' })
}
