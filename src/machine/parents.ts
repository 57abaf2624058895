import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from '../core/failure.ts'

/** Makes a directory of the host with all it lies in: 0755, whatever the umask is. */
export function makeMissing(directory: string): void {
  try {
    makeOne(directory, 0o755)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    makeMissing(dirname(directory))
    makeOne(directory, 0o755)
  }
}

/** Makes one directory, unless something is there. Born with its mode: a mode set afterwards would be lost to a kill in between, and nobody checks a parent's. */
export function makeOne(directory: string, mode: number): void {
  const umask = process.umask(0)
  try {
    mkdirSync(directory, mode)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  } finally {
    process.umask(umask)
  }
}
