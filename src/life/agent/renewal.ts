import { compareBoots } from '../../core/boot-id.ts'
import type { Registry, Row, RowKey, RowPatch } from '../../core/cloud.ts'
import { asFailure } from '../../core/failure.ts'

/** Renews this boot's row. One that is gone only because the registry was out of reach for so long that it was collected as garbage, or because an
 *  older state of the table was restored, is made anew: nobody has taken it away.
 *  @param known the row as this process wrote it last; undefined: it has not yet
 *  @param now epoch milliseconds
 *  @throws Failure `registry.lost` */
export async function renewRow(registry: Registry, key: RowKey, patch: RowPatch, known: Row | undefined, now: number, signal: AbortSignal): Promise<Row> {
  try {
    return await registry.update(key, patch, signal)
  } catch (error) {
    if (asFailure(error).code !== 'registry.lost' || known?.role !== key.role || known.bootId !== key.bootId) throw error
    const row = await registry.read(key.role, key.instanceId, signal)
    const isForgotten = row === undefined ? known.expiresAt * 1_000 < now : compareBoots(key.bootId, row.bootId) !== 'older'
    if (!isForgotten) throw error
    const { role: _role, instanceId: _id, bootId: _boot, seq: _seq, leaseUntil: _until, expiresAt: _expires, ...attributes } = known
    return await registry.register(key, { ...attributes, ...patch }, signal)
  }
}
