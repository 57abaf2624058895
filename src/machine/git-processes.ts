import { readdirSync, readFileSync } from 'node:fs'
import { errnoOf } from '../core/failure.ts'

/** The ids of all processes that can be seen. */
export function allProcesses(): readonly string[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name))
}

/** What a file of /proc says, or `hidden` where the process may not be looked into; of one that has ended meanwhile nothing is so. */
export function look(ask: () => boolean, hidden: boolean): boolean {
  try {
    return ask()
  } catch (error) {
    return errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM' ? hidden : false
  }
}

/** Sends a signal to all processes that have this in their environment: one git and its children, wherever they were moved to. Those of others can't
 *  be seen, and are none of ours. */
export function tellMarked(setting: string, signal: NodeJS.Signals): void {
  for (const pid of marked(setting)) {
    try {
      process.kill(Number(pid), signal)
    } catch {
      // It has ended by itself.
    }
  }
}

/** Who has this in its environment; what has ended has none, even while nobody has collected it. */
export function marked(setting: string): readonly string[] {
  return allProcesses().filter(pid => look(() => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(setting), false))
}
