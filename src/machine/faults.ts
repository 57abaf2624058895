import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import type { Paths } from './paths.ts'
import { loop } from './paths.ts'

/** What a system call said, in our words.
 *  @param doing what was tried, e.g. 'writing' */
export function fileFailure(error: unknown, doing: string, path: string, where: Paths): Failure {
  if (error instanceof Failure) return error
  const errno = errnoOf(error)
  const what = `${doing} ${path}${where.staging ? ` (below ${where.root})` : ''}`
  switch (errno) {
    case 'EACCES':
    case 'EPERM':
      return new Failure('file.denied', `${what} was denied (${errno})`, { cause: error, hint: denialHint(where) })
    case 'EROFS':
      return new Failure('file.denied', `${what} was denied: the file system is read-only`, { cause: error })
    case 'ENOSPC':
      return new Failure('disk.full', `${what} failed: no space left on the device`, { cause: error })
    case 'EDQUOT':
      return new Failure('disk.full', `${what} failed: the quota is used up`, { cause: error, hint: 'Free space or raise the quota, and run again.' })
    case 'ELOOP':
      return loop(path, error)
    case 'EISDIR':
      return new Failure('file.kind', `${what} failed: there is a directory`, { cause: error })
    case 'ENOTDIR':
    case 'EEXIST':
      return new Failure('file.kind', `${what} failed: something on the way to it is not a directory`, { cause: error })
    case 'ENOTEMPTY':
      return new Failure('file.kind', `${what} failed: the directory is not empty`, { cause: error })
    case undefined:
      // Not of the system: a fault in the calling code, to be seen as such.
      throw error
    default:
      return new Failure('file.denied', `${what} failed: ${messageOf(error)}`, { cause: error })
  }
}

/** Nothing there, as opposed to something that could not be looked at. ESRCH: a file of a process, in /proc, that has ended since it was opened. */
export function isAbsence(error: unknown): boolean {
  const errno = errnoOf(error)
  return errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ESRCH'
}

function denialHint(where: Paths): string {
  if (process.geteuid?.() === 0) return 'Even root may not: look for an immutable file, a read-only mount or a security module.'
  return where.staging ? `Give this user write access below ${where.root}.` : 'Run as root, or into a staging root with --root DIR.'
}
