import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import type { Ran } from './program.ts'
import { premisesAt, type Premises } from './repository.ts'

/** Ends programs at a call of theirs: a boot, or what else it is made for. */
export interface Killer {
  /** Runs `boot` on the premises, and ends it with SIGKILL before its n-th call that changes a file or starts a process. */
  boot(where: Premises, n: number): Promise<Ran>
  /** How many such calls a whole `boot` of a copy of the premises makes, and that copy; it must succeed. */
  callsOf(where: Premises, to: string): Promise<{ readonly calls: number; readonly whole: Premises }>
}

/** @param dir a directory of the test's own, for the module that programs are made to load first
 *  @param line the command that dies, with its arguments. Default: boot */
export function killer(dir: string, line: readonly [string, ...string[]] = ['boot']): Killer {
  const module = join(dir, 'kill-at.mjs')
  const text = readFileSync(new URL('kill-at.ts', import.meta.url), 'utf8')
  writeFileSync(
    module,
    `${stripTypeScriptTypes(text)}
const { write, at, count } = { write: fs.writeFileSync, at: process.env.KILL_AT, count: process.env.KILL_COUNT }
const calls = killAt(Number(at))
delete process.env.KILL_AT
delete process.env.KILL_COUNT
if (count) process.on('exit', () => write(count, String(calls())))
`,
  )
  const boot = (where: Premises, n: number, env: Record<string, string> = {}): Promise<Ran> =>
    where.sunupWith({ nodeArgs: ['--disable-warning=ExperimentalWarning', '--import', module], env: { KILL_AT: String(n), ...env } }, ...line)
  return {
    boot,
    async callsOf(where, to) {
      // The first run of a program may keep what was compiled of it, and the others not.
      await copyOf(where, `${to}-first`).sunup(...line)
      const whole = copyOf(where, to)
      const count = join(dir, 'count')
      const { code, stdout, stderr } = await boot(whole, Infinity, { KILL_COUNT: count })
      if (code !== 0) throw new Error(`the boot that counts ended with ${code}: ${stdout}${stderr}`)
      return { calls: Number(readFileSync(count, 'utf8')), whole }
    },
  }
}

/** All premises as they are, times included, elsewhere. What lies outside of them (the application's repository) is the same one. */
export function copyOf(where: Premises, to: string): Premises {
  execFileSync('cp', ['-a', where.dir, to])
  return premisesAt(to)
}
