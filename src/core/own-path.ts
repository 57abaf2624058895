import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, Failure, messageOf } from './failure.ts'

/** A path below `<state>` or `<run>`, where sunup keeps its own. It makes no links there (but `current`, which it only swings), so one that
 *  is found was put there by somebody else: followed, it would have root write and delete where that one likes, and lead out of a staging root.
 *  @param base `<state>`, `<run>`, or what was judged by this already: links on the way to it are the operator's
 *  @param names each is looked at, the last one too; none need be there
 *  @throws Failure `file.escape` for a link, `file.denied` when one can't be looked at */
export function ownPath(base: string, ...names: readonly string[]): string {
  let path = base
  let isThere = true
  for (const name of names) {
    path = join(path, name)
    isThere &&= isOwn(path)
  }
  return path
}

function isOwn(path: string): boolean {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (!stat?.isSymbolicLink()) return stat !== undefined
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return false
    throw new Failure('file.denied', `${path} can't be looked at: ${messageOf(error)}`, { cause: error })
  }
  throw new Failure('file.escape', `${path} is a link: what sunup keeps there is its own, and a link to elsewhere is not followed`, {
    hint: 'Remove the link; to have it all elsewhere, set `state` or `run` in sunup.yaml.',
  })
}
