import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import type { FileStat, Observer } from '../core/machine.ts'
import { isSecret, reveal, type Secret } from '../core/secret.ts'
import { NOT_SHOWN } from './content.ts'

/** One file of a tree, as it should be. */
export interface TreeFile {
  readonly content: string | Secret
  /** Octal text. */
  readonly mode: string
  /** What it was made from, for complaints, e.g. 'app.conf'. */
  readonly origin: string | undefined
}

/** By path below the tree, e.g. 'sites/app.conf'. */
export type TreeFiles = ReadonlyMap<string, TreeFile>

const DIRECTORY_MODE = '0755'

/** Refuses paths that lead out of the tree, and a path that is both a file and a directory.
 *  @throws Failure `resource.invalid` */
export function checkTreePaths(label: string, paths: readonly string[]): void {
  const known = new Set(paths)
  for (const path of paths) {
    const parts = path.split('/')
    if (parts.some(part => part === '' || part === '.' || part === '..') || path.includes('\0')) {
      throw new Failure('resource.invalid', `${label}: "${path}" is not a path below the tree`, { hint: 'Write it as sites/app.conf, without a leading slash or "..".' })
    }
    const file = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/')).find(parent => known.has(parent))
    if (file !== undefined) throw new Failure('resource.invalid', `${label}: "${file}" can't be a file and the directory of "${path}"`)
  }
}

/** Every difference between the files at `root` and those that should be there: one change a file or mode, files that should not be there too.
 *  @param root undefined: there is no tree yet */
export function treeDifferences(observer: Observer, root: string | undefined, files: TreeFiles): readonly Change[] {
  const changes: Change[] = []
  const seen = new Set<string>()
  const directories = directoriesOf(files)

  const walk = (below: string): void => {
    const here = below === '' ? (root as string) : `${root}/${below}`
    for (const entry of observer.list(here) ?? []) {
      const path = below === '' ? entry : `${below}/${entry}`
      const file = files.get(path)
      if (file) {
        seen.add(path)
        changes.push(...fileDifferences(observer, `${root}/${path}`, path, file))
        continue
      }
      const stat = observer.stat(`${root}/${path}`)
      if (directories.has(path) && stat?.kind === 'directory') {
        changes.push(...metaDifferences(observer, stat, path, DIRECTORY_MODE))
        walk(path)
      } else {
        changes.push(removal(observer, `${root}/${path}`, path, stat))
      }
    }
  }

  const found = root === undefined ? undefined : observer.stat(root)
  if (found) {
    changes.push(...metaDifferences(observer, found, '.', DIRECTORY_MODE))
    walk('')
  }
  for (const [path, file] of files) {
    if (!seen.has(path)) changes.push(isSecret(file.content) ? { type: 'create', field: path, secret: true } : { type: 'create', field: path, to: file.content })
  }
  return changes
}

function fileDifferences(observer: Observer, at: string, path: string, file: TreeFile): readonly Change[] {
  const stat = observer.stat(at)
  const to = isSecret(file.content) ? { secret: true as const } : { to: file.content }
  if (stat?.kind !== 'file') return [{ type: 'update', field: path, reason: stat?.kind === 'directory' ? 'a directory is in its place' : 'it is no plain file', ...to }]
  const changes = metaDifferences(observer, stat, path, file.mode)
  const found = observer.read(at)
  if (found?.equals(Buffer.from(reveal(file.content)))) return changes
  // What not everybody may read on disk may have been made with a secret, by the recipe as it was before.
  const from = isPublic(stat) ? { from: found?.toString('utf8') ?? '' } : { reason: NOT_SHOWN }
  return [{ type: 'update', field: path, ...('secret' in to ? to : { ...from, ...to }) }, ...changes]
}

function metaDifferences(observer: Observer, stat: FileStat, path: string, mode: string): readonly Change[] {
  const changes: Change[] = []
  if (parseInt(stat.mode, 8) !== parseInt(mode, 8)) changes.push({ type: 'update', field: `${path} mode`, from: stat.mode, to: mode })
  if (observer.privileged && !observer.staging && stat.uid !== 0) changes.push({ type: 'update', field: `${path} owner`, from: stat.uid, to: 0 })
  return changes
}

function removal(observer: Observer, at: string, path: string, stat: FileStat | undefined): Change {
  if (stat?.kind !== 'file') return { type: 'remove', field: path }
  return isPublic(stat) ? { type: 'remove', field: path, from: observer.readText(at) ?? '' } : { type: 'remove', field: path, reason: 'what it says is not shown: others may not read it' }
}

function isPublic({ mode }: FileStat): boolean {
  return (parseInt(mode, 8) & 0o004) !== 0
}

function directoriesOf(files: TreeFiles): ReadonlySet<string> {
  const directories = new Set<string>()
  for (const path of files.keys()) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) directories.add(path.slice(0, slash))
  }
  return directories
}
