import type { Change } from '../core/change.ts'
import { isFullSha, type Checkout } from '../core/git.ts'
import type { Observer } from '../core/machine.ts'
import type { ApplyContext } from '../core/resource.ts'
import { localChanges, refuseLocalChanges, withCommit, type Source } from './git-cache.ts'
import type { Layout } from './git.ts'
import { parentsToMake } from './parents.ts'

/** Every commit in a directory of its own; `current` is a link to one of them.
 *
 *      <path>/repository.git                     the cache, bare, closed to others
 *      <path>/repository.git/sunup/<sha>.index   the index of a release: what git knew of its files when it wrote them
 *      <path>/repository.git/sunup/previous      the commit that was current before
 *      <path>/releases/<sha>                     a whole release; .<sha>.new is being made, .<sha>.old removed
 *      <path>/current                            -> releases/<sha>
 */
export function releases(source: Source): Layout {
  const { label, path, keep, discard } = source
  const cache = { directory: `${path}/repository.git`, bare: true, keep: ['sunup'] }
  const all = `${path}/releases`
  const current = `${path}/current`
  const previous = `${cache.directory}/sunup/previous`
  const release = (commit: string): Checkout => ({ gitDirectory: cache.directory, workTree: `${all}/${commit}`, index: indexOf(commit) })

  function indexOf(commit: string): string {
    return `${cache.directory}/sunup/${commit}.index`
  }

  function revision(observer: Observer): string | undefined {
    const commit = /^releases\/([0-9a-f]+)$/.exec(observer.readLink(current) ?? '')?.[1]
    return commit !== undefined && isFullSha(commit) ? commit : undefined
  }

  /** Files that differ; `absent`: there is no such release; undefined: nobody can tell. */
  async function stateOf(commit: string, observer: Observer, signal: AbortSignal): Promise<readonly string[] | 'absent' | undefined> {
    if (observer.stat(`${all}/${commit}`) === undefined) return 'absent'
    return localChanges(release(commit), commit, observer, signal)
  }

  /** What may go: the oldest beyond `keep`, but never the current one nor the one before; and what a crash left behind. */
  function superfluous(commit: string, installed: string | undefined, observer: Observer): Change[] {
    const names = observer.list(all) ?? []
    const before = installed !== undefined && installed !== commit ? installed : observer.readText(previous)?.trim()
    const others = names.filter(name => isFullSha(name) && name !== commit)
    const oldest = others.length < keep ? [] : others.sort((a, b) => bornAt(b, observer) - bornAt(a, observer)).slice(Math.max(0, keep - 1))
    return [
      ...oldest.filter(name => name !== before).map((from): Change => ({ type: 'remove', field: 'release', from })),
      // The one that is to be made is taken up where it was left.
      ...names.filter(name => /^\.[0-9a-f]+\.(?:new|old)$/.test(name) && (name !== `.${commit}.new` || names.includes(commit))).map((from): Change => ({ type: 'remove', field: 'leftover', from })),
    ]
  }

  function bornAt(commit: string, observer: Observer): number {
    return observer.stat(indexOf(commit))?.mtimeMs ?? 0
  }

  async function make(commit: string, { machine, signal }: ApplyContext): Promise<void> {
    const workTree = `${all}/.${commit}.new`
    if (machine.stat(workTree) === undefined) machine.remove(indexOf(commit))
    machine.makeDirectory(workTree, { mode: '0755' })
    await machine.git.checkout({ ...release(commit), workTree }, commit, signal)
    // After a power cut the name must not be there without the files.
    await machine.run(['sync', '-f', machine.hostPath(workTree)], { signal })
    machine.rename(workTree, `${all}/${commit}`)
  }

  return {
    revision,

    async check(asked, { observer, signal }) {
      const installed = revision(observer)
      const [commit, present] = await Promise.all([asked, installed === undefined ? undefined : stateOf(installed, observer, signal)])
      const wanted = commit === installed ? present : await stateOf(commit, observer, signal)
      if (!discard) for (const [name, state] of [[installed, present], [commit, wanted]] as const) if (Array.isArray(state)) refuseLocalChanges(label, `${all}/${name}`, state)
      const changes: Change[] = []
      if (installed === undefined) changes.push({ type: 'create', field: 'revision', to: commit, ...parentsToMake(current, observer) })
      else if (installed !== commit) changes.push({ type: 'update', field: 'revision', from: installed, to: commit })
      else if (wanted === 'absent') changes.push({ type: 'create', field: 'release', to: commit })
      if (wanted === undefined) changes.push({ type: 'update', field: 'files', reason: `the index of ${commit} is gone, so its files are written again` })
      else if (wanted !== 'absent' && wanted.length > 0) changes.push({ type: 'update', field: 'files', from: wanted, reason: 'changed on this machine, and discarded' })
      return [...changes, ...superfluous(commit, installed, observer)]
    },

    async apply(changes, commit, context) {
      const { machine, signal } = context
      const installed = revision(machine)
      const state = await stateOf(commit, machine, signal)
      if (state === 'absent' || state === undefined || state.length > 0) {
        machine.makeDirectory(cache.directory, { mode: '0700' })
        await withCommit(cache, source, commit, context, async () => {
          if (state === 'absent') return make(commit, context)
          if (state === undefined) machine.remove(indexOf(commit))
          await machine.git.checkout(release(commit), commit, signal)
        })
      }
      if (installed !== commit) {
        if (installed !== undefined) machine.write(previous, `${installed}\n`)
        machine.link(current, `releases/${commit}`)
      }
      for (const { type, field, from } of changes) {
        if (type !== 'remove') continue
        if (field === 'release') {
          // At its own name a release is whole, also while it goes.
          machine.rename(`${all}/${from}`, `${all}/.${from}.old`)
          machine.remove(indexOf(String(from)))
        }
        machine.remove(field === 'release' ? `${all}/.${from}.old` : `${all}/${from}`)
      }
    },
  }
}
