import { asFailure, type Failure } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'
import type { Config } from '../roles/config.ts'

export type Settings = Config

/** Where <run> is when sunup.yaml can't say. */
export const DEFAULT_RUN = '/run/sunup'

export interface Tried {
  readonly settings?: Settings
  readonly fault?: Failure
  /** <run>: what is known of it even then. */
  readonly run: string
}

/** The configuration, or why there is none: a broken one must not keep the gate open.
 *  @param runOfBroken the <run> that a broken one seems to name */
export function settingsOf(read: () => Settings, runOfBroken: () => string | undefined): Tried {
  try {
    const settings = read()
    return { settings, run: settings.run }
  } catch (error) {
    return { fault: asFailure(error), run: runOfBroken() ?? DEFAULT_RUN }
  }
}

/** <run> on the host. */
export function runDirectoryOf(machine: Machine, { run }: Pick<Settings, 'run'>): string {
  return machine.hostPath(run)
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
