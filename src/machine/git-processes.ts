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

/** Asks all processes to end that have this in their environment: one git and its children, wherever they were moved to. Those of others can't
 *  be seen, and are none of ours. */
export function endMarked(setting: string): void {
  for (const pid of allProcesses()) {
    if (!look(() => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(setting), false)) continue
    try {
      process.kill(Number(pid), 'SIGTERM')
    } catch {
      // It has ended by itself.
    }
  }
}
