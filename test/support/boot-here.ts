import { join } from 'node:path'
import type { Clock } from '../../src/core/clock.ts'
import type { Event } from '../../src/core/events.ts'
import type { Ended, Frame } from '../../src/engine/run.ts'
import { boot, type BootParts } from '../../src/life/boot.ts'
import { plan } from '../../src/life/plan.ts'
import type { World } from '../../src/cli/compose.ts'
import { cloudOf } from '../../src/cli/place.ts'
import { systemClock } from '../../src/machine/clock.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import { loadConfig } from '../../src/roles/config.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { builtIn } from './provisioning.ts'
import type { Premises } from './repository.ts'

export interface Conditions {
  /** Default: nobody looks on. */
  readonly attended?: boolean
  readonly clock?: Clock
  /** Default: the machine itself, not a staging root. */
  readonly staged?: boolean
}

/** What a run in the process of the test came to. */
export interface RanHere extends Ended {
  readonly events: readonly Event[]
}

/** A boot in the process of the test: for what no command line can be told. */
export function bootHere(where: Premises, conditions: Conditions = {}): Promise<RanHere> {
  return here('boot', where, conditions, (frame, parts) => boot(frame, { ...parts, attended: conditions.attended ?? false }))
}

/** A plan in the process of the test. */
export function planHere(where: Premises, conditions: Conditions = {}): Promise<RanHere> {
  return here('plan', where, conditions, plan)
}

async function here(
  command: string,
  where: Premises,
  { clock = systemClock, staged = false }: Conditions,
  act: (frame: Frame, parts: Omit<BootParts, 'attended'>) => Promise<Ended>,
): Promise<RanHere> {
  const events: Event[] = []
  installHooks(new URL('../../src/index.ts', import.meta.url).href)
  const ended = await act(
    { command, version: '0', clock, sinks: [event => events.push(event)], signal: new AbortController().signal },
    {
      machine: staged ? hostMachine({ root: where.root }) : hostMachine(),
      settings: () => loadConfig({ file: join(where.infra, 'sunup.yaml'), env: undefined, cwd: () => where.dir }),
      runOfBroken: () => undefined,
      cloud: given => cloudOf(given, { env: {}, writeError: () => {} } as unknown as World),
      repository: async () => ({ directory: where.infra, revision: undefined, builtIn, role: undefined }),
      warn: () => {},
      role: undefined,
    },
  )
  return { ...ended, events }
}
