import { existsSync, linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errnoOf, Failure } from '../../core/failure.ts'
import { makeDirectory } from '../../core/make-directory.ts'
import { fileFailure } from '../../machine/faults.ts'
import { paths } from '../../machine/paths.ts'

/** Whole, and on its way into the directory it lies in: what a later init finds there it brings to its end. */
const WHOLE = '.sunup-init'
/** Not whole yet, by a process of that id. */
const PARTIAL = /^\.sunup-init\.(\d+)$/

/** Lays files out in a directory, which is made if it is not there. Nothing that is there is replaced, whatever happens in between: they are written
 *  beside it first, and then each entry of the top is moved in. One that was killed in between is completed by the next, with what it had meant to write.
 *  @param into absolute
 *  @param names the entries of the top that there will be
 *  @param write fills a directory, whose path it is given
 *  @returns whether that was the end of an earlier one, of which nothing is known but that it was whole
 *  @throws Failure `file.exists` (what is there, one by one), `file.kind`, `file.denied`, `disk.full`: nothing was written */
export async function layOut(into: string, names: readonly string[], write: (directory: string) => Promise<void> | void): Promise<{ readonly completed: boolean }> {
  const whole = join(into, WHOLE)
  return await told(into, async () => {
    mustBeDirectory(into)
    const completed = existsSync(whole)
    if (!completed) {
      refuse(into, names.filter(name => isThere(join(into, name))), 'Nothing was written. Name another directory, or move these away.')
      await prepare(into, whole, write)
    }
    const left = readdirSync(whole).sort()
    refuse(into, left.filter(name => isThere(join(into, name)) && !isOne(join(whole, name), join(into, name))), `They came since an earlier init was cut off. Move them away to have its end, or remove ${whole} to begin anew.`)
    for (const name of left) move(join(whole, name), join(into, name))
    rmdirSync(whole)
    return { completed }
  })
}

async function prepare(into: string, whole: string, write: (directory: string) => Promise<void> | void): Promise<void> {
  const made = makeDirectory(into)
  const partial = `${whole}.${process.pid}`
  try {
    for (const name of readdirSync(into)) if (isAbandoned(name)) rmSync(join(into, name), { recursive: true, force: true })
    mkdirSync(partial)
    await write(partial)
    renameSync(partial, whole)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    if (made !== undefined) rmSync(made, { recursive: true, force: true })
    throw error
  }
}

/** Writes files into a new directory, by their paths. */
export function writeFiles(directory: string, files: ReadonlyMap<string, Buffer | string>): void {
  for (const [path, content] of files) {
    makeDirectory(dirname(join(directory, path)))
    writeFileSync(join(directory, path), content, { flag: 'wx' })
  }
}

function mustBeDirectory(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() ?? !isThere(path)) return
  throw new Failure('file.kind', `${path} is there, and no directory`, { hint: 'Name another one.' })
}

function refuse(into: string, names: readonly string[], hint: string): void {
  if (names.length === 0) return
  throw new Failure('file.exists', `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} in ${into} already, and nothing is overwritten`, { hint })
}

/** A file is linked first, which fails where a name is taken; a directory is renamed, which fails where one with something in it is. */
function move(from: string, to: string): void {
  if (lstatSync(from).isDirectory()) return renameSync(from, to)
  try {
    linkSync(from, to)
  } catch (error) {
    // Cut off between link and unlink; or a file system without links.
    if (!(errnoOf(error) === 'EEXIST' && isOne(from, to))) {
      if (isThere(to)) throw error
      return renameSync(from, to)
    }
  }
  unlinkSync(from)
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function isOne(one: string, other: string): boolean {
  const [a, b] = [lstatSync(one), lstatSync(other)]
  return a.ino === b.ino && a.dev === b.dev
}

function isAbandoned(name: string): boolean {
  const pid = PARTIAL.exec(name)?.[1]
  if (pid === undefined) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return errnoOf(error) === 'ESRCH'
  }
}

async function told<T>(into: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw errnoOf(error) === undefined ? error : fileFailure(error, 'writing into', into, paths('/'))
  }
}
