import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../core/cloud.ts'
import { asFailure } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'
import { runsIn } from '../engine/history.ts'
import { byAge } from '../engine/run-order.ts'
import type { Settings } from './settings.ts'

/** Where this instance's state is on the host: `<state>/<instance id>`. Where the identity can't be had, the newest state there is:
 *  a run that failed for that very reason must be readable, too. */
export async function ownDirectory(machine: Machine, settings: Settings, cloud: () => Promise<Cloud>, signal: AbortSignal): Promise<string> {
  const state = machine.hostPath(settings.state)
  try {
    const { id } = await (await cloud()).metadata.identity(signal)
    if (runsIn(join(state, id, 'runs')).length > 0) return join(state, id)
    return newestIn(state) ?? join(state, id)
  } catch (error) {
    const newest = newestIn(state)
    if (newest === undefined) throw asFailure(error)
    return newest
  }
}

const UNKNOWN_KEPT = 20

/** Where a run is kept that never learnt who it was; the oldest of such are let go of. */
export function unknownDirectory(state: string, run: string): string {
  const others = names(state).filter(name => name.startsWith('unknown-')).sort()
  for (const name of others.slice(0, Math.max(0, others.length - UNKNOWN_KEPT + 1))) rmSync(join(state, name), { recursive: true, force: true })
  return join(state, `unknown-${run}`)
}

function newestIn(state: string): string | undefined {
  const newest = new Map(names(state).flatMap(name => runsIn(join(state, name, 'runs')).slice(0, 1).map(run => [run, name])))
  const run = byAge(join(state, 'any/runs'), [...newest.keys()]).at(-1)
  return run === undefined ? undefined : join(state, newest.get(run) as string)
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)
  } catch {
    return []
  }
}
