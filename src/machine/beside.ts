import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errnoOf } from '../core/failure.ts'
import type { WriteOptions } from '../core/machine.ts'

/** Ids to set; undefined leaves that one as it is. */
export interface Ids {
  readonly uid: number | undefined
  readonly gid: number | undefined
}

/** Where the new file waits until it replaces the old. Always the same name, so that a leftover is found without a search; hidden, so that
 *  no `*.conf` takes it up; ending as the file does, for checkers that go by that; cut, so that it is no longer than a name may be. */
export function besideOf(path: string): string {
  return `${dirname(path)}/.sunup-new-${basename(path).slice(-50)}`
}

/** For cleaning up after something that failed. */
export function discard(beside: string): void {
  try {
    unlinkSync(beside)
  } catch {
    // Mostly it is not there; if it can't be removed, what went wrong before is what is to be told.
  }
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Seen by nobody else until its mode is set. */
export function createAnew(beside: string): number {
  return anew(beside, () => openSync(beside, NEW, 0o600))
}

export function symlinkAnew(to: string, beside: string): void {
  anew(beside, () => symlinkSync(to, beside))
}

/** A leftover of a killed run is in the way once. */
function anew<T>(beside: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    rmSync(beside, { recursive: true, force: true })
    return make()
  }
}

/** Closes it in the end. The owner before the mode: changing it clears the set-id bits. */
export function fill(descriptor: number, content: string | Uint8Array, options: WriteOptions, ids: Ids): void {
  try {
    writeFileSync(descriptor, content)
    const found = fstatSync(descriptor)
    if (differ(found, ids)) fchownSync(descriptor, ids.uid ?? found.uid, ids.gid ?? found.gid)
    fchmodSync(descriptor, parseInt(options.mode ?? '0644', 8))
  } finally {
    closeSync(descriptor)
  }
}

export function differ(found: { readonly uid: number; readonly gid: number }, ids: Ids): boolean {
  return (ids.uid !== undefined && ids.uid !== found.uid) || (ids.gid !== undefined && ids.gid !== found.gid)
}
