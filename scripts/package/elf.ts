/** What a program for Linux must be loaded with, of its header and program headers. Source: elf(5); all fields are little-endian on both architectures. */
export interface Program {
  /** As `uname -m` says it. */
  readonly machine: string
  /** Absolute path of the dynamic loader: without it the program can't be started. */
  readonly interpreter: string
  /** The program without what is not loaded: names of functions, and all else for a debugger. */
  readonly bytes: Buffer
}

const MACHINES: Readonly<Record<number, string>> = { 0x3e: 'x86_64', 0xb7: 'aarch64' }
const PT_INTERP = 3

/** Reads a 64-bit ELF program and leaves out what follows its last segment. Not by strip(1): that knows its own architecture alone, and each version
 *  of it makes other bytes.
 *  @throws Error when it is no such program, or names no loader */
export function programOf(file: Buffer): Program {
  const machine = file.length > 64 && file.readUInt32BE(0) === 0x7f454c46 && file[4] === 2 && file[5] === 1 ? MACHINES[file.readUInt16LE(0x12)] : undefined
  if (machine === undefined) throw new Error('it is no program for 64-bit Linux on x86-64 or arm64')
  const [first, size, count] = [Number(file.readBigUInt64LE(0x20)), file.readUInt16LE(0x36), file.readUInt16LE(0x38)] as const
  const headers = Array.from({ length: count }, (_, index) => first + index * size)
  const segments = headers.map(at => ({ type: file.readUInt32LE(at), from: Number(file.readBigUInt64LE(at + 8)), length: Number(file.readBigUInt64LE(at + 32)) }))
  const named = segments.find(({ type }) => type === PT_INTERP)
  if (named === undefined) throw new Error('it names no dynamic loader')
  const end = Math.max(first + size * count, ...segments.map(({ from, length }) => from + length))
  if (end > file.length) throw new Error('it is cut off')
  const bytes = Buffer.from(file.subarray(0, end))
  // The table of sections was behind it: where it is, how many there are, and which of them has their names.
  bytes.writeBigUInt64LE(0n, 0x28)
  bytes.writeUInt16LE(0, 0x3c)
  bytes.writeUInt16LE(0, 0x3e)
  return { machine, interpreter: file.toString('latin1', named.from, named.from + named.length - 1), bytes }
}
