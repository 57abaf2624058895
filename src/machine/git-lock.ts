import { readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { uptime } from 'node:os'
import { basename, dirname } from 'node:path'
import { allProcesses, look } from './git-processes.ts'

/** A git that closes its lock and renames it does so at once; past this age nobody is about to. */
const YOUNG_MS = 60_000

/** Removes a lock file that no process holds, left by a git that was killed. A lock is stale when no process has it open, and it is
 *  older than the machine's boot or than a minute, or no git is at work in that repository. What can't be looked into counts as at work.
 *  @returns whether the way is free */
export function removeStaleLock(lock: string, gitDirectory: string): boolean {
  const made = statSync(lock, { throwIfNoEntry: false })
  if (made === undefined) return true
  const ageMs = Date.now() - made.mtimeMs
  const processes = allProcesses()
  const place = basename(gitDirectory) === '.git' ? dirname(gitDirectory) : gitDirectory
  if (processes.some(pid => holds(pid, lock))) return false
  if (ageMs < YOUNG_MS && ageMs < uptime() * 1_000 && processes.some(pid => worksAt(pid, place))) return false
  rmSync(lock, { force: true })
  return true
}

function holds(pid: string, file: string): boolean {
  return look(() => readdirSync(`/proc/${pid}/fd`).some(fd => look(() => readlinkSync(`/proc/${pid}/fd/${fd}`) === file, false)), false)
}

/** Whether the process is a git in this repository, or one whose place can't be seen. */
function worksAt(pid: string, place: string): boolean {
  if (!look(() => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('git'), false)) return false
  return look(() => [readlinkSync(`/proc/${pid}/cwd`), readFileSync(`/proc/${pid}/environ`, 'utf8'), readFileSync(`/proc/${pid}/cmdline`, 'utf8')].some(text => text.includes(place)), true)
}
