import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from './failure.ts'

/** Makes a directory with the missing ones above it. Node's own way (`recursive: true`) tries for ever where a file system answers ENOENT to any new
 *  name, as procfs does.
 *  @param mode of each that is made, less the umask
 *  @returns the uppermost that was made; undefined: it was there
 *  @throws as mkdir(2) */
export function makeDirectory(path: string, mode = 0o777): string | undefined {
  try {
    return make(path, mode)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    const first = makeDirectory(dirname(path), mode)
    return first === undefined ? make(path, mode) : (make(path, mode), first)
  }
}

function make(path: string, mode: number): string | undefined {
  try {
    mkdirSync(path, mode)
    return path
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined
    throw error
  }
}

/** The same with mode 0755 whatever the umask is: others pass through, as the web server does on its way to the health file. Born with its mode:
 *  one that is set afterwards would be lost to a kill in between. */
export function makeOpenDirectory(path: string): void {
  const umask = process.umask(0)
  try {
    makeDirectory(path, 0o755)
  } finally {
    process.umask(umask)
  }
}
