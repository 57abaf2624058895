import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs'
import { errnoOf, Failure } from './failure.ts'

/** More than this no person wrote. */
export const WRITTEN_BYTES = 16 * 1024 * 1024

/** Longer ones are left to Node, which knows what it can hold. */
const AT_ONCE_BYTES = 16 * 1024 * 1024

/** What a regular file holds, without ever waiting: a FIFO, a terminal or an endless device where a file should be would stop the
 *  whole process, its deadline and its signals with it. Costs no more system calls than readFileSync.
 *  @param mostBytes of what is longer nothing is read. Default: any length
 *  @throws Failure `file.kind` when it is something else, or too long; what the system says when it can't be opened; EISDIR of a directory */
export function readRegular(path: string | Buffer, mostBytes = Infinity): Buffer {
  const descriptor = open(path)
  try {
    const found = fstatSync(descriptor)
    if (isNothing(found)) return Buffer.alloc(0)
    if (!found.isFile() && !found.isDirectory()) throw notRegular(path, found)
    if (found.size > mostBytes) throw new Failure('file.kind', `${String(path)} is longer than ${mostBytes / 1_048_576} MB`)
    // What /proc shows has no size.
    if (!found.isFile() || found.size === 0 || found.size > AT_ONCE_BYTES) return readFileSync(descriptor)
    return readAll(descriptor, found.size)
  } finally {
    closeSync(descriptor)
  }
}

/** As readRegular, of a text that a program or person wrote. */
export function readRegularText(path: string, mostBytes?: number): string {
  return readRegular(path, mostBytes).toString('utf8')
}

/** The first line, from 1, of bytes that are no UTF-8; undefined: all of it is text, which what is made of it holds unchanged. */
export function lineOfNoText(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined
  let line = 1
  for (let from = 0; ; line++) {
    const end = bytes.indexOf(0x0a, from)
    if (end < 0 || !isUtf8(bytes.subarray(from, end))) return line
    from = end + 1
  }
}

function open(path: string | Buffer): number {
  try {
    // So that a FIFO nobody writes to is opened, to be told from a file.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (errnoOf(error) === 'ENXIO') throw new Failure('file.kind', `${String(path)} is a socket or a device, not a regular file`, { cause: error })
    throw error
  }
}

function readAll(descriptor: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  while (at < size) {
    const count = readSync(descriptor, bytes, at, size - at, null)
    if (count === 0) return bytes.subarray(0, at)
    at += count
  }
  return bytes
}

/** /dev/null, which is as good as an empty file: a masked unit is a link to it. */
function isNothing(found: Stats): boolean {
  return found.isCharacterDevice() && found.rdev === 0x103
}

function notRegular(path: string | Buffer, found: Stats): Failure {
  const what = found.isFIFO() ? 'a named pipe (FIFO)' : found.isSocket() ? 'a socket' : 'a device'
  return new Failure('file.kind', `${String(path)} is ${what}, not a regular file`)
}
