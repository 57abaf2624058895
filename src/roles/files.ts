import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, Failure, messageOf, type Fault } from '../core/failure.ts'
import { didYouMean } from '../core/nearest.ts'
import { isRecord } from '../core/plain.ts'
import { showPlace, type Place } from '../core/role.ts'
import { failureAt, failureOf } from '../core/faults.ts'
import type { Tell, YamlFile } from '../core/yaml.ts'
import { loadYaml } from './yaml.ts'

/** As it was read; whoever takes more of it than its security groups has to complain of its traps. */
export interface RoleFile extends YamlFile {
  readonly traps: readonly Fault[]
}

/** The role files of a source directory, each read once. */
export interface RoleFiles {
  /** All there are, sorted. @throws Failure `source.empty`, `role.invalid` (files whose name can't be a role's) */
  names(): readonly string[]
  /** As names, telling the faults instead. @throws Failure `source.empty` */
  listing(): Listing
  /** @param from who asks, for the complaint. @throws Failure `role.missing`, `role.invalid`, `source.empty` */
  read(name: string, from?: Place): RoleFile
  /** Is told the faults of a role's keys, which are then as if not written; undefined: they are thrown. */
  readonly tell: Tell | undefined
}

export interface Listing {
  readonly names: readonly string[]
  readonly faults: readonly Fault[]
}

/** The registry's own rows begin with #, and names become parts of paths. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** @param source the absolute path of the provisioning repository */
export function roleFiles(source: string, tell?: Tell): RoleFiles {
  const known = new Map<string, RoleFile>()
  const listed: { now?: Listing } = {}

  function listing(): Listing {
    return (listed.now ??= list(source))
  }

  function names(): readonly string[] {
    if (listing().faults.length > 0) throw failureOf(listing().faults)
    return listing().names
  }

  return {
    tell,
    names,
    listing,
    read(name, from) {
      const before = known.get(name)
      if (before) return before
      const file = NAME.test(name) ? open(source, name) : undefined
      if (file === undefined) {
        const where = from ? `${showPlace(from)}: ` : ''
        const message = `there is no role "${name}"`
        const hint = didYouMean(name, names().filter(other => other !== name))
        throw new Failure('role.missing', where + message, { hint, faults: from && [{ place: from, message, hint, code: 'role.missing' }] })
      }
      if (!isRecord(file.value)) {
        const message = file.value === null ? 'the file is empty, and a role needs recipes' : 'a role must be a map with keys such as recipes'
        throw failureAt({ place: file.placeOf([]), message, code: 'role.invalid' })
      }
      known.set(name, file)
      return file
    },
  }
}

function open(source: string, name: string): RoleFile | undefined {
  try {
    const traps: Fault[] = []
    return { ...loadYaml(join(source, 'roles', `${name}.yaml`), `roles/${name}.yaml`, 'role.invalid', faults => void traps.push(...faults)), traps }
  } catch (error) {
    if (error instanceof Failure && error.code === 'file.denied' && isAbsent(error.cause)) return undefined
    throw error
  }
}

function list(source: string): Listing {
  const hint = 'Roles are files such as roles/web.yaml, at the top of the repository or of the directory that --source names.'
  let entries: string[]
  try {
    entries = readdirSync(join(source, 'roles'))
  } catch (error) {
    if (isAbsent(error)) throw new Failure('source.empty', `${source} has no roles/`, { hint })
    throw new Failure('file.denied', `${join(source, 'roles')} can't be read: ${messageOf(error)}`, { cause: error })
  }
  const visible = entries.filter(entry => !entry.startsWith('.') && /\.ya?ml$/.test(entry)).sort()
  if (visible.length === 0) throw new Failure('source.empty', `${source} has no role in roles/`, { hint })
  const faults = visible.flatMap(faultOfName)
  return { names: visible.filter(entry => faultOfName(entry).length === 0).map(entry => entry.slice(0, -'.yaml'.length)), faults }
}

function faultOfName(entry: string): readonly Fault[] {
  const name = entry.replace(/\.ya?ml$/, '')
  const fault = { place: { file: `roles/${entry}`, line: 1 }, code: 'role.invalid' } as const
  if (entry.endsWith('.yml')) return [{ ...fault, message: 'a role file ends in .yaml', hint: `Call it ${name}.yaml.` }]
  return NAME.test(name) ? [] : [{ ...fault, message: `"${name}" can't be a role's name`, hint: 'Letters, digits, ., _ and - are allowed.' }]
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')
}
