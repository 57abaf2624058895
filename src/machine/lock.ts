import { closeSync, lstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { isRecord } from '../core/plain.ts'
import { makeOpenDirectory } from '../core/make-directory.ts'
import { ownPath } from '../core/own-path.ts'
import { readRegularText, WRITTEN_BYTES } from '../core/regular-file.ts'

/** Held until released, or until the process is gone, however it went: the kernel lets go of it. */
export interface Lock {
  release(): void
}

/** Who has the lock: for people, and for a drain that asks a boot to end. It decides nothing. */
export interface Holder {
  readonly command: string
  readonly pid: number
}

/** Takes the lock, or returns undefined because somebody else has it: at once, without waiting.
 *
 *  It is a write transaction of SQLite on an empty database: a record lock of the kernel, which no crash leaves behind and which is not
 *  undone by whoever unlinks a pid file. An immediate one, not an exclusive one: two that come at once could each find the other's
 *  shared lock in the way of an exclusive one, and both go away. The journal is kept in memory, so nothing is written.
 *  Such a lock is lost when this process opens and closes the file by other means: nothing else may read it.
 *  @param holder who takes it, written beside it as `<file>.holder`; without it nobody can tell
 *  @throws Failure `file.denied`, `disk.full` where the file can't be made, `file.kind` when it is something else, `file.escape` when it is a link */
export function tryLock(file: string, holder?: Holder): Lock | undefined {
  make(file)
  const { DatabaseSync } = sqlite()
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file)
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE')
  } catch (error) {
    database?.close()
    if ((error as { errcode?: number }).errcode === BUSY) return undefined
    throw unusable(file, error)
  }
  const held = database
  if (holder) tellHolder(file, holder)
  return {
    release() {
      if (!held.isOpen) return
      // Before the lock is free, for the next one writes its own.
      if (holder) rmSync(holderFile(file), { force: true })
      held.close()
    },
  }
}

/** Does a short piece of work while nobody else does, waiting for them.
 *  @param waitMs how long to wait at most
 *  @throws Failure `file.locked` when that was not enough; what the signal was aborted with */
export async function withLock<T>(file: string, waitMs: number, signal: AbortSignal, work: () => Promise<T> | T): Promise<T> {
  signal.throwIfAborted()
  const until = performance.now() + waitMs
  let lock = tryLock(file)
  while (lock === undefined) {
    if (performance.now() > until) {
      throw new Failure('file.locked', `${file} is locked by another process for more than ${waitMs / 1_000} s`, { hint: 'See who has it open with `fuser -v` on that file.' })
    }
    await sleep(1 + Math.random() * LONGEST_PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
    lock = tryLock(file)
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}

/** Who holds the lock; undefined when nobody does who said so, or who did is gone. Does not touch the lock. */
export function holderOf(file: string): Holder | undefined {
  let told: unknown
  try {
    told = JSON.parse(readRegularText(holderFile(file), WRITTEN_BYTES))
  } catch {
    return undefined
  }
  if (!isRecord(told) || typeof told.command !== 'string' || typeof told.pid !== 'number') return undefined
  const { command, pid, startedAt } = told
  return startTicks(pid) === startedAt && isAlive(pid) ? { command, pid } : undefined
}

/** The failure of whoever came second. */
export function lockHeld(file: string): Failure {
  const holder = holderOf(file)
  return new Failure('lock.held', holder ? `\`sunup ${holder.command}\` (process ${holder.pid}) is at work on this machine` : `another run of sunup is at work on this machine (it holds ${file})`, {
    hint: 'Nothing was touched. Wait until it has ended, then run again.',
  })
}

/** SQLITE_BUSY. */
const BUSY = 5
/** Short sections take about a millisecond; pauses of random length keep those who wait from moving in step. */
const LONGEST_PAUSE_MS = 15

function holderFile(file: string): string {
  return `${file}.holder`
}

function make(file: string): void {
  try {
    if (lstatSync(ownPath(dirname(file), basename(file)), { throwIfNoEntry: false })) return
    makeOpenDirectory(dirname(file))
    // Nobody else may read it: a reader could lock it, too.
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if (error instanceof Failure) throw error
    if (errnoOf(error) !== 'EEXIST') throw unusable(file, error)
  }
}

function tellHolder(file: string, { command, pid }: Holder): void {
  try {
    // Whatever lies there was left by one that died, or is a link: it is not written through.
    rmSync(`${holderFile(file)}.new`, { force: true })
    writeFileSync(`${holderFile(file)}.new`, `${JSON.stringify({ command, pid, startedAt: startTicks(pid) })}\n`, { mode: 0o644, flag: 'wx' })
    renameSync(`${holderFile(file)}.new`, holderFile(file))
  } catch {
    // The lock is what counts; without this, others can only say that somebody has it.
  }
}

/** When a process began, in clock ticks since the machine started: with the pid it names a process once and for all.
 *  undefined where there is no /proc, or no such process. Source: proc_pid_stat(5), field 22. */
function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold spaces and parentheses itself.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

/** node:sqlite, without its one warning that it is experimental: what is used of it here is the oldest part of SQLite. */
function sqlite(): typeof import('node:sqlite') {
  const emit = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === 'ExperimentalWarning' && String(warning).startsWith('SQLite')) return
    ;(emit as (...args: unknown[]) => void).call(process, warning, ...rest)
  }) as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emit
  }
}

function unusable(file: string, error: unknown): Failure {
  const sqliteCode = (error as { errcode?: number }).errcode
  if (sqliteCode === 26) return new Failure('file.kind', `${file} is not a lock of sunup`, { cause: error, hint: 'Something else wrote it: move it away.' })
  if (errnoOf(error) === 'ENOSPC' || sqliteCode === 13) return new Failure('disk.full', `the lock ${file} can't be made: ${messageOf(error)}`, { cause: error })
  return new Failure('file.denied', `the lock ${file} can't be taken: ${messageOf(error)}`, { cause: error, hint: 'Run as a user who may write there, or name another `run` in sunup.yaml.' })
}
