import type { ApplyContext, CheckContext } from '../core/resource.ts'

/** A package that is there, at least in part. */
export interface Installed {
  readonly version: string
  /** As dpkg has it: installed, half-configured, unpacked, half-installed, triggers-pending, … */
  readonly status: string
}

export interface Wanted {
  readonly name: string
  /** A version, in which * stands for anything. */
  readonly version: string | undefined
}

/** What packages ask of apt and dnf. */
export interface PackageManager {
  installed(names: readonly string[], context: CheckContext): Promise<(name: string) => Installed | undefined> | ((name: string) => Installed | undefined)
  /** The version that would be installed of each; undefined for one of which nothing can be said yet.
   *  @throws Failure `package.missing` in a plan, when the lists are fresh and do not have it */
  candidates(wanted: readonly Wanted[], context: CheckContext): Promise<ReadonlyMap<string, string>>
  /** One transaction. `repair`: an earlier one was cut off. @throws Failure `package.missing`, `package.locked`, `network.failed`, `command.failed` */
  transact(install: readonly Wanted[], remove: readonly string[], repair: boolean, context: ApplyContext): Promise<void>
}

/** Whether `version` is what was asked for. */
export function isVersion(version: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return true
  return new RegExp(`^${wanted.split('*').map(part => part.replace(/[.+^${}()|[\]\\?]/g, '\\$&')).join('.*')}$`).test(version)
}
