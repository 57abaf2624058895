import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errnoOf, Failure, messageOf } from '../../core/failure.ts'
import { isRecord } from '../../core/plain.ts'
import { makeDirectory } from '../../core/make-directory.ts'
import { readRegular, WRITTEN_BYTES } from '../../core/regular-file.ts'

/** Does work while no other process of this cloud writes. */
export type Exclusively = <T>(signal: AbortSignal, work: () => Promise<T> | T) => Promise<T>

/** The text of a file; undefined: there is none. @throws Failure `file.denied` */
export function readText(file: string): string | undefined {
  return readBytes(file)?.toString('utf8')
}

/** As readText. */
export function readBytes(file: string): Buffer | undefined {
  try {
    return readRegular(file, WRITTEN_BYTES)
  } catch (error) {
    // ENOTDIR: what should be the directory is a file, so there is nothing in it; whoever writes there will hear of it.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw new Failure('file.denied', `${file} can't be read: ${messageOf(error)}`, { cause: error })
  }
}

/** Names in a directory, sorted; of one that does not exist, none. @throws Failure `file.denied` */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return []
    throw new Failure('file.denied', `${directory} can't be read: ${messageOf(error)}`, { cause: error })
  }
}

/** A JSON object that this cloud wrote; undefined: there is none.
 *  @throws Failure `cloud.invalid` when it holds something else */
export function readObject(file: string): Record<string, unknown> | undefined {
  const text = readText(file)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw notOurs(file, messageOf(error), error)
  }
  if (!isRecord(value)) throw notOurs(file, 'it is no JSON object')
  return value
}

export function notOurs(file: string, why: string, cause?: unknown): Failure {
  return new Failure('cloud.invalid', `${file} is not what the local cloud wrote there: ${why}`, { cause, hint: 'Something else changed it: mend it, or remove it.' })
}

/** Replaces the file in one rename. To be called exclusively: the staged file has a fixed name, so that one left by a crash is the next one's. */
export function writeObject(file: string, value: object): void {
  const staged = join(dirname(file), `.${basename(file)}.new`)
  guarded(file, () => {
    makeDirectory(dirname(file))
    writeFileSync(staged, `${JSON.stringify(value, undefined, 2)}\n`)
    renameSync(staged, file)
  })
}

export function removeFile(file: string): void {
  guarded(file, () => rmSync(file, { force: true }))
}

/** Refuses what would name a file elsewhere. @throws Failure `cloud.invalid` */
export function namePart(what: string, name: string): string {
  if (/^[\w#][\w.:@+-]*$/.test(name)) return name
  throw new Failure('cloud.invalid', `${JSON.stringify(name)} can't be ${what}`, { hint: 'Use letters, digits and . _ - alone, beginning with a letter or digit.' })
}

function guarded(file: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    const code = errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied'
    throw new Failure(code, `${file} can't be written: ${messageOf(error)}`, { cause: error, hint: 'It belongs to the local cloud: see `local.directory` in sunup.yaml.' })
  }
}
