import type { Hash } from 'node:crypto'

/** A hash to be fed. node:crypto is loaded with the first one: that takes 2 ms, and most settled runs need none, or while they wait for a git. */
export function hashOf(algorithm: 'sha1' | 'sha256'): Hash {
  return process.getBuiltinModule('node:crypto').createHash(algorithm)
}
