import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { copyOf, killer } from './crashes.ts'
import { aside } from './git-repository.ts'
import { abreast } from './program.ts'
import type { Premises } from './repository.ts'

export interface Deaths {
  /** The command that dies and heals, with its arguments. Default: boot */
  readonly line?: readonly [string, ...string[]]
  /** So many of its deaths; SUNUP_TEST_CRASHES=all dies them all. */
  readonly most: number
  /** Looks at what a death left. */
  readonly dead?: (where: Premises, point: string) => void
}

/** Looks at what the command left that ran after a death. @param point the death, for messages */
export type Judge = (where: Premises, point: string) => void | Promise<void>

/** Ends a command before every call of its in turn, each time on a copy of the premises, and runs it again there: that must end well.
 *  @param judging is given the premises of a run that nobody ended, and makes the judge of the others */
export async function everyDeath(t: Test, before: Premises, { line = ['boot'], most, dead }: Deaths, judging: (whole: Premises) => Judge): Promise<void> {
  const work = aside(t, 'deaths')
  const kill = killer(work, line)
  const { calls, whole } = await kill.callsOf(before, join(work, 'whole'))
  const judge = judging(whole)
  const { at, seed } = chosen(calls, most)
  t.comment(`${at.length} of ${calls} calls, SUNUP_TEST_SEED=${seed}`)
  await abreast(at, async n => {
    const where = copyOf(before, join(work, `at-${n}`))
    const died = await kill.boot(where, n)
    const point = `call ${n} (${died.stderr.trim().replaceAll(where.dir, '')})`
    dead?.(where, point)
    const healed = await where.sunup(...line)
    t.match({ signal: died.signal, code: healed.code, stderr: healed.stderr }, { signal: 'SIGKILL', code: 0, stderr: /^$/ }, `${point}: it died, and the next ${line[0]} ended well`)
    await judge(where, point)
    rmSync(where.dir, { recursive: true })
  })
}

/** Which calls to die at: all, or of more than `most` the first 40 and a random spread of the rest.
 *  SUNUP_TEST_CRASHES=all takes every one; SUNUP_TEST_SEED repeats a spread. */
function chosen(calls: number, most: number): { readonly at: readonly number[]; readonly seed: number } {
  const every = Array.from({ length: calls }, (_, n) => n)
  const seed = Number(process.env.SUNUP_TEST_SEED ?? Math.floor(Math.random() * 1e9))
  if (process.env.SUNUP_TEST_CRASHES === 'all' || calls <= most) return { at: every, seed }
  const rest = every.slice(FIRST)
  let state = seed
  const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
  const picked = Array.from({ length: most - FIRST }, () => rest.splice(Math.floor(random() * rest.length), 1)[0] as number)
  return { at: [...every.slice(0, FIRST), ...picked.sort((a, b) => a - b)], seed }
}

const FIRST = 40
