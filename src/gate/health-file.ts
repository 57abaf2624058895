import { closeSync, fchmodSync, lstatSync, openSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import type { Gate } from '../core/gate.ts'
import { makeOpenDirectory } from '../core/make-directory.ts'
import { ownPath } from '../core/own-path.ts'

export interface HealthFileOptions {
  /** `<run>/health`, on the host. */
  readonly directory: string
  /** Below it, e.g. 'ping.html'. */
  readonly file: string
  readonly content: string
  /** Octal text, e.g. '0644'. */
  readonly mode: string
}

/** The file that a balancer's health check asks for. It appears whole, with its mode, or not at all. */
export function healthFileGate({ directory, file, content, mode }: HealthFileOptions): Gate {
  if (!isBelow(file)) throw new Failure('role.invalid', `health.file must name a file below the health directory, found ${JSON.stringify(file)}`, { hint: 'e.g. health: { file: ping.html }' })
  const path = join(directory, file)
  // The server is told of one name; of this one it knows nothing, and until its mode is set nobody else may read it.
  const staged = join(dirname(path), `.${basename(path)}.new`)
  return {
    step: 'health',
    async open(_verified, signal) {
      signal.throwIfAborted()
      try {
        ownPath(dirname(directory), basename(directory), ...file.split('/').slice(0, -1))
        makeOpenDirectory(dirname(path))
        rmSync(staged, { force: true })
        stage(staged, content, Number.parseInt(mode, 8))
        renameSync(staged, path)
      } catch (error) {
        if (error instanceof Failure) throw error
        tidy(staged)
        throw unwritable(path, error)
      }
    },
    async close() {
      emptyHealth(directory)
    },
  }
}

function stage(file: string, content: string, mode: number): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeFileSync(descriptor, content)
    fchmodSync(descriptor, mode)
  } finally {
    closeSync(descriptor)
  }
}

/** After a failure that is the one to be told. */
function tidy(staged: string): void {
  try {
    rmSync(staged, { force: true })
  } catch {
    // It begins with a dot: it opens nothing.
  }
}

/** Takes everything out of `<run>/health`: the gate is closed then, whoever opened it, whatever the role. Needs no configuration but the
 *  directory; makes nothing. A link in its place is removed, not followed.
 *  @returns whether there was anything
 *  @throws Failure `file.denied` */
export function emptyHealth(directory: string): boolean {
  try {
    const what = lstatSync(directory, { throwIfNoEntry: false })
    if (what === undefined) return false
    if (!what.isDirectory()) {
      unlinkSync(directory)
      return true
    }
    const names = readdirSync(directory)
    const [first] = names.flatMap(name => remove(join(directory, name)))
    if (first) throw first
    return names.length > 0
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return false
    throw new Failure('file.denied', `${directory} can't be emptied, so the gate may be open: ${messageOf(error)}`, { cause: error, hint: 'Run as the user who owns it, usually root.' })
  }
}

/** Not by `rmSync`, whose errors do not say what happened. What can be removed is, whatever becomes of the rest. @returns what went wrong */
function remove(path: string): unknown[] {
  const failures: unknown[] = []
  try {
    if (lstatSync(path).isDirectory()) {
      failures.push(...readdirSync(path).flatMap(name => remove(join(path, name))))
      if (failures.length === 0) rmdirSync(path)
    } else unlinkSync(path)
  } catch (error) {
    // Somebody else may close it, too.
    if (errnoOf(error) !== 'ENOENT') failures.push(error)
  }
  return failures
}

function isBelow(file: string): boolean {
  return file !== '' && !file.includes('\0') && file.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}

function unwritable(path: string, error: unknown): Failure {
  const code = errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied'
  return new Failure(code, `the health file ${path} can't be written: ${messageOf(error)}`, { cause: error })
}
