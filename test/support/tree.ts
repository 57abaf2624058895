import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Every entry below a directory as one line: kind, mode, owner, times, content. Two equal trees were not written to in between
 *  (reading changes no line: access times are left out). */
export function treeOf(dir: string): Record<string, string> {
  const lines: Record<string, string> = {}
  const note = (path: string, name: string): void => {
    const { mode, uid, gid, ino, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true })
    const stat = lstatSync(path)
    const content = stat.isSymbolicLink() ? `-> ${readlinkSync(path)}` : stat.isFile() ? digest(path) : ''
    lines[name] = `${mode.toString(8)} ${uid}:${gid} ino ${ino} mtime ${mtimeNs} ctime ${ctimeNs} ${content}`
    if (stat.isDirectory()) for (const entry of readdirSync(path).sort()) note(join(path, entry), `${name}/${entry}`)
  }
  if (lstatSync(dir, { throwIfNoEntry: false })) note(dir, '.')
  return lines
}

function digest(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch {
    return '(unreadable)'
  }
}
