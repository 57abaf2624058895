import { chmodSync, closeSync, constants, fchmodSync, lchownSync, lstatSync, openSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf, Failure } from '../core/failure.ts'
import type { Machine, Observer } from '../core/machine.ts'
import { gidOf, uidOf } from '../core/owner.ts'
import { besideOf, createAnew, differ, discard, fill, symlinkAnew, type Ids } from './beside.ts'
import { fileFailure } from './faults.ts'
import { makeMissing, makeOne } from './parents.ts'
import type { Paths } from './paths.ts'

export type FileWorker = Pick<Machine, 'write' | 'setMode' | 'setOwner' | 'makeDirectory' | 'link' | 'rename' | 'remove'>

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
        const mode = options.mode === undefined ? undefined : parseInt(options.mode, 8)
        withParents(target, () => makeOne(target, mode ?? 0o755))
        const found = lstatSync(target)
        if (!found.isDirectory()) throw new Failure('file.kind', `${path} is there, and is not a directory`)
        // The owner first: changing it clears the set-id bits, which mkdir(2) does not set either.
        const owns = differ(found, ids)
        if (owns) lchownSync(target, ids.uid ?? found.uid, ids.gid ?? found.gid)
        if (mode !== undefined && (owns || (found.mode & 0o7777) !== mode)) setMode(target, path, mode)
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
