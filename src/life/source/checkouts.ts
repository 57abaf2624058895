import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Change } from '../../core/change.ts'
import { Failure } from '../../core/failure.ts'
import type { GitRemote } from '../../core/git.ts'
import type { Machine } from '../../core/machine.ts'
import type { BuiltIn } from '../../roles/recipes.ts'
import { attempt, USUAL_PATIENCE } from '../../engine/attempt.ts'
import { copyDependencies, installDependencies, lockOf, type Lock } from './dependencies.ts'
import type { Reading } from './repository.ts'
import type { Known, SourceStore } from './store.ts'

/** What stands around a remote source on this machine. */
export interface SourceGround {
  /** The machine itself, not a staging root. */
  readonly host: Machine
  /** Where sources are kept: absolute, on the host. */
  readonly directory: string
  /** What the environment says of the way out: proxies, certificates. */
  readonly network: Readonly<Record<string, string>>
  readonly builtIn: BuiltIn
  /** --role */
  readonly role: string | undefined
}

/** Who must have signed a commit. */
export interface Signers {
  /** Absolute, on the host. */
  readonly file: string
  readonly digest: string
}

export interface Checkouts {
  /** The commit that a ref stands for. @throws Failure `network.failed`, `git.missing`, … */
  ask(ref: string): Promise<string>
  /** What keeps the commit from being used as it lies there; empty: nothing does. */
  missing(commit: string): readonly Change[]
  isFit(commit: string): boolean
  /** @returns where it is checked out, whole, and signed where it must be */
  bring(commit: string, ref: string): Promise<string>
  /** The same without the remote; undefined: it is not on this machine. */
  bringOffline(commit: string): Promise<string | undefined>
  /** How often, and for how long, the remote was asked. */
  tries(): { readonly count: number; readonly ms: number }
}

interface Making {
  readonly remote: GitRemote
  /** What boots keep. */
  readonly own: SourceStore
  /** Where what is missing is made. */
  writing(): SourceStore
  readonly signers: Signers | undefined
  readonly ground: SourceGround
  readonly reading: Reading
  output(stream: 'stdout' | 'stderr', text: string): void
}

