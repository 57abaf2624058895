import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/** Compares byte by byte with test/golden/<name>. `UPDATE_GOLDEN=1` writes the file instead: then read what changed before it is kept. */
export function matchesGolden(t: Test, name: string, text: string): void {
  const file = join(import.meta.dirname, '..', 'golden', name)
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text)
  t.equal(text, readFileSync(file, 'utf8'), `as test/golden/${name} has it`)
}
