import { isUtf8 } from 'node:buffer'
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What a staging root has, whoever named it: someone's trial beside his roles is no part of them. */
const STATE_OF_A_ROOT = 'var/lib/sunup'

export type Files = readonly (readonly [name: string, size: number, mtimeMs: number])[]

/** Files below a source with what tells that they changed. Names that begin with a dot (.git, .sunup) are not part of it. */
export function list(source: string, leaveOut: readonly string[], at = ''): Files {
  return namesIn(at === '' ? source : pathOf(source, at))
    .sort()
    .flatMap(name => {
      const inner = within(at, name)
      const path = pathOf(source, inner)
      if (/^\0?\./.test(name) || leaveOut.includes(String(path))) return []
      const stat = lstatSync(path)
      if (stat.isDirectory()) return existsSync(pathOf(source, within(inner, STATE_OF_A_ROOT))) ? [] : list(source, leaveOut, inner)
      return stat.isFile() || stat.isSymbolicLink() ? [[inner, stat.size, stat.mtimeMs] as const] : []
    })
}

/** Marks a name that is no UTF-8, whose bytes then stand as Latin-1: no file's name holds it. */
const BYTES = '\0'

function namesIn(directory: string | Buffer): string[] {
  const names = typeof directory === 'string' ? readdirSync(directory) : ['\uFFFD']
  if (!names.some(name => name.includes('\uFFFD'))) return names
  return readdirSync(directory, { encoding: 'buffer' }).map(name => (isUtf8(name) ? name.toString() : BYTES + name.toString('latin1')))
}

function within(at: string, name: string): string {
  if (at === '') return name
  return at.startsWith(BYTES) || name.startsWith(BYTES) ? `${BYTES}${bytesOf(at).toString('latin1')}/${bytesOf(name).toString('latin1')}` : `${at}/${name}`
}

function bytesOf(name: string): Buffer {
  return name.startsWith(BYTES) ? Buffer.from(name.slice(BYTES.length), 'latin1') : Buffer.from(name)
}

export function pathOf(base: string, name: string): string | Buffer {
  return name.startsWith(BYTES) ? Buffer.concat([Buffer.from(`${base}/`), bytesOf(name)]) : join(base, name)
}

/** A link stays as it is written, wherever it leads: cpSync would follow it. */
export function copy(source: string, target: string, name: string): void {
  const [from, to] = [pathOf(source, name), pathOf(target, name)]
  const path = Buffer.from(to)
  mkdirSync(path.subarray(0, path.lastIndexOf('/')), { recursive: true })
  if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from, 'buffer'), to)
  else copyFileSync(from, to)
}
