import { chmodSync, closeSync, constants, fchmodSync, fchownSync, fstatSync, lchownSync, lstatSync, mkdirSync, openSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errnoOf, Failure } from '../core/failure.ts'
import type { Machine, Observer, WriteOptions } from '../core/machine.ts'
import { gidOf, uidOf } from '../core/owner.ts'
import { fileFailure } from './faults.ts'
import type { Paths } from './paths.ts'

export type FileWorker = Pick<Machine, 'write' | 'setMode' | 'setOwner' | 'makeDirectory' | 'link' | 'rename' | 'remove'>

/** Ids to set; undefined leaves that one as it is. */
interface Ids {
  readonly uid: number | undefined
  readonly gid: number | undefined
}

/** Changing files. What replaces something is made beside it and renamed over it, so a kill between any two system calls leaves the old
 *  or the new, and at most one file named as `besideOf` says, which the next change of that path removes.
 *  Nothing is synced: after a power cut the next check reads what is really there. */
export function fileWorker(where: Paths, accounts: Pick<Observer, 'staging' | 'privileged' | 'account' | 'group'>): FileWorker {
  function idsOf(owner: string | undefined, group: string | undefined): Ids {
    return { uid: uidOf(owner, accounts), gid: gidOf(group, accounts) }
  }

  /** Runs the act again after making the directory it missed. */
  function withParents<T>(target: string, act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      makeMissing(dirname(target))
      return act()
    }
  }

  function guarded<T>(doing: string, path: string, act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw fileFailure(error, doing, path, where)
    }
  }

  return {
    write(path, content, options = {}) {
      const ids = idsOf(options.owner, options.group)
      guarded('writing', path, () => {
        const target = where.entry(path)
        const beside = besideOf(target)
        try {
          fill(withParents(target, () => createAnew(beside)), content, options, ids)
          renameSync(beside, target)
        } catch (error) {
          discard(beside)
          throw error
        }
      })
    },
    setMode: (path, mode) => guarded('setting the mode of', path, () => setMode(where.entry(path), path, parseInt(mode, 8))),
    setOwner(path, owner, group) {
      const ids = idsOf(owner, group)
      guarded('setting the owner of', path, () => {
        const target = where.entry(path)
        const found = lstatSync(target)
        if (differ(found, ids)) lchownSync(target, ids.uid ?? found.uid, ids.gid ?? found.gid)
      })
    },
    makeDirectory(path, options = {}) {
      const ids = idsOf(options.owner, options.group)
      guarded('making the directory', path, () => {
        const target = where.through(path)
        const made = withParents(target, () => makeOne(target, parseInt(options.mode ?? '0755', 8)))
        const found = lstatSync(target)
        if (!found.isDirectory()) throw new Failure('file.kind', `${path} is there, and is not a directory`)
        // The owner first: changing it clears the set-id bits.
        if (differ(found, ids)) lchownSync(target, ids.uid ?? found.uid, ids.gid ?? found.gid)
        if (options.mode !== undefined && (!made || differ(found, ids) || (found.mode & 0o7777) !== parseInt(options.mode, 8))) setMode(target, path, parseInt(options.mode, 8))
      })
    },
    link(path, to) {
      guarded('linking', path, () => {
        const target = where.entry(path)
        const beside = besideOf(target)
        try {
          withParents(target, () => symlinkAnew(to, beside))
          renameSync(beside, target)
        } catch (error) {
          discard(beside)
          throw error
        }
      })
    },
    rename(from, to) {
      guarded(`renaming ${from} to`, to, () => {
        const source = where.entry(from)
        const target = where.entry(to)
        lstatSync(source)
        withParents(target, () => renameSync(source, target))
      })
    },
    remove(path) {
      guarded('removing', path, () => {
        const target = where.entry(path)
        if (target === where.root || target === '/') throw new Failure('file.kind', `${path} is the root itself, and is not removed`)
        const found = lstatSync(target, { throwIfNoEntry: false })
        if (found?.isDirectory()) rmSync(target, { recursive: true, force: true })
        else if (found) unlinkSync(target)
        // What a killed write left beside it goes with it.
        discard(besideOf(target))
      })
    },
  }
}

/** Where the new file waits until it replaces the old. Always the same name, so that a leftover is found without a search; hidden, so that
 *  no `*.conf` takes it up; ending as the file does, for checkers that go by that; cut, so that it is no longer than a name may be. */
export function besideOf(path: string): string {
  return `${dirname(path)}/.sunup-new-${basename(path).slice(-50)}`
}

function discard(beside: string): void {
  try {
    unlinkSync(beside)
  } catch {
    // Mostly it is not there; if it can't be removed, what went wrong before is what is to be told.
  }
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Seen by nobody else until its mode is set. */
function createAnew(beside: string): number {
  return anew(beside, () => openSync(beside, NEW, 0o600))
}

function symlinkAnew(to: string, beside: string): void {
  anew(beside, () => symlinkSync(to, beside))
}

/** A leftover of a killed run is in the way once. */
function anew<T>(beside: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    rmSync(beside, { recursive: true, force: true })
    return make()
  }
}

function fill(descriptor: number, content: string | Uint8Array, options: WriteOptions, ids: Ids): void {
  try {
    writeFileSync(descriptor, content)
    const found = fstatSync(descriptor)
    if (differ(found, ids)) fchownSync(descriptor, ids.uid ?? found.uid, ids.gid ?? found.gid)
    fchmodSync(descriptor, parseInt(options.mode ?? '0644', 8))
  } finally {
    closeSync(descriptor)
  }
}

function differ(found: { readonly uid: number; readonly gid: number }, ids: Ids): boolean {
  return (ids.uid !== undefined && ids.uid !== found.uid) || (ids.gid !== undefined && ids.gid !== found.gid)
}

/** Through a descriptor: whoever may write the directory could put a link in the place of what is changed. */
function setMode(target: string, path: string, mode: number): void {
  let descriptor: number
  try {
    descriptor = openSync(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw new Failure('file.kind', `${path} is a link, which has no mode of its own`, { cause: error })
    if (errnoOf(error) !== 'EACCES') throw error
    // One's own file that one may not read: no root runs here, so a swapped link gains nobody anything.
    return chmodSync(target, mode)
  }
  try {
    fchmodSync(descriptor, mode)
  } finally {
    closeSync(descriptor)
  }
}

function makeMissing(directory: string): void {
  try {
    makeOne(directory, 0o755)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    makeMissing(dirname(directory))
    makeOne(directory, 0o755)
  }
}

/** Whether it was made. Born with its mode: a mode set afterwards would be lost to a kill in between, and nobody checks a parent's. */
function makeOne(directory: string, mode: number): boolean {
  const umask = process.umask(0)
  try {
    mkdirSync(directory, mode)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  } finally {
    process.umask(umask)
  }
}
