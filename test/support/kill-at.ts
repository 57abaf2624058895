import processes from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const CHANGING = [
  'appendFileSync', 'chmodSync', 'chownSync', 'copyFileSync', 'cpSync', 'fchmodSync', 'fchownSync', 'ftruncateSync', 'lchownSync', 'linkSync', 'mkdirSync', 'mkdtempSync',
  'openSync', 'renameSync', 'rmSync', 'rmdirSync', 'symlinkSync', 'truncateSync', 'unlinkSync', 'utimesSync', 'writeFileSync', 'writeSync',
] as const
const STARTING = ['exec', 'execFile', 'execFileSync', 'spawn', 'spawnSync'] as const

type Call = (...given: unknown[]) => unknown

/** From here on this process ends with SIGKILL just before its n-th call that changes a file or starts a process (from 0). With fewer calls
 *  it lives. For programs that a test starts as processes of their own.
 *  @returns how many such calls there were */
export function killAt(n: number): () => number {
  let calls = 0
  const say = fs.writeSync
  // Taken now: while recipes run, the program keeps the process's own from them.
  const kill = process.kill.bind(process)
  const mortal = (name: string, real: Call, counts: Call): Call => (...given) => {
    if (counts(...given) && calls++ === n) {
      say(2, `killed before ${name} ${String(given[0])}\n`)
      kill(process.pid, 'SIGKILL')
    }
    return real(...given)
  }
  for (const name of CHANGING) Object.assign(fs, { [name]: mortal(name, fs[name] as Call, name === 'openSync' ? isMaking : name === 'writeSync' ? isOfFile : () => true) })
  for (const name of STARTING) Object.assign(processes, { [name]: mortal(name, processes[name] as Call, () => true) })
  syncBuiltinESMExports()
  return () => calls
}

function isMaking(_path: unknown, flags: unknown): boolean {
  return typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : typeof flags === 'string' && /[wa]/.test(flags)
}

/** What is printed changes nothing. */
function isOfFile(descriptor: unknown): boolean {
  return Number(descriptor) > 2
}
