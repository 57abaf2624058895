import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'
import { errnoOf, Failure } from '../core/failure.ts'
import type { FileKind, FileStat, Observer } from '../core/machine.ts'
import { readRegular } from '../core/regular-file.ts'
import { fileFailure, isAbsence } from './faults.ts'
import type { Paths } from './paths.ts'

export type FileObserver = Pick<Observer, 'stat' | 'read' | 'readText' | 'list' | 'readLink'>

/** Looking at files: a settled run is mostly this, so each question is one or two system calls. */
export function fileObserver(where: Paths): FileObserver {
  function read(path: string): Buffer | undefined {
    try {
      return readRegular(where.through(path))
    } catch (error) {
      if (isAbsence(error)) return undefined
      if (errnoOf(error) === 'EISDIR') throw new Failure('file.kind', `${path} is a directory, not a file`, { cause: error })
      if (error instanceof Failure && error.code === 'file.kind') throw new Failure('file.kind', `${path} can't be read: ${error.message}`, { cause: error })
      throw fileFailure(error, 'reading', path, where)
    }
  }

  return {
    stat(path) {
      try {
        const found = lstatSync(where.entry(path), { throwIfNoEntry: false })
        return found && statOf(found)
      } catch (error) {
        if (isAbsence(error)) return undefined
        throw fileFailure(error, 'looking at', path, where)
      }
    },
    read,
    readText: path => read(path)?.toString('utf8'),
    list(path) {
      try {
        return readdirSync(where.through(path)).sort()
      } catch (error) {
        if (isAbsence(error)) return undefined
        throw fileFailure(error, 'listing', path, where)
      }
    },
    readLink(path) {
      try {
        return readlinkSync(where.entry(path))
      } catch (error) {
        if (isAbsence(error) || errnoOf(error) === 'EINVAL') return undefined
        throw fileFailure(error, 'reading the link', path, where)
      }
    },
  }
}

function statOf(found: Stats): FileStat {
  const { mode, uid, gid, size, mtimeMs, ino, dev } = found
  return { kind: kindOf(found), mode: (mode & 0o7777).toString(8).padStart(4, '0'), uid, gid, size, mtimeMs, ino, dev }
}

function kindOf(found: Stats): FileKind {
  if (found.isFile()) return 'file'
  if (found.isDirectory()) return 'directory'
  return found.isSymbolicLink() ? 'link' : 'other'
}
