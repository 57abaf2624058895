import { asFailure, type Failure } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'
import type { Config } from '../roles/config.ts'

export type Settings = Config

/** Where <run> is when sunup.yaml can't say. */
const DEFAULT_RUN = '/run/sunup'

/** The configuration, or why there is none: a broken one must not keep the gate open. */
export function settingsOf(read: () => Settings): { readonly settings?: Settings; readonly fault?: Failure } {
  try {
    return { settings: read() }
  } catch (error) {
    return { fault: asFailure(error) }
  }
}

/** <run> on the host, with a broken configuration the default one. */
export function runDirectoryOf(machine: Machine, settings: Settings | undefined): string {
  return machine.hostPath(settings?.run ?? DEFAULT_RUN)
}

/** Where <state> is when sunup.yaml can't say. */
const DEFAULT_STATE = '/var/lib/sunup'

/** <state> on the host, with a broken configuration the default one: what failed for it must be readable. */
export function stateDirectoryOf(machine: Machine, settings: Settings | undefined): string {
  return machine.hostPath(settings?.state ?? DEFAULT_STATE)
}

/** After how many failed boots a revision is left; undefined: never. */
export function failuresOf({ source }: Settings): number | undefined {
  return 'repository' in source ? source.breaker?.failures : undefined
}
