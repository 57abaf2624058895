import { realpathSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readRegularText, WRITTEN_BYTES } from '../core/regular-file.ts'
import type { Place } from '../core/role.ts'

/** Where in the provisioning repository an error came from, by its stack: the innermost of its lines. Files are named relative to it.
 *  undefined: nowhere there. */
export function blame(error: unknown, source: string): Place | undefined {
  const stack = error instanceof Error && typeof error.stack === 'string' ? error.stack : ''
  const roots = [source, real(source)]
  for (const line of stack.split('\n')) {
    const match = /(file:\/\/\/[^\s()]+?|\/[^()]*?):(\d+)(?::\d+)?\)?$/.exec(line)
    if (!match) continue
    const path = pathOf(match[1] as string)
    const root = roots.find(candidate => path.startsWith(`${candidate}/`))
    if (root !== undefined && !path.includes('/node_modules/')) return { file: relative(root, path), line: Number(match[2]) }
  }
  return undefined
}

/** The first line of the file that the pattern matches, else 1. */
export function lineMatching(path: string, pattern: RegExp): number {
  try {
    return Math.max(0, readRegularText(path, WRITTEN_BYTES).split('\n').findIndex(line => pattern.test(line))) + 1
  } catch {
    return 1
  }
}

function pathOf(text: string): string {
  try {
    return text.startsWith('file:') ? fileURLToPath(text) : text
  } catch {
    return text
  }
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
