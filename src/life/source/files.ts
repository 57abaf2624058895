import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { hashOf } from '../../core/digest.ts'

/** A digest of what tells that any file below a directory was changed, added or removed since: of each its name, mode, size and the time of its
 *  last change, which, other than the time of modification, nobody can set. No file is read. */
export function filesDigest(directory: string): string {
  const hash = hashOf('sha256')
  const walk = (below: string): void => {
    const entries = readdirSync(join(directory, below), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = join(below, entry.name)
      if (entry.isDirectory()) walk(name)
      else {
        const { mode, size, ctimeNs } = lstatSync(join(directory, name), { bigint: true })
        hash.update(`${name}\0${mode} ${size} ${ctimeNs}\n`)
      }
    }
  }
  walk('')
  return hash.digest('hex')
}
