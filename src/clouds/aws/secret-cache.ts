import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { errnoOf, Failure } from '../../core/failure.ts'
import { makeDirectory } from '../../core/make-directory.ts'

export interface CacheOptions {
  /** On a tmpfs: it is made 0700, its files are 0400. */
  readonly directory: string
  /** How old a copy may be. */
  readonly forMs: number
  readonly clock: Clock
}

export interface SecretCache {
  /** undefined: there is no copy that is young enough and surely ours. */
  read(path: string): string | undefined
  /** @throws Failure `cloud.invalid` when the directory is on a disk */
  write(path: string, text: string): void
}

/** File systems that live in memory: tmpfs, ramfs. Source: statfs(2). */
const IN_MEMORY: readonly number[] = [0x01021994, 0x858458f6]

/** Copies of secrets that are gone with the machine's memory, for its owner alone. A copy that anybody else could have written or read is not used. */
export function secretCache({ directory, forMs, clock }: CacheOptions): SecretCache {
  // A name says nothing of the secret, and no path leads out of the directory.
  const fileOf = (path: string): string => join(directory, createHash('sha256').update(path).digest('hex'))
  return {
    read(path) {
      let file: number
      try {
        file = openSync(fileOf(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      } catch (error) {
        if (['ENOENT', 'ELOOP', 'EACCES', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined
        throw error
      }
      try {
        const { uid, mode, mtimeMs } = fstatSync(file)
        const ageMs = clock.now() - mtimeMs
        if (uid !== process.geteuid?.() || (mode & 0o377) !== 0 || ageMs < 0 || ageMs >= forMs) return undefined
        return readFileSync(file, 'utf8')
      } finally {
        closeSync(file)
      }
    },

    write(path, text) {
      makeDirectory(directory, 0o700)
      if (!IN_MEMORY.includes(statfsSync(directory).type)) {
        throw new Failure('cloud.invalid', `${directory} is not in memory: copies of secrets there would reach the disk`, { hint: 'Name a directory on a tmpfs, e.g. below /run.' })
      }
      const staged = join(directory, `.${process.pid}-${clock.monotonic()}`)
      const file = openSync(staged, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o400)
      try {
        writeFileSync(file, text)
        renameSync(staged, fileOf(path))
      } catch (error) {
        unlinkSync(staged)
        throw error
      } finally {
        closeSync(file)
      }
    },
  }
}
