import { dirname } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { Observer } from '../core/machine.ts'

/** The directories that have to be made before this path can be, as a change's reason; undefined: they are there.
 *  @throws Failure `file.kind` when something else stands in the way */
export function parentsToMake(path: string, observer: Observer): { readonly reason: string } | undefined {
  const missing: string[] = []
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const kind = observer.stat(parent)?.kind
    if (kind === 'file' || kind === 'other') {
      throw new Failure('file.kind', `${path} can't be made: ${parent} is not a directory`, { hint: `Move ${parent} away, or choose another path.` })
    }
    if (kind !== undefined || parent === '/') break
    missing.unshift(parent)
  }
  return missing.length === 0 ? undefined : { reason: `makes ${missing.join(', ')}` }
}
