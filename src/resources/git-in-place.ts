import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import { isFullSha } from '../core/git.ts'
import type { Observer } from '../core/machine.ts'
import { localChanges, refuseLocalChanges, withCommit, type Source } from './git-cache.ts'
import type { Layout } from './git.ts'
import { parentsToMake } from './parents.ts'

/** A work tree with its .git, as a clone makes it, but for the remote, which the role knows. While files are being written
 *  `.git/sunup-checkout` names the commit: what differs then is a crash's doing, nobody's work. */
export function inPlace(source: Source): Layout {
  const { label, path, discard } = source
  const directory = `${path}/.git`
  const checkout = { gitDirectory: directory, workTree: path }
  const underway = `${directory}/sunup-checkout`
  const revision = (observer: Observer): string | undefined => headOf(directory, observer)

  /** Files that differ, for whose sake nothing may be overwritten; undefined: nobody can tell. */
  async function stateOf(observer: Observer, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const installed = revision(observer)
    if (observer.stat(underway) !== undefined || installed === undefined) return undefined
    return localChanges(checkout, installed, observer, signal)
  }

  function refuseForeign(observer: Observer): void {
    const kind = observer.stat(path)?.kind
    if (kind !== undefined && kind !== 'directory' && kind !== 'link') throw new Failure('file.kind', `${label}: ${path} is there, and is not a directory`)
    if (discard || revision(observer) !== undefined || observer.stat(underway) !== undefined) return
    const found = (observer.list(path) ?? []).filter(name => name !== '.git')
    if (found.length === 0) return
    throw new Failure('file.kind', `${label}: ${path} is no checkout, and not empty: it has ${found.slice(0, 5).join(', ')}${found.length > 5 ? ', …' : ''}`, {
      hint: 'Empty it or choose another path; `discard: true` overwrites files that the commit has, too.',
    })
  }

  return {
    revision,

    async check(asked, { observer, signal }) {
      const look = async (): Promise<readonly string[] | undefined> => {
        refuseForeign(observer)
        return stateOf(observer, signal)
      }
      const [commit, differing] = await Promise.all([asked, look()])
      const installed = revision(observer)
      if (differing && !discard) refuseLocalChanges(label, path, differing)
      const changes: Change[] = []
      if (installed === undefined) changes.push({ type: 'create', field: 'revision', to: commit, ...parentsToMake(`${path}/.`, observer) })
      else if (installed !== commit) changes.push({ type: 'update', field: 'revision', from: installed, to: commit })
      else if (differing === undefined) changes.push({ type: 'update', field: 'files', reason: 'an earlier checkout did not end, so its files are written again' })
      if (differing && differing.length > 0) changes.push({ type: 'update', field: 'files', from: differing, reason: 'changed on this machine, and discarded' })
      return changes
    },

    async apply(_changes, commit, context) {
      const { machine, signal } = context
      const differing = await stateOf(machine, signal)
      // What the old commit had and the new one has not is known from the old index alone: only one that can't be read is given up.
      if (differing === undefined && machine.stat(underway) === undefined) machine.remove(`${directory}/index`)
      const cache = { directory, bare: false, keep: differing === undefined ? ['sunup-checkout'] : ['index', 'sunup-checkout'] }
      machine.makeDirectory(path)
      await withCommit(cache, source, commit, context, async () => {
        machine.write(underway, `${commit}\n`)
        await machine.git.checkout(checkout, commit, signal)
        machine.remove(underway)
      })
    },
  }
}

/** The commit that HEAD stands for, on a branch or not. */
function headOf(directory: string, observer: Observer): string | undefined {
  const head = observer.readText(`${directory}/HEAD`)?.trim()
  if (head === undefined || isFullSha(head)) return head
  const ref = /^ref: (refs\/\S+)$/.exec(head)?.[1]
  if (ref === undefined) return undefined
  const commit = observer.readText(`${directory}/${ref}`)?.trim() ?? observer.readText(`${directory}/packed-refs`)?.split('\n').find(line => line.endsWith(` ${ref}`))?.split(' ')[0]
  return commit !== undefined && isFullSha(commit) ? commit : undefined
}
