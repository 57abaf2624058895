import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const CHANGING = ['chmodSync', 'fchmodSync', 'fchownSync', 'lchownSync', 'mkdirSync', 'openSync', 'renameSync', 'rmSync', 'symlinkSync', 'unlinkSync', 'writeFileSync', 'writeSync'] as const

/** From here on this process ends with SIGKILL just before its n-th call that changes a file (from 0). With fewer calls it lives.
 *  For programs that a test starts as processes of their own. */
export function killAt(n: number): void {
  let left = n
  for (const name of CHANGING) {
    const real = fs[name] as (...given: unknown[]) => unknown
    Object.assign(fs, {
      [name]: (...given: unknown[]) => {
        const changes = name !== 'openSync' || (typeof given[1] === 'number' && (given[1] & fs.constants.O_CREAT) !== 0)
        if (changes && left-- <= 0) process.kill(process.pid, 'SIGKILL')
        return real(...given)
      },
    })
  }
  syncBuiltinESMExports()
}
