import { lstatSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hashOf } from '../../core/digest.ts'
import { Failure, messageOf } from '../../core/failure.ts'
import { isFullSha } from '../../core/git.ts'
import type { Machine } from '../../core/machine.ts'
import { ownPath } from '../../core/own-path.ts'
import { readRegularText } from '../../core/regular-file.ts'
import { filesDigest } from './files.ts'

/** A remote source as it is kept on the machine.
 *
 *      <base>/<digest of the URL>.git                the cache, bare
 *      <base>/<digest of the URL>/<sha>              a checkout; .<sha>.<pid>.new is being made
 *      <base>/<digest of the URL>/<sha>.json         what is known of it; it counts only while its files are as this says
 *      <base>/<digest of the URL>/good.json          by role, the last commit that a gate was opened on
 */
export interface SourceStore {
  readonly base: string
  readonly cache: string
  pathOf(commit: string): string
  /** What a checkout is fit for; undefined: there is none. */
  look(commit: string): Known | undefined
  /** Those that are there, the newest first, fit or not. */
  commits(): readonly string[]
  good(): Readonly<Record<string, Good>>
  keepGood(role: string, good: Good): void
  /** Makes the base, open to its user alone. */
  open(): void
  /** An empty directory to make the checkout in. */
  begin(commit: string): string
  /** What was begun is whole now: from here on it has its name. */
  complete(commit: string, known: Judged): void
  /** Notes that the files of a checkout were signed by these. */
  judge(commit: string, known: Judged): void
  /** Lets go of all checkouts but these, and of what a crash left. */
  tidy(kept: readonly string[]): void
}

export interface Judged {
  /** The digest of the lockfile by which dependencies were installed; null: none were. */
  readonly lock: string | null
  /** The digest of the file of allowed signers one of whom signed it; null: nobody asked. */
  readonly signers: string | null
}

export interface Known extends Judged {
  /** false: files were changed on this machine, so it must not be used. */
  readonly whole: boolean
}

export interface Good {
  readonly commit: string
  /** What was asked for then. */
  readonly ref: string
  /** The security groups by which the instance had its role. */
  readonly groups: readonly string[]
}

interface Noted extends Judged {
  readonly files: string
}

/** @param base absolute, on the host. Only what its user alone can write is believed: verdicts on signatures lie there.
 *  @param host the machine itself, not a staging root
 *  @throws Failure `file.escape` when there is a link where one of its directories should be */
export function sourceStore(base: string, url: string, host: Machine): SourceStore {
  const digest = hashOf('sha256').update(url).digest('hex').slice(0, 16)
  const all = ownPath(base, digest)
  const goodFile = join(all, 'good.json')
  const pathOf = (commit: string): string => join(all, commit)
  const noteOf = (commit: string): string => join(all, `${commit}.json`)
  const newOf = (commit: string): string => join(all, `.${commit}.${process.pid}.new`)
  const names = (): readonly string[] => (isPrivate(base) ? list(all) : [])

  function note(commit: string, directory: string, { lock, signers }: Judged): void {
    const noted: Noted = { files: filesDigest(directory), lock, signers }
    host.write(noteOf(commit), `${JSON.stringify(noted)}\n`, { mode: '0600' })
  }

  function drop(commit: string): void {
    host.remove(noteOf(commit))
    host.remove(pathOf(commit))
  }

  const store: SourceStore = {
    base,
    cache: ownPath(base, `${digest}.git`),
    pathOf,
    look(commit) {
      if (!isPrivate(base) || !isDirectory(pathOf(commit))) return undefined
      const noted = json(noteOf(commit)) as Noted | undefined
      if (noted === undefined) return { whole: false, lock: null, signers: null }
      return { whole: noted.files === filesDigest(pathOf(commit)), lock: noted.lock, signers: noted.signers }
    },
    commits() {
      const bornAt = (commit: string): number => lstatSync(noteOf(commit), { throwIfNoEntry: false })?.mtimeMs ?? 0
      return names().filter(isFullSha).sort((a, b) => bornAt(b) - bornAt(a))
    },
    good: () => (isPrivate(base) ? ((json(goodFile) as Record<string, Good> | undefined) ?? {}) : {}),
    keepGood(role, good) {
      const known = store.good()
      if (JSON.stringify(known[role]) !== JSON.stringify(good)) host.write(goodFile, `${JSON.stringify({ ...known, [role]: good }, undefined, 1)}\n`, { mode: '0600' })
    },
    open() {
      // Somebody else's, or open to others: nothing in it can be believed.
      if (!isPrivate(base)) host.remove(base)
      host.makeDirectory(base, { mode: '0700' })
    },
    begin(commit) {
      host.remove(newOf(commit))
      host.makeDirectory(newOf(commit))
      return newOf(commit)
    },
    complete(commit, known) {
      drop(commit)
      note(commit, newOf(commit), known)
      host.rename(newOf(commit), pathOf(commit))
    },
    judge: (commit, known) => note(commit, pathOf(commit), known),
    tidy(kept) {
      for (const name of names()) {
        const commit = basename(name, '.json')
        if (name.startsWith('.')) host.remove(join(all, name))
        else if (isFullSha(commit) && !(kept.includes(commit) && isDirectory(pathOf(commit)))) drop(commit)
      }
    },
  }
  return store
}

/** Whether its user alone can have written what lies in it. One that can't be looked at is none of ours. */
function isPrivate(directory: string): boolean {
  try {
    const { uid, mode } = statSync(directory)
    return uid === process.geteuid?.() && (mode & 0o022) === 0
  } catch {
    return false
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** undefined: it is not there, or no JSON, which is what a power cut leaves: then it has to be made anew. */
function json(file: string): unknown {
  try {
    return JSON.parse(readRegularText(file))
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure('file.denied', `${file} can't be read: ${messageOf(error)}`, { cause: error })
  }
}
