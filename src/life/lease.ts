import type { Registry, RowKey } from '../core/cloud.ts'
import { asFailure, type Failure } from '../core/failure.ts'

/** Renews the row's lease while a run lasts, every third of it. A renewal that fails is made good by the next one;
 *  a row that belongs to another boot by now ends the run.
 *  @returns how to stop */
export function keepLease(registry: Registry, key: RowKey, signal: AbortSignal, lost: (failure: Failure) => void): () => void {
  const timer = setInterval(() => {
    registry.update(key, {}, signal).catch(error => {
      const failure = asFailure(error)
      if (failure.code === 'registry.lost') lost(failure)
    })
  }, registry.leaseMs / 3)
  timer.unref()
  return () => clearInterval(timer)
}
