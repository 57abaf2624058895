import type { Planned } from './planned.ts'
import { checkContext, type Surroundings } from './settle.ts'
import type { ResourceId } from '../core/resource.ts'

/** Questions to the outside that are put before their resources' turn: a git is started, and the machine looked at while it runs.
 *  It changes how long a run takes, and nothing else: an answer that fails is no answer, and one from before a change is not believed. */
export interface Ahead {
  /** Whether anything was asked. */
  readonly asking: boolean
  /** The resource's turn has come: what was asked for it now ends with this signal. */
  turn(id: ResourceId, signal: AbortSignal): void
  /** The machine was changed, and with it maybe what git, ssh or the proxy would say: what still waits for its turn is asked again then. */
  forget(): void
}

/** Each is a process, and often a connection: not everyone takes many at once. */
const MOST_AT_ONCE = 4

interface Asked {
  readonly controller: AbortController
  readonly keys: string[]
}

export function askAhead(planned: readonly Planned[], around: Surroundings): Ahead {
  const waiting = new Map<ResourceId, Asked>()
  for (const { resource, unknownUntil } of planned) {
    // What a guard may leave out is not asked for.
    if (!resource.ahead || resource.onlyIf || resource.notIf || unknownUntil !== undefined || (resource.hostOnly !== undefined && around.machine.staging)) continue
    const asked: Asked = { controller: new AbortController(), keys: [] }
    const context = checkContext(resource, around, AbortSignal.any([around.signal, asked.controller.signal]))
    const pinned: typeof context.pinned = (key, ask) => {
      asked.keys.push(key)
      return context.pinned(key, ask)
    }
    resource.ahead({ ...context, pinned })
    waiting.set(resource.id, asked)
    if (waiting.size === MOST_AT_ONCE) break
  }
  return {
    asking: waiting.size > 0,
    turn(id, signal) {
      const asked = waiting.get(id)
      if (asked === undefined) return
      waiting.delete(id)
      signal.addEventListener('abort', () => asked.controller.abort(signal.reason), { once: true })
    },
    forget() {
      for (const { controller, keys } of waiting.values()) {
        controller.abort()
        keys.forEach(around.pins.forget)
      }
      waiting.clear()
    },
  }
}
