import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import type { Observer } from '../core/machine.ts'
import { checkProps } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import { apt } from './apt.ts'
import { dnf } from './dnf.ts'
import { isVersion, type Installed, type PackageManager, type Wanted } from './package-manager.ts'

export interface PackagesProps extends CommonProps {
  /** Names, or a name with a version: 'nginx=1.22*', where * stands for anything. Without one any version will do. */
  readonly install?: readonly string[] | undefined
  readonly remove?: readonly string[] | undefined
}

/** Packages of the host, by apt or dnf, in one transaction. Only what is named and what that needs is installed: what packages merely
 *  recommend is named too, or it is not there. Removing keeps configuration files, and installing keeps those that were changed here.
 *  Settled, it asks nobody: dpkg's own file is read. Package lists are fetched anew when they are older than a day or than the sources
 *  they come from, or when a package is not in them. A lock that somebody else holds is waited for. An interrupted transaction is finished first.
 *  In events it is a `package`, after the names: `package[git nginx -apache2]`. */
export function packages(props: PackagesProps): Resource {
  checkProps('packages', props, { install: 'strings?', remove: 'strings?', ...COMMON_PROPS })
  const install = (props.install ?? []).map(wantedOf)
  const remove = (props.remove ?? []).map(text => nameOf(text))
  refuseDoubles([...install.map(one => one.name), ...remove])
  const names = [...install.map(one => one.name), ...remove]

  return {
    ...resourceBase({ kind: 'package', key: [...install.map(one => one.name), ...remove.map(name => `-${name}`)].join(' '), props }),
    hostOnly: 'packages belong to a host, not to a staging root',
    journaled: true,
    async check(context) {
      const manager = managerOf(context.observer)
      const found = await manager.installed(names, context)
      const missing = install.filter(one => !isSettled(one, found(one.name)))
      const changes: Change[] = []
      if (context.interrupted) changes.push({ type: 'act', field: 'configure', reason: 'an earlier transaction was cut off' })
      const key = missing.map(one => one.name).join(' ')
      const candidates = missing.length === 0 ? undefined : await context.pinned(`candidates ${key}`, () => manager.candidates(missing, context))
      for (const one of missing) changes.push(changeTo(one, found(one.name), candidates?.get(one.name)))
      for (const name of remove) {
        const now = found(name)
        if (now) changes.push({ type: 'remove', field: name, from: now.version })
      }
      return changes
    },
    async apply(changes, context) {
      const fields = new Set(changes.map(change => change.field))
      await managerOf(context.machine).transact(
        install.filter(one => fields.has(one.name)),
        remove.filter(name => fields.has(name)),
        fields.has('configure'),
        context,
      )
    },
  }
}

function isSettled(wanted: Wanted, now: Installed | undefined): boolean {
  return now !== undefined && now.status === 'installed' && isVersion(now.version, wanted.version)
}

function changeTo(wanted: Wanted, now: Installed | undefined, candidate: string | undefined): Change {
  const to = candidate ?? wanted.version
  const field = wanted.name
  if (now === undefined) return { type: 'create', field, ...(to !== undefined && { to }) }
  if (now.status !== 'installed') return { type: 'update', field, from: now.status, to: 'installed' }
  return { type: 'update', field, from: now.version, ...(to !== undefined && { to }) }
}

function managerOf(observer: Observer): PackageManager {
  if (observer.stat('/var/lib/dpkg/status')) return apt
  if (observer.stat('/usr/bin/dnf')) return dnf
  throw new Failure('absent.command', 'there is neither apt nor dnf here to install packages with', { subject: 'apt-get' })
}

function wantedOf(text: string): Wanted {
  const at = text.indexOf('=')
  const version = at === -1 ? undefined : text.slice(at + 1)
  if (version !== undefined && !/^[\w.+:~*^-]+$/.test(version)) throw new Failure('resource.invalid', `packages: "${text}" asks for no version`, { hint: 'Write e.g. nginx=1.22*.' })
  return { name: nameOf(at === -1 ? text : text.slice(0, at)), version }
}

/** Never what apt would take for an option, a file or a pattern. */
function nameOf(text: string): string {
  if (/^[A-Za-z0-9][\w.+-]*(:[a-z0-9-]+)?$/.test(text)) return text
  throw new Failure('resource.invalid', `packages: "${text}" is no name of a package`)
}

function refuseDoubles(names: readonly string[]): void {
  if (names.length === 0) throw new Failure('resource.invalid', 'packages: neither "install" nor "remove" names a package')
  const double = names.find((name, at) => names.indexOf(name) !== at)
  if (double !== undefined) throw new Failure('resource.invalid', `packages: "${double}" is named twice`)
}
