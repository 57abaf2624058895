import { basename, dirname } from 'node:path'
import type { FileStat, Machine } from '../core/machine.ts'

/** The name of the file that a file of this name is a backup of; of one that is none, its own. */
export function originalOf(name: string): string {
  return name.replace(/\.sunup-[1-9]\d*$/, '')
}

/** Keeps the file's content as `<path>.sunup-<n>`, n counting up, and lets go of the oldest beyond `count`.
 *  A run that was killed before it replaced the file has made its backup already: the same content is not kept twice in a row. */
export function keepBackup(path: string, found: FileStat, count: number, machine: Machine): void {
  const prefix = `${basename(path)}.sunup-`
  const numbers = (machine.list(dirname(path)) ?? [])
    .filter(name => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
    .map(name => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b)
  const newest = numbers.at(-1)
  const content = machine.read(path)
  if (count > 0 && content !== undefined && !(newest !== undefined && machine.read(`${path}.sunup-${newest}`)?.equals(content))) {
    const owners = machine.privileged ? { owner: `+${found.uid}`, group: `+${found.gid}` } : {}
    numbers.push((newest ?? 0) + 1)
    machine.write(`${path}.sunup-${numbers.at(-1)}`, content, { mode: found.mode, ...owners })
  }
  for (const number of numbers.slice(0, Math.max(0, numbers.length - count))) machine.remove(`${path}.sunup-${number}`)
}
