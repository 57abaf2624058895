import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What a tree is, whoever made it and when: of every entry kind, mode, and content or target.
 *  @param normal gets each path (relative, without a leading slash) and what was found there; undefined leaves it out, with what is below */
export function plainTree(dir: string, normal: (path: string, found: string) => string | undefined = (_path, found) => found): Record<string, string> {
  const lines: Record<string, string> = {}
  const note = (name: string): void => {
    const path = join(dir, name)
    const stat = lstatSync(path)
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0')
    const found = stat.isSymbolicLink() ? `-> ${readlinkSync(path)}` : stat.isFile() ? `${mode} ${readFileSync(path, 'latin1')}` : stat.isDirectory() ? `${mode} directory` : `${mode} other`
    const shown = normal(name, found)
    if (shown === undefined) return
    lines[name] = shown
    if (stat.isDirectory()) for (const entry of readdirSync(path).sort()) note(name === '' ? entry : `${name}/${entry}`)
  }
  note('')
  return lines
}

/** Names that only something unfinished has. */
export function leftovers(dir: string): string[] {
  return Object.keys(plainTree(dir, (path, found) => (path.endsWith('/objects') ? undefined : found))).filter(path => /\.(?:new|old|lock|tmp|holder|staged)$|\.new[/.]|~$|tmp_|index\.lock/.test(path))
}
