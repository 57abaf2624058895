import { existsSync, linkSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bootIdOf } from '../core/boot-id.ts'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { isRecord } from '../core/plain.ts'
import { makeOpenDirectory } from '../core/make-directory.ts'
import { readRegularText, WRITTEN_BYTES } from '../core/regular-file.ts'

/** Which boot of the machine this is. */
export interface BootMark {
  /** `<boot time, epoch ms, 13 digits>-<boot_id>`, the registry's. */
  readonly bootId: string
}

/** The mark of this boot, taken once and kept in `<run>/boot`: the boot time is the wall clock less the uptime, so it moves whenever the
 *  clock is set. A file of an earlier boot (a `run` that is no tmpfs) is made anew.
 *  A boot is known by the kernel's boot_id and by the start of process 1: containers share the one, and not the other.
 *  @param proc where procfs is
 *  @throws Failure `file.denied`, `disk.full` */
export function bootMark(runDirectory: string, proc = '/proc'): BootMark {
  const kernel = ask(proc)
  const file = join(runDirectory, 'boot')
  const kept = read(file, kernel)
  if (kept.mark === undefined) return write(file, kept.exists, kernel, proc)
  // Whoever made it died before it had taken away the name under which it was staged.
  if ((lstatSync(file, { throwIfNoEntry: false })?.nlink ?? 1) > 1) forgetStaged(file)
  return kept.mark
}

/** The same for plans: writes nothing, and is a guess to the millisecond where a boot has not been yet. */
export function readBootMark(runDirectory: string, proc = '/proc'): BootMark {
  const kernel = ask(proc)
  return read(join(runDirectory, 'boot'), kernel).mark ?? { bootId: bootIdOf(bootTimeMs(kernel, proc), kernel.bootId) }
}

/** Whether a mark of this boot was taken. @throws Failure `file.denied` */
export function hasBootMark(runDirectory: string, proc = '/proc'): boolean {
  return read(join(runDirectory, 'boot'), ask(proc)).mark !== undefined
}

interface Kernel {
  readonly bootId: string
  /** Clock ticks from the kernel's start to that of process 1; null where it may not be seen (hidepid). */
  readonly initStart: number | null
}

/** Linux reports process times in hundredths of a second on every architecture that Node runs on (USER_HZ; `getconf CLK_TCK`). */
const MS_PER_TICK = 10

function ask(proc: string): Kernel {
  try {
    return { bootId: readFileSync(join(proc, 'sys/kernel/random/boot_id'), 'utf8').trim(), initStart: initStart(proc) }
  } catch (error) {
    throw new Failure('file.denied', `the kernel does not say which boot this is: ${messageOf(error)}`, { cause: error, hint: 'sunup provisions Linux machines, with /proc mounted.' })
  }
}

function initStart(proc: string): number | null {
  try {
    const stat = readFileSync(join(proc, '1/stat'), 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return null
    throw error
  }
}

function bootTimeMs(kernel: Kernel, proc: string): number {
  const seconds = /^btime (\d+)$/m.exec(readFileSync(join(proc, 'stat'), 'utf8'))?.[1]
  if (seconds === undefined) throw new Failure('file.denied', `${join(proc, 'stat')} does not say when the machine was started (no btime)`)
  return Number(seconds) * 1_000 + (kernel.initStart ?? 0) * MS_PER_TICK
}

function read(file: string, kernel: Kernel): { readonly mark?: BootMark; readonly exists: boolean } {
  let text: string
  try {
    // A link is not ours, and is replaced.
    if (lstatSync(file).isSymbolicLink()) return { exists: true }
    text = readRegularText(file, WRITTEN_BYTES)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { exists: false }
    throw new Failure('file.denied', `the boot mark ${file} can't be read: ${messageOf(error)}`, { cause: error })
  }
  const kept = parsed(text)
  const isThisBoot = kept !== undefined && kept.bootId.endsWith(`-${kernel.bootId}`) && (kernel.initStart === null || kept.initStart === null || kept.initStart === kernel.initStart)
  return isThisBoot ? { mark: { bootId: kept.bootId }, exists: true } : { exists: true }
}

/** Torn or foreign is as good as none. */
function parsed(text: string): Kernel | undefined {
  try {
    const kept: unknown = JSON.parse(text)
    if (!isRecord(kept) || typeof kept.bootId !== 'string' || !/^\d{13}-./.test(kept.bootId)) return undefined
    return { bootId: kept.bootId, initStart: typeof kept.initStart === 'number' ? kept.initStart : null }
  } catch {
    return undefined
  }
}

function write(file: string, exists: boolean, kernel: Kernel, proc: string): BootMark {
  const mark = { bootId: bootIdOf(bootTimeMs(kernel, proc), kernel.bootId) }
  const staged = `${file}.${process.pid}.new`
  try {
    const directory = join(file, '..')
    makeOpenDirectory(directory)
    forgetStaged(file)
    rmSync(staged, { force: true })
    writeFileSync(staged, `${JSON.stringify({ ...mark, initStart: kernel.initStart })}\n`, { mode: 0o644, flag: 'wx' })
    try {
      if (exists) renameSync(staged, file)
      else linkSync(staged, file)
    } finally {
      rmSync(staged, { force: true })
    }
  } catch (error) {
    // Another process was first: its mark is everybody's.
    if (errnoOf(error) === 'EEXIST') return read(file, kernel).mark ?? mark
    const isFull = errnoOf(error) === 'ENOSPC'
    const hint = isFull ? undefined : 'Run as a user who may write there, or name another `run` in sunup.yaml.'
    throw new Failure(isFull ? 'disk.full' : 'file.denied', `the boot mark ${file} can't be written: ${messageOf(error)}`, { cause: error, hint })
  }
  return mark
}

/** What processes that are gone have staged. */
function forgetStaged(file: string): void {
  for (const name of readdirSync(dirname(file))) {
    const pid = /^boot\.(\d+)\.new$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(dirname(file), name), { force: true })
  }
}
