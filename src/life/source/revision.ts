import { readRegularText } from '../../core/regular-file.ts'
import { join } from 'node:path'

/** The commit a source directory has checked out, read without starting git; undefined where it is no git checkout. */
export function revisionOf(directory: string): string | undefined {
  const git = join(directory, '.git')
  const head = read(join(git, 'HEAD'))?.trim()
  if (head === undefined || !head.startsWith('ref: ')) return head
  const ref = head.slice('ref: '.length)
  return read(join(git, ref))?.trim() ?? packed(git, ref)
}

function packed(git: string, ref: string): string | undefined {
  return read(join(git, 'packed-refs'))
    ?.split('\n')
    .find(line => line.endsWith(` ${ref}`))
    ?.split(' ')[0]
}

function read(file: string): string | undefined {
  try {
    return readRegularText(file)
  } catch {
    return undefined
  }
}
