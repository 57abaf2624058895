import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Outside the checkout: no `git clean` takes it away. */
const CACHE = '/var/cache/sunup-lab'

/** What takes a minute to make: made when there is none yet, and again when one of the files that say how was changed.
 *  @param name what it begins with, and no other does
 *  @param sources those files
 *  @param make makes it at `to`; `work` is for whatever is needed on the way
 *  @returns its path */
export function madeOnce(name: string, sources: readonly string[], make: (to: string, work: string) => void): string {
  const digest = createHash('sha256')
  for (const file of [import.meta.filename, ...sources]) digest.update(readFileSync(file))
  const finished = join(CACHE, `${name}-${digest.digest('hex').slice(0, 12)}`)
  if (existsSync(finished)) return finished
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'building-'))
  const to = join(work, 'made')
  try {
    console.log(`# making ${finished}, once`)
    make(to, work)
    // A machine that still runs on an earlier one keeps it open.
    for (const other of readdirSync(CACHE)) if (other.startsWith(`${name}-`)) rmSync(join(CACHE, other), { recursive: true, force: true })
    renameSync(to, finished)
    return finished
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The root file system of a Debian 12, as a directory, or as an archive where `to` ends so. Needs root, mmdebstrap, and a Debian mirror.
 *  @param more options of mmdebstrap */
export function debianRoot(to: string, packages: readonly string[], more: readonly string[] = []): void {
  execFileSync('mmdebstrap', ['--quiet', '--mode=root', '--variant=minbase', `--include=${packages.join(',')}`, ...more, 'bookworm', to], { stdio: ['ignore', 'ignore', 'inherit'] })
}
