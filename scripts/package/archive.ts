import { createHash } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create } from 'tar'

/** As npm dates what it packs. */
const LONG_AGO = Date.UTC(1985, 9, 26, 8, 15) / 1000

/** Packs a directory so that the same files make the same bytes, whoever packs them and where: names in order, one date ($SOURCE_DATE_EPOCH when it is
 *  given), no owners, of modes only whether something can be run, and
 *  no empty directories, which git and npm do not keep either.
 *  @param directory holds `name` and nothing else of interest */
export async function pack(directory: string, name: string, file: string, epoch = LONG_AGO): Promise<void> {
  const entries = below(directory, name)
  for (const path of entries) {
    const stat = statSync(join(directory, path))
    chmodSync(join(directory, path), stat.isDirectory() || (stat.mode & 0o100) !== 0 ? 0o755 : 0o644)
  }
  // More effort than zlib's usual would be a fifth of a megabyte less for thrice the time.
  await create({ cwd: directory, file, gzip: { level: 6 }, portable: true, noDirRecurse: true, noPax: true, mtime: new Date(epoch * 1000) }, entries)
}

function below(directory: string, name: string): string[] {
  if (!statSync(join(directory, name)).isDirectory()) return [name]
  const inside = readdirSync(join(directory, name)).sort().flatMap(child => below(directory, join(name, child)))
  return inside.length === 0 ? [] : [name, ...inside]
}

/** Writes SHA256SUMS beside the archives of a version, of all architectures that lie there. */
export function writeSums(directory: string, version: string): void {
  const names = readdirSync(directory).filter(name => name.startsWith(`sunup-${version}-linux-`) && name.endsWith('.tar.gz')).sort()
  const lines = names.map(name => `${createHash('sha256').update(readFileSync(join(directory, name))).digest('hex')}  ${name}\n`)
  writeFileSync(join(directory, 'SHA256SUMS'), lines.join(''))
}