export function checkouts({ remote, own, writing, signers, ground, reading, output }: Making): Checkouts {
  const { host } = ground
  const { signal, clock, planning } = reading
  const startedAt = clock.monotonic()
  let count = 0

  /** Counts from the last thing that went well: what is told are the tries that did not. */
  async function patiently<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    count = 0
    return await attempt(
      what,
      signal => {
        count++
        return work(signal).catch(error => {
          // It is mended here, and not by waiting.
          if (error instanceof Failure && error.code === 'git.broken') throw new Failure('git.broken', error.message, { output: error.output, cause: error, remedy: 'final' })
          throw error
        })
      },
      USUAL_PATIENCE,
      signal,
      clock,
    )
  }

  const judged = (known: Known): boolean => signers === undefined || known.signers === signers.digest
  const seen = new Map<string, Known | undefined>()
  /** Looks at all files of a checkout, once: what changes it here is `make` alone. */
  const look = (commit: string): Known | undefined => {
    if (!seen.has(commit)) seen.set(commit, own.look(commit))
    return seen.get(commit)
  }
  const isFit = (commit: string): boolean => {
    const known = look(commit)
    return known !== undefined && known.whole && judged(known)
  }

  /** @throws Failure `source.unsigned` */
  async function demandSignature(cache: string, commit: string): Promise<void> {
    if (signers === undefined) return
    const why = await host.git.whyUnsigned(cache, commit, signers.file, signal)
    if (why === undefined) return
    throw new Failure('source.unsigned', `${remote.url}: the commit ${commit} is not signed by any of ${signers.file}: it ${why.reason}`, {
      output: why.output,
      hint: 'Sign it (`git commit --amend -S` with gpg.format=ssh), or name its signer in that file.',
    })
  }

  /** Has the commit in a cache and does something that needs it. A cache with missing or broken objects is thrown away and cloned anew, once. */
  async function withCommit(cache: string, fetching: () => Promise<void>, use: () => Promise<string>): Promise<string> {
    try {
      await fetching()
      return await use()
    } catch (error) {
      if (!(error instanceof Failure && error.code === 'git.broken')) throw error
      output('stderr', `${error.message}; the repository is cloned anew`)
      host.remove(cache)
      await fetching()
      return await use()
    }
  }

  async function fetch(cache: string, commit: string, ref: string): Promise<void> {
    await patiently(`fetching ${remote.url}`, async signal => {
      if (!existsSync(join(cache, 'HEAD'))) await host.git.init(cache, { bare: true }, signal)
      else if (await host.git.has(cache, commit, signal)) return
      output('stdout', `fetching ${ref} of ${remote.url}`)
      await host.git.fetch(cache, remote, ref, commit, signal)
    })
  }

  /** Checks the commit out of a cache that has it. */
  async function make(store: SourceStore, cache: string, commit: string): Promise<string> {
    await demandSignature(cache, commit)
    const known = store === own ? look(commit) : undefined
    seen.delete(commit)
    if (known?.whole) {
      store.judge(commit, { ...known, signers: signers?.digest ?? null })
      return store.pathOf(commit)
    }
    const directory = store.begin(commit)
    const index = `${directory}.index`
    host.remove(index)
    await host.git.checkout({ gitDirectory: cache, workTree: directory, index }, commit, signal)
    host.remove(index)
    const lock = lockOf(directory)
    if (lock) await bringDependencies(directory, lock)
    // After a power cut the name must not be there without the files.
    if (!planning) await host.run(['sync', '-f', directory], { signal })
    store.complete(commit, { lock: lock?.digest ?? null, signers: signers?.digest ?? null })
    return store.pathOf(commit)
  }

  async function bringDependencies(directory: string, lock: Lock): Promise<void> {
    const donor = own.commits().find(commit => {
      const known = look(commit)
      return known?.lock === lock.digest && known.whole
    })
    if (donor !== undefined) return copyDependencies(own.pathOf(donor), directory, lock)
    output('stdout', 'installing the dependencies that package-lock.json names')
    await installDependencies(directory, { host, cache: join(writing().base, 'npm'), network: ground.network, signal, clock, output })
  }

  return {
    tries: () => ({ count, ms: clock.monotonic() - startedAt }),

    async ask(ref) {
      const commit = await patiently(`asking ${remote.url} for ${ref}`, signal => host.git.resolve(remote, ref, signal))
      if (commit !== undefined) return commit
      throw new Failure('git.missing', `source: there is no branch or tag ${ref} in ${remote.url}`, {
        hint: /^[0-9a-f]{7,}$/.test(ref) ? 'A commit must be given by its full SHA.' : 'Check source.ref; the repository itself answered.',
      })
    },

    missing(commit) {
      const known = look(commit)
      if (known === undefined) {
        const from = own.commits()[0]
        return [from === undefined ? { type: 'create', field: 'revision', to: commit } : { type: 'update', field: 'revision', from, to: commit }]
      }
      if (!known.whole) return [{ type: 'update', field: 'files', reason: 'changed on this machine, and checked out anew' }]
      return judged(known) ? [] : [{ type: 'update', field: 'signature', reason: 'not verified yet against these allowed signers' }]
    },

    isFit,

    async bring(commit, ref) {
      if (isFit(commit)) return own.pathOf(commit)
      const store = writing()
      store.open()
      return await withCommit(store.cache, () => fetch(store.cache, commit, ref), () => make(store, store.cache, commit))
    },

    async bringOffline(commit) {
      if (isFit(commit)) return own.pathOf(commit)
      if (!existsSync(join(own.cache, 'HEAD')) || !(await host.git.has(own.cache, commit, signal))) return undefined
      return await make(writing(), own.cache, commit)
    },
  }
}
