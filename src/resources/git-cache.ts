import { Failure } from '../core/failure.ts'
import type { Checkout, GitRemote } from '../core/git.ts'
import type { Observer } from '../core/machine.ts'
import type { ApplyContext } from '../core/resource.ts'

/** What both layouts are told. */
export interface Source {
  readonly label: string
  readonly path: string
  readonly remote: GitRemote
  readonly ref: string
  readonly keep: number
  readonly discard: boolean
}

export interface Cache {
  /** The git directory, as resources name paths. */
  readonly directory: string
  readonly bare: boolean
  /** Of the git directory, what outlives a clone anew. */
  readonly keep: readonly string[]
}

/** Does something that needs the commit's objects, having fetched them if they are not there. A cache with missing or broken objects is
 *  thrown away and cloned anew, once a run.
 *  @throws Failure what fetching or `use` throws */
export async function withCommit(cache: Cache, source: Source, commit: string, context: ApplyContext, use: () => Promise<void>): Promise<void> {
  try {
    await bring(cache, source, commit, context)
    await use()
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'git.broken') || !(await isFirst(cache, context))) throw error
    context.output('stderr', `${error.message}; the repository is cloned anew`)
    const { machine } = context
    for (const name of machine.list(cache.directory) ?? []) if (!cache.keep.includes(name)) machine.remove(`${cache.directory}/${name}`)
    await bring(cache, source, commit, context)
    await use()
  }
}

async function bring({ directory, bare }: Cache, { remote, ref }: Source, commit: string, { machine, signal, output }: ApplyContext): Promise<void> {
  const { git } = machine
  if (machine.stat(`${directory}/HEAD`) === undefined) await git.init(directory, { bare }, signal)
  else if (await git.has(directory, commit, signal)) return
  output('stdout', `fetching ${ref} of ${remote.url}`)
  await git.fetch(directory, remote, ref, commit, signal)
}

/** The run's own memory: only the first to ask is told so. */
async function isFirst({ directory }: Cache, { pinned }: ApplyContext): Promise<boolean> {
  let first = false
  await pinned(`git clone anew ${directory}`, async () => {
    first = true
  })
  return first
}

/** Tracked files that differ from the commit; undefined: nobody can tell any more, for the index is gone or broken. It was then lost to a
 *  crash, or removed by hand: whoever does that is not asked about changes. */
export async function localChanges(checkout: Checkout, commit: string, observer: Observer, signal: AbortSignal): Promise<readonly string[] | undefined> {
  if (observer.stat(checkout.index ?? `${checkout.gitDirectory}/index`) === undefined) return undefined
  try {
    return await observer.git.status(checkout, commit, signal)
  } catch (error) {
    if (error instanceof Failure && error.code === 'git.broken') return undefined
    throw error
  }
}

const MOST_SHOWN = 10

/** Files that were changed on the machine are somebody's work. */
export function refuseLocalChanges(label: string, directory: string, differing: readonly string[]): void {
  if (differing.length === 0) return
  const shown = differing.slice(0, MOST_SHOWN).join(', ')
  const more = differing.length > MOST_SHOWN ? ` and ${differing.length - MOST_SHOWN} more` : ''
  throw new Failure('git.changed', `${label}: files were changed on this machine, in ${directory}: ${shown}${more}`, {
    hint: 'Bring the changes into the repository, or set `discard: true` to put the files back.',
  })
}
