import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, resolve as resolveLexically } from 'node:path'
import { errnoOf, Failure } from '../core/failure.ts'

/** Turns paths as resources name them into paths on the host. */
export interface Paths {
  /** '/', or the staging root, absolute. */
  readonly root: string
  readonly staging: boolean
  /** Every link followed, the last one too, as the root's own. @throws Failure `file.escape` for a loop of links */
  through(path: string): string
  /** The entry itself: links on the way to it are followed, it is not. @throws Failure `file.escape` */
  entry(path: string): string
}

/** As many as Linux follows. */
const MOST_LINKS = 40

/** Paths of the machine itself are its kernel's business; below a staging root links are walked here, with the root as `/`, so that
 *  neither an absolute target nor `..` leads out of it. Nothing is remembered between two calls: whoever changes a link in between
 *  (a command, git, another process) changes what the next call answers. */
export function paths(root: string): Paths {
  const base = resolveLexically(root)
  if (base === '/') return { root: '/', staging: false, through: path => path, entry: path => path }
  return {
    root: base,
    staging: true,
    through: path => plainly(base, path, candidate => candidate) ?? walk(base, path, true),
    entry: path => plainly(base, path, dirname) ?? walk(base, path, false),
  }
}

/** Where there is no link on the way, which one call to realpath(3) proves, the path is what it seems to be.
 *  @param part what of it must be free of links */
function plainly(root: string, path: string, part: (path: string) => string): string | undefined {
  // What `..` means depends on the links before it: that is for walk.
  if (path.includes('/..')) return undefined
  const below = resolveLexically('/', path)
  if (below === '/') return root
  const candidate = root + below
  try {
    const proven = part(candidate)
    return realpathSync.native(proven) === proven ? candidate : undefined
  } catch {
    return undefined
  }
}

function walk(root: string, path: string, last: boolean): string {
  const ahead = path.split('/').reverse()
  const done: string[] = []
  let links = 0
  while (ahead.length > 0) {
    const name = ahead.pop() as string
    if (name === '' || name === '.') continue
    if (name === '..') {
      done.pop()
      continue
    }
    const here = `${root}/${[...done, name].join('/')}`
    const target = !last && isLast(ahead) ? undefined : targetOf(here, path)
    if (target === undefined) {
      done.push(name)
      continue
    }
    if (++links > MOST_LINKS) throw loop(path)
    if (target.startsWith('/')) done.length = 0
    ahead.push(...target.split('/').reverse())
  }
  return done.length === 0 ? root : `${root}/${done.join('/')}`
}

function isLast(ahead: readonly string[]): boolean {
  return ahead.every(name => name === '' || name === '.')
}

/** Where the link at this host path leads; undefined: it is none, or there is nothing. */
function targetOf(here: string, path: string): string | undefined {
  try {
    return lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(here) : undefined
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined
    throw new Failure('file.denied', `${path}: ${here} could not be looked at (${errno})`, { cause: error })
  }
}

export function loop(path: string, cause?: unknown): Failure {
  return new Failure('file.escape', `${path}: its links lead in a circle`, { cause, hint: 'Remove the link that leads back to itself.' })
}
