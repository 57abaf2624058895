import type { Observer } from '../../core/machine.ts'

/** What package managers fetched and would fetch again: lists that are old when an instance starts, and packages that are installed already. */
const DIRECTORIES: readonly (readonly [directory: string, which: RegExp])[] = [
  ['/var/lib/apt/lists', /./],
  ['/var/cache/apt/archives', /\.deb$/],
  ['/var/cache/apt', /\.bin$/],
  ['/var/cache/dnf', /./],
  ['/var/cache/libdnf5', /./],
  ['/var/cache/yum', /./],
]

/** Absolute, as resources name paths. @throws Failure `file.denied` */
export function packageCaches(machine: Observer): readonly string[] {
  // A link leads elsewhere, to what others use, too.
  return DIRECTORIES.flatMap(([directory, which]) => (machine.stat(directory)?.kind === 'directory' ? (machine.list(directory) ?? []) : []).filter(name => which.test(name)).map(name => `${directory}/${name}`))
}
