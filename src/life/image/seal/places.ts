import { isUtf8 } from 'node:buffer'
import type { Observer } from '../../../core/machine.ts'
import type { Sighting } from './finding.ts'

/** Those of the paths where something is; a link is something, wherever it leads. */
export function present(machine: Observer, paths: readonly string[]): readonly Sighting[] {
  return paths.filter(path => machine.stat(path) !== undefined).map(path => ({ path }))
}

/** What lies in a directory, by name; nothing where it is a link or none. */
export function inside(machine: Observer, directory: string, which: (name: string) => boolean = () => true): readonly Sighting[] {
  if (machine.stat(directory)?.kind !== 'directory') return []
  return (machine.list(directory) ?? []).filter(which).map(name => ({ path: `${directory}/${name}` }))
}

/** Regular files below a directory, at most so many levels down; links are not followed. */
export function filesBelow(machine: Observer, directory: string, levels: number, skip: (name: string) => boolean = () => false): readonly string[] {
  if (machine.stat(directory)?.kind !== 'directory') return []
  return (machine.list(directory) ?? []).flatMap(name => {
    const path = `${directory === '/' ? '' : directory}/${name}`
    const kind = machine.stat(path)?.kind
    if (kind === 'file') return [path]
    return kind === 'directory' && levels > 1 && !skip(name) ? filesBelow(machine, path, levels - 1, skip) : []
  })
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
