import { closeSync, openSync, readSync } from 'node:fs'
import type { ReadEntry } from 'tar'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'

/** What no library here can decompress, by its first bytes, and the program that can. */
const PROGRAMS = [
  { magic: 'fd377a585a00', program: 'xz', suffix: '.xz' },
  { magic: '425a68', program: 'bzip2', suffix: '.bz2' },
] as const

const KINDS = new Set(['File', 'OldFile', 'ContiguousFile', 'Directory', 'GNUDumpDir', 'Link', 'SymbolicLink'])

/** Unpacks a tar archive into a directory. The first entry that could reach out of the directory, or is more than a file, directory or link,
 *  ends it. What was written until then is the caller's to remove.
 *  @throws Failure `archive.invalid`, `disk.full`, `absent.command` */
export async function unpack(file: string, directory: string, label: string, machine: Machine, signal: AbortSignal): Promise<void> {
  const plain = await decompressed(file, machine, signal)
  const { extract } = await import('tar')
  let fault: string | undefined
  try {
    await extract({
      file: machine.hostPath(plain),
      cwd: machine.hostPath(directory),
      preserveOwner: false,
      strict: true,
      filter(_path, one) {
        // Only archives that are being made have entries of the other kind.
        const entry = one as ReadEntry
        if (signal.aborted) return false
        fault ??= faultOf(entry)
        if (typeof entry.mode === 'number') entry.mode &= 0o777
        return fault === undefined
      },
    })
  } catch (error) {
    signal.throwIfAborted()
    if (errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT') throw new Failure('disk.full', `${label}: unpacking failed: ${messageOf(error)}`, { cause: error })
    fault ??= messageOf(error)
  } finally {
    if (plain !== file) machine.remove(plain)
  }
  signal.throwIfAborted()
  if (fault !== undefined) throw new Failure('archive.invalid', `${label}: the archive is refused: ${fault}`, { hint: 'Nothing of it was put in place.' })
  if (machine.list(directory)?.length === 0) throw new Failure('archive.invalid', `${label}: the archive is refused: it is empty, or no tar archive`)
}

/** Why an entry is refused. A link may climb only at its beginning, by no more directories than it stands below: these are real ones, for nothing is
 *  ever unpacked through a link, so what follows stays inside, through other links too. A climb further on could start from a link. */
function faultOf({ path, type, linkpath }: ReadEntry): string | undefined {
  if (!KINDS.has(type)) return `${path} is no file, directory or link (${type})`
  if (path.startsWith('/')) return `${path} is an absolute name`
  const parts = path.split('/').filter(part => part !== '' && part !== '.')
  if (parts.includes('..')) return `${path} leads out of it`
  if (type !== 'Link' && type !== 'SymbolicLink') return undefined
  const target = linkpath ?? ''
  if (target.startsWith('/')) return `${path} is a link to the absolute name ${target}`
  const steps = target.split('/').filter(part => part !== '' && part !== '.')
  const climbs = steps.findIndex(step => step !== '..')
  const up = climbs < 0 ? steps.length : climbs
  // A hard link's target is counted from the top, a symbolic one's from where it stands.
  const depth = type === 'Link' ? 0 : parts.length - 1
  return up > depth || steps.slice(up).includes('..') ? `${path} is a link that leads out of it (${target})` : undefined
}

async function decompressed(file: string, machine: Machine, signal: AbortSignal): Promise<string> {
  const start = firstBytes(machine.hostPath(file))
  const found = PROGRAMS.find(({ magic }) => start.startsWith(magic))
  if (found === undefined) return file
  machine.rename(file, `${file}${found.suffix}`)
  try {
    await machine.run([found.program, '--decompress', '--force', machine.hostPath(`${file}${found.suffix}`)], { signal })
  } finally {
    machine.remove(`${file}${found.suffix}`)
  }
  return file
}

function firstBytes(file: string): string {
  const descriptor = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(6)
    return bytes.toString('hex', 0, readSync(descriptor, bytes))
  } finally {
    closeSync(descriptor)
  }
}
