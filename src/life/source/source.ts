import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Change } from '../../core/change.ts'
import { hashOf } from '../../core/digest.ts'
import { asFailure, errnoOf, Failure, failureRecord, messageOf } from '../../core/failure.ts'
import type { GitRemote } from '../../core/git.ts'
import { readRegular, WRITTEN_BYTES } from '../../core/regular-file.ts'
import { makeSecret } from '../../core/secret.ts'
import type { Source } from '../../roles/config.ts'
import { pickRole } from '../../roles/match.ts'
import type { Reading, Repository } from './repository.ts'
import { checkouts, type Checkouts, type Signers, type SourceGround } from './checkouts.ts'
import { sourceStore, type SourceStore } from './store.ts'

export type RemoteSource = Extract<Source, { readonly repository: string }>

/** The source as it was settled on, and what that took. */
interface Settled {
  readonly commit: string
  readonly directory: string
  readonly changes: readonly Change[]
}

/** Brings a remote source to a directory of its own for each commit. Nothing of a commit that must be signed and is not is ever checked out.
 *  One that is there already costs one `git ls-remote`, and none where the ref is a full SHA. A plan makes what is missing in a temporary
 *  directory. It is told like a resource, `source[<url>]`.
 *  @throws Failure `source.unreachable`, `source.unsigned`, `git.missing`, `git.denied` and what else git, npm and the disk may say; `config.invalid` */
export async function readSource(source: RemoteSource, ground: SourceGround, reading: Reading): Promise<Repository> {
  const { tell, clock, planning } = reading
  const remote = remoteOf(source.repository)
  const id = `source[${remote.url}]`
  const own = sourceStore(ground.directory, remote.url, ground.host)
  const temporary = temporaryDirectory()
  const startedAt = clock.monotonic()
  const finished = (): { id: string; durationMs: number } => ({ id, durationMs: Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000 })
  tell({ type: 'resource.started', id })
  try {
    const trees = checkouts({
      remote,
      own,
      writing: () => (planning ? sourceStore(temporary.path(), remote.url, ground.host) : own),
      signers: signersOf(source.allowedSigners),
      ground,
      reading,
      output: (stream, text) => tell({ type: 'resource.output', id, stream, text }),
    })
    const foretell = (changes: readonly Change[]): void => tell({ type: 'resource.checked', id, changes })
    const { commit, directory, changes } = await settle(source, { id, own, trees, ground, reading, foretell })
    if (!planning) own.tidy(keptOf(own, commit))
    const outcome = changes.length === 0 ? 'unchanged' : planning ? 'pending' : 'changed'
    tell({ type: 'resource.finished', ...finished(), outcome })
    return {
      directory,
      revision: commit,
      builtIn: ground.builtIn,
      role: ground.role,
      outcome,
      opened: (role, groups) => own.keepGood(role, { commit, ref: source.ref, groups }),
      end: temporary.remove,
    }
  } catch (error) {
    temporary.remove()
    const failure = reading.signal.reason instanceof Failure ? reading.signal.reason : asFailure(error)
    tell({ type: 'resource.finished', ...finished(), outcome: 'failed', error: failureRecord(failure) })
    throw failure
  }
}

interface Settling {
  readonly id: string
  readonly own: SourceStore
  readonly trees: Checkouts
  readonly ground: SourceGround
  readonly reading: Reading
  foretell(changes: readonly Change[]): void
}

async function settle(source: RemoteSource, settling: Settling): Promise<Settled> {
  const { id, trees, reading, foretell } = settling
  try {
    const commit = await trees.ask(source.ref)
    reading.asked?.(commit)
    const changes = trees.missing(commit)
    foretell(changes)
    const brought = await bring(trees, commit, source.ref, reading)
    const { directory } = brought
    const other = await reading.instead?.({ directory, revision: commit }, reading.signal)
    if (other === undefined || other.commit === commit) {
      if (directory === undefined) throw brought.error
      return { commit, directory, changes }
    }
    const act: Change = { type: 'act', field: 'revision', to: other.commit, reason: other.reason }
    foretell([...changes, act])
    return { commit: other.commit, directory: await trees.bring(other.commit, other.commit), changes: [...changes, act] }
  } catch (error) {
    const failure = unreachable(id, source, error, trees.tries())
    if (failure === undefined) throw error
    if (source.onUnreachable === 'fail') throw failure
    return await lastGood(source, settling, failure)
  }
}

/** A commit that can't be made ready may be one to leave. One that nobody signed is not looked at any further: that must be seen to. */
async function bring(trees: Checkouts, commit: string, ref: string, { signal }: Reading): Promise<{ readonly directory: string } | { readonly directory: undefined; readonly error: unknown }> {
  try {
    return { directory: await trees.bring(commit, ref) }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Failure) || error.code === 'source.unsigned') throw error
    return { directory: undefined, error }
  }
}

