import { lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { hashOf } from '../core/digest.ts'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { makeDirectory } from '../core/make-directory.ts'
import { ownPath } from '../core/own-path.ts'
import { readRegularText } from '../core/regular-file.ts'
import type { Role } from '../core/role.ts'
import { loadRole } from '../roles/role.ts'
import { copy, list, pathOf, type Files } from './source-files.ts'

/** What a boot decided, for drain, watch and status: they use that alone. */
export interface Decision {
  readonly role: string
  readonly groups: readonly string[]
  /** The source's commit; null where the source is no git checkout. */
  readonly revision: string | null
  readonly configuration: string | null
  /** Whether this boot has a row in the registry. */
  readonly registered: boolean
}

export interface Kept extends Decision {
  /** The source as it was, a copy of our own. */
  readonly source: string
}

const MADE_OF = 'made-of.json'
const DECISION = 'decision.json'
/** Where `current` leads. Beside any other place lies what is not ours to remove. */
const OURS = /^decisions\/[0-9a-f]{16}$/

/** Keeps the decision and the source it was made from as `<directory>/current`, a link swung in one rename. Nothing is written
 *  where both are what is kept already: beside the copy stands every source file's size and modification time.
 *  @param leaveOut absolute paths that are no part of the source though they lie in it: state, run, a staging root
 *  @throws Failure `file.denied`, `disk.full`, `file.escape` */
export function keepDecision(directory: string, decision: Decision, source: string, leaveOut: readonly string[]): void {
  const out = leaveOut.map(path => resolve(path))
  const link = join(directory, 'current')
  try {
    const files = list(source, out)
    const madeOf = JSON.stringify([decision, files])
    const decisions = ownPath(directory, 'decisions')
    const kept = linkTarget(link)
    const text = `${JSON.stringify(decision, undefined, 1)}\n`
    if (kept !== undefined && OURS.test(kept) && isWhole(join(directory, kept), madeOf, text, files)) return forgetOthers(join(directory, kept))
    const digest = hashOf('sha256').update(madeOf).digest('hex').slice(0, 16)
    const to = join(decisions, digest)
    rmSync(`${to}.new`, { recursive: true, force: true })
    makeDirectory(join(`${to}.new`, 'source'), 0o700)
    for (const [name] of files) copy(source, join(`${to}.new`, 'source'), name)
    writeFileSync(join(`${to}.new`, MADE_OF), madeOf)
    writeFileSync(join(`${to}.new`, DECISION), text)
    rmSync(to, { recursive: true, force: true })
    renameSync(`${to}.new`, to)
    rmSync(`${link}.new`, { force: true })
    symlinkSync(`decisions/${digest}`, `${link}.new`)
    renameSync(`${link}.new`, link)
    forgetOthers(to)
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied'
    throw new Failure(code, `what this boot decided can't be kept in ${directory}: ${messageOf(error)}`, { cause: error })
  }
}

/** @returns undefined before the first boot */
export function readDecision(directory: string): Kept | undefined {
  const current = join(directory, 'current')
  try {
    return { ...(JSON.parse(readRegularText(join(current, DECISION))) as Decision), source: join(current, 'source') }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw new Failure('file.denied', `what the last boot decided can't be read from ${current}: ${messageOf(error)}`, { cause: error })
  }
}

/** The role of the last boot, as its source had it; undefined where there is none, or it can't be read any more. */
export function roleOf(directory: string): Role | undefined {
  try {
    const kept = readDecision(directory)
    return kept && loadRole(kept.source, kept.role)
  } catch {
    return undefined
  }
}

/** A power cut may leave files empty that were written long before: what is kept is looked at, not believed. */
function isWhole(kept: string, madeOf: string, decision: string, files: Files): boolean {
  if (textOf(join(kept, MADE_OF)) !== madeOf || textOf(join(kept, DECISION)) !== decision) return false
  const source = join(kept, 'source')
  return files.every(([name, size]) => lstatSync(pathOf(source, name), { throwIfNoEntry: false })?.size === size)
}

/** Those of a run that died before it could, too. */
function forgetOthers(kept: string): void {
  const decisions = dirname(kept)
  for (const other of readdirSync(decisions)) if (other !== basename(kept)) rmSync(join(decisions, other), { recursive: true, force: true })
}

function textOf(file: string): string | undefined {
  try {
    return readRegularText(file)
  } catch {
    return undefined
  }
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}
