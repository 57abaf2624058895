import { isUtf8 } from 'node:buffer'
import { realpathSync } from 'node:fs'
import { errnoOf } from '../../../core/failure.ts'
import type { FileKind, Observer } from '../../../core/machine.ts'
import type { Sighting } from './finding.ts'

/** Those of the paths where something is; a link is something, wherever it leads. */
export function present(machine: Observer, paths: readonly string[]): readonly Sighting[] {
  return paths.filter(path => machine.stat(path) !== undefined).map(path => ({ path }))
}

/** The same for files that programs find through links. What a link leads to may be somebody else's as well: that is for a person to decide. */
export function presentThrough(machine: Observer, paths: readonly string[]): readonly Sighting[] {
  return present(machine, paths).flatMap(({ path }) => {
    if (machine.stat(path)?.kind !== 'link') return [{ path }]
    const target = behind(machine, path)
    if (target === undefined) return [{ path }]
    // A history that nobody writes: a link to /dev/null.
    if (target.kind === 'other') return []
    return [{ path, detail: `a link to ${target.path}`, fix: 'none', hint: 'Remove it, and what it leads to.' }]
  })
}

/** What lies in a directory, or in one that a link leads to, by name; nothing where it is neither. */
export function inside(machine: Observer, directory: string, which: (name: string) => boolean = () => true): readonly Sighting[] {
  return namesIn(machine, directory).filter(which).map(name => ({ path: `${directory}/${name}` }))
}

/** Regular files below a directory, at most so many levels down; links in it are not followed. */
export function filesBelow(machine: Observer, directory: string, levels: number, skip?: (name: string) => boolean): readonly string[] {
  return entriesBelow(machine, directory, levels, skip).filter(({ kind }) => kind === 'file').map(({ path }) => path)
}

/** What has a name there that is no text: nothing that is asked of it by that name is answered. */
export function unreadableBelow(machine: Observer, directory: string, levels: number, skip?: (name: string) => boolean): readonly string[] {
  return entriesBelow(machine, directory, levels, skip).filter(({ path, kind }) => kind === undefined && path.includes('\uFFFD')).map(({ path }) => path)
}

/** Whether there are names to be listed: a directory, or a link to one. */
export function isListed(machine: Observer, path: string): boolean {
  const kind = machine.stat(path)?.kind
  return kind === 'directory' || (kind === 'link' && machine.list(path) !== undefined)
}

interface Entry {
  readonly path: string
  readonly kind: FileKind | undefined
}

function entriesBelow(machine: Observer, directory: string, levels: number, skip: (name: string) => boolean = () => false): readonly Entry[] {
  return namesIn(machine, directory).flatMap((name): readonly Entry[] => {
    const path = `${directory === '/' ? '' : directory}/${name}`
    const kind = machine.stat(path)?.kind
    return kind === 'directory' && levels > 1 && !skip(name) ? entriesBelow(machine, path, levels - 1, skip) : [{ path, kind }]
  })
}

function namesIn(machine: Observer, directory: string): readonly string[] {
  return isListed(machine, directory) ? (machine.list(directory) ?? []) : []
}

/** Where a link leads in the end, as resources name it; undefined: to nothing. */
function behind(machine: Observer, path: string): Entry | undefined {
  try {
    const real = realpathSync(machine.hostPath(path))
    const target = machine.staging ? real.slice(realpathSync(machine.root).length) : real
    return { path: target, kind: machine.stat(target)?.kind }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Nobody writes a larger one by hand. */
const WRITTEN_BYTES = 256 * 1024

/** The text of a regular file that somebody may have written; undefined: it is none. */
export function writtenText(machine: Observer, path: string): string | undefined {
  const file = machine.stat(path)
  if (file?.kind !== 'file' || file.size === 0 || file.size > WRITTEN_BYTES) return undefined
  const bytes = machine.read(path)
  return bytes !== undefined && isUtf8(bytes) ? bytes.toString() : undefined
}
