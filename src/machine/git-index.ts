import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs'
import { hashOf } from '../core/digest.ts'
import { errnoOf, Failure } from '../core/failure.ts'
import { readRegular } from '../core/regular-file.ts'

const SIGNATURE = 'DIRC'
/** Times, device, inode, mode, owner and size stand before an entry's object id. */
const STAT_BYTES = 40
const EXTENDED = 0x4000
const STAGE = 0x3000
const LINK = 0o120000n
const SUBMODULE = 0o160000
const FILE_TYPE = 0o170000

/** Compares a work tree with its index by size, times and inode, as `git status` does, without starting one: a settled run forks no more
 *  than it must. A file whose stat differs is hashed. Source: gitformat-index(5), versions 2 and 3.
 *  @param hashBytes 20 for a repository of SHA-1, 32 for SHA-256
 *  @returns tracked files that differ, as `M path` or `D path`; undefined when only git can tell: a version, extension or state that
 *  is not understood here, or something staged
 *  @throws Failure `git.broken` */
export function compareWithIndex(indexFile: string, workTree: string, hashBytes: 20 | 32): readonly string[] | undefined {
  let index: Buffer
  let writtenNs: bigint
  try {
    index = readRegular(indexFile)
    writtenNs = lstatSync(indexFile, { bigint: true }).mtimeNs
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  const end = index.length - hashBytes
  // git itself trusts a torn one, and reads what it finds.
  if (end < 12 || index.toString('latin1', 0, 4) !== SIGNATURE || !isIntact(index, end)) throw new Failure('git.broken', `the index ${indexFile} is torn`)
  const version = index.readUInt32BE(4)
  if (version !== 2 && version !== 3) return undefined
  const root = Buffer.from(`${workTree}/`)
  const differing: string[] = []
  let at = 12
  for (let left = index.readUInt32BE(8); left > 0; left--) {
    const flagsAt = at + STAT_BYTES + hashBytes
    if (flagsAt + 2 > end) return undefined
    const flags = index.readUInt16BE(flagsAt)
    // Unmerged, or with flags (skip-worktree, intent-to-add) that say more than its stat.
    if ((flags & (STAGE | EXTENDED)) !== 0) return undefined
    const nameEnd = index.indexOf(0, flagsAt + 2)
    if (nameEnd < 0 || nameEnd >= end || ((flags & 0xfff) !== 0xfff && nameEnd - flagsAt - 2 !== (flags & 0xfff))) return undefined
    const name = index.subarray(flagsAt + 2, nameEnd)
    const verdict = compare(index, at, hashBytes, Buffer.concat([root, name]), writtenNs)
    if (verdict !== '') differing.push(`${verdict} ${name.toString('utf8')}`)
    // Padded with 1 to 8 zero bytes to a multiple of eight, from the entry's own beginning.
    at += (nameEnd - at + 8) & ~7
  }
  return isWhole(index, at, end) ? differing : undefined
}

/** Its last bytes are the hash of all before them, or zeros, where it was configured so. */
function isIntact(index: Buffer, end: number): boolean {
  const written = index.subarray(end)
  return written.every(byte => byte === 0) || hashOf(written.length === 32 ? 'sha256' : 'sha1').update(index.subarray(0, end)).digest().equals(written)
}

/** The optional extensions: the root of the cached tree must be valid (a change that was staged invalidates it), and none may be needed to
 *  understand the entries. */
function isWhole(index: Buffer, from: number, end: number): boolean {
  let whole = false
  let at = from
  while (at + 8 <= end) {
    const name = index.toString('latin1', at, at + 4)
    const size = index.readUInt32BE(at + 4)
    if (name[0] === undefined || name[0] < 'A' || name[0] > 'Z') return false
    // The root's path is empty; then its number of entries as text, -1 when it is invalid.
    if (name === 'TREE') whole = index[at + 8] === 0 && index[at + 9] !== 0x2d
    at += 8 + size
  }
  return whole && at === end
}

function compare(index: Buffer, at: number, hashBytes: number, path: Buffer, writtenNs: bigint): '' | 'M' | 'D' {
  const mode = index.readUInt32BE(at + 24)
  const found = statOf(path)
  if ((mode & FILE_TYPE) === SUBMODULE) return found?.isDirectory() ? '' : 'D'
  if (found === undefined) return 'D'
  if ((found.mode & BigInt(FILE_TYPE)) !== BigInt(mode & FILE_TYPE)) return 'M'
  if ((mode & FILE_TYPE) !== Number(LINK) && ((mode & 0o100) !== 0) !== ((found.mode & 0o100n) !== 0n)) return 'M'
  const isSame =
    timeAt(index, at) === found.ctimeNs &&
    timeAt(index, at + 8) === found.mtimeNs &&
    index.readUInt32BE(at + 20) === Number(found.ino & 0xffffffffn) &&
    index.readUInt32BE(at + 36) === Number(found.size & 0xffffffffn)
  // What was changed in the very moment the index was written would look the same.
  if (isSame && found.mtimeNs < writtenNs) return ''
  return objectIdOf(path, found, hashBytes) === index.toString('hex', at + STAT_BYTES, at + STAT_BYTES + hashBytes) ? '' : 'M'
}

function statOf(path: Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

function timeAt(index: Buffer, at: number): bigint {
  return BigInt(index.readUInt32BE(at)) * 1_000_000_000n + BigInt(index.readUInt32BE(at + 4))
}

/** The object id of the file as it is; attributes that convert what is checked in make it another, which git then judges. */
function objectIdOf(path: Buffer, found: BigIntStats, hashBytes: number): string {
  const content = found.isSymbolicLink() ? readlinkSync(path, 'buffer') : readRegular(path)
  return hashOf(hashBytes === 32 ? 'sha256' : 'sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}