/** The newest commit that this role was healthy with, of those that can be had without the remote. */
async function lastGood(source: RemoteSource, { id, own, trees, ground, reading, foretell }: Settling, failure: Failure): Promise<Settled> {
  const give = (why: string): Failure => new Failure('source.unreachable', `${failure.message}; and ${why}`, { cause: failure, output: failure.output, hint: failure.hint })
  const role = roleHere(own, trees, ground, reading)
  if (role === undefined) {
    throw give(own.commits().length === 0 ? 'nothing of it was ever fetched here, so there is no commit to go back to' : 'no commit of it here says which role this instance had, so there is none to go back to')
  }
  const fleets = await Promise.resolve(reading.fleetsGood?.(role)).catch(() => undefined)
  const here = own.good()[role]
  const candidates = [fleets, here?.ref === source.ref ? here.commit : undefined].filter((commit, at, all): commit is string => commit !== undefined && all.indexOf(commit) === at)
  if (candidates.length === 0) throw give(`no commit is known that the role ${role} was healthy with`)
  const failures: string[] = []
  for (const commit of candidates) {
    try {
      const directory = await trees.bringOffline(commit)
      if (directory === undefined) throw new Failure('git.missing', 'it is not on this machine')
      const act: Change = { type: 'act', field: 'last-good', to: commit, reason: `${failure.message}; going on with ${commit}, the last that the role ${role} was healthy with` }
      foretell([act])
      return { commit, directory, changes: [act] }
    } catch (error) {
      reading.signal.throwIfAborted()
      failures.push(`${commit}: ${messageOf(error)}`)
    }
  }
  throw give(`${id} can’t go back to what the role ${role} was healthy with: ${failures.join('; ')}`)
}

/** The role, while the source that says so is out of reach: as a gate was opened with these very groups, else as the newest source here says. */
function roleHere(own: SourceStore, trees: Checkouts, ground: SourceGround, { groups }: Reading): string | undefined {
  if (ground.role !== undefined) return ground.role
  const good = Object.entries(own.good())
  if (groups === undefined) return good.length === 1 ? good[0]?.[0] : undefined
  const asSet = (names: readonly string[]): string => [...names].sort().join('\n')
  const known = good.filter(([, one]) => asSet(one.groups) === asSet(groups))
  if (known.length === 1) return known[0]?.[0]
  for (const commit of own.commits()) {
    if (!trees.isFit(commit)) continue
    try {
      return pickRole(own.pathOf(commit), groups).role.name
    } catch {
      // It is no answer to a question that it was not asked.
    }
  }
  return undefined
}

/** @returns undefined where it is another failure */
function unreachable(id: string, { repository, ref, onUnreachable }: RemoteSource, error: unknown, tries: { readonly count: number; readonly ms: number }): Failure | undefined {
  if (!(error instanceof Failure)) return undefined
  if (!['network.failed', 'resource.timeout'].includes(error.code) && !(error.code === 'git.missing' && isGone(repository))) return undefined
  const tried = tries.count === 1 ? 'once' : `${tries.count} times in ${(tries.ms / 1_000).toFixed(1)} s`
  return new Failure('source.unreachable', `${id} can't be reached: ${ref} was asked for ${tried}; the last time ${error.message}`, {
    cause: error,
    output: error.output,
    hint: `Check the way to it from this machine.${onUnreachable === 'fail' ? ' With `onUnreachable: last-good` a boot goes on with the last commit its role was healthy with.' : ''}`,
  })
}

/** A path that is not there: a disk that is not mounted, as a rule. Of other remotes only they themselves can say that there is no such repository. */
function isGone(repository: string): boolean {
  const path = /^file:\/\//i.test(repository) && URL.canParse(repository) ? fileURLToPath(repository) : repository
  return path.startsWith('/') && !existsSync(path)
}

/** This one, the newest of the others, and what a role was healthy with. */
function keptOf(own: SourceStore, commit: string): readonly string[] {
  const before = own.commits().find(other => other !== commit)
  return [commit, ...(before === undefined ? [] : [before]), ...Object.values(own.good()).map(good => good.commit)]
}

/** @throws Failure `config.invalid`, `file.denied` */
function signersOf(file: string | undefined): Signers | undefined {
  if (file === undefined) return undefined
  try {
    return { file, digest: hashOf('sha256').update(readRegular(file, WRITTEN_BYTES)).digest('hex') }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw new Failure('config.invalid', `source.allowedSigners names ${file}, and there is no such file`, { cause: error, hint: 'Its lines are as ssh-keygen(1) has them under ALLOWED SIGNERS.' })
    throw new Failure('file.denied', `source.allowedSigners: ${messageOf(error)}`, { cause: error })
  }
}

/** With a % that encodes nothing it is taken as it is written. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What lets somebody in is never shown, and stands in no argv: a password, or where there is none the user, which is how some servers take a token.
 *  @throws Failure `config.invalid` where they can't be told from the rest */
function remoteOf(repository: string): GitRemote {
  if (!/^https?:\/\//i.test(repository)) return { url: repository }
  const url = URL.parse(repository)
  if (url === null) throw new Failure('config.invalid', 'source.repository begins as an http or https URL, and is none', { hint: 'In a password # is written as %23, / as %2F and ? as %3F.' })
  if (url.username + url.password === '') return { url: repository }
  // The password that GitHub's tokens were given with.
  const isByUser = url.password === '' || url.password === 'x-oauth-basic'
  const token = makeSecret(decoded(isByUser ? url.username : url.password))
  if (isByUser) url.username = ''
  url.password = ''
  return { url: url.href, token }
}

function temporaryDirectory(): { path(): string; remove(): void } {
  let made: string | undefined
  return {
    path: () => (made ??= mkdtempSync(join(tmpdir(), 'sunup-source-'))),
    remove() {
      // A git that is being ended may still write into it.
      if (made !== undefined) rmSync(made, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}
