import type { AddressNeed, Needs } from '../core/needs.ts'
import { isRecord } from '../core/plain.ts'
import type { Host, Instance } from '../core/instance.ts'
import type { Role } from '../core/role.ts'
import { failureOf } from '../core/faults.ts'
import type { Planning } from '../roles/call.ts'
import { roleFiles } from '../roles/files.ts'
import { planSteps } from '../roles/plan.ts'
import type { PlannedResource } from '../roles/planned.ts'
import { recipeBook, type RecipeBook } from '../roles/recipes.ts'
import { loadRole } from '../roles/role.ts'
import { secretReferences } from '../roles/secrets.ts'
import { standInCloud, standInInstance, standInTags } from '../roles/stand-in.ts'
import { planStatements } from '../roles/statements.ts'
import { inspectRunList } from '../roles/steps.ts'
import { healthContent } from './outset.ts'
import type { Repository } from './source/repository.ts'
import { failuresOf, type Settings } from './settings.ts'

export interface NeedsOptions {
  readonly repository: Pick<Repository, 'directory' | 'builtIn' | 'role'>
  readonly settings: Settings
  readonly host: Host
  /** Where the instances run; undefined: anywhere. */
  readonly region: string | undefined
}

/** What roles ask of the cloud: of the one that is named, or of each that an instance can have. Recipes are asked with a stand-in for the instance;
 *  the cloud is not asked, and no secret is read.
 *  @throws Failure of anything that is wrong in the repository (78) */
export async function needsOf({ repository: { directory, builtIn, role: named }, settings, host, region }: NeedsOptions): Promise<readonly Needs[]> {
  const files = roleFiles(directory)
  const book = recipeBook(directory, builtIn)
  const all = (named === undefined ? files.names() : [named]).map(name => loadRole(directory, name, files))
  // A role that no group leads to is there to be included.
  const had = all.filter(({ securityGroups }) => securityGroups.length > 0)
  const result: Needs[] = []
  for (const role of had.length > 0 ? had : all) result.push(await needsOfRole(role, book, settings, host, region))
  return result
}

async function needsOfRole(role: Role, book: RecipeBook, settings: Settings, host: Host, region: string | undefined): Promise<Needs> {
  const { steps, faults } = await inspectRunList(role, book)
  if (faults.length > 0) throw failureOf(faults)
  let readsTags = false
  const standIn = standInInstance(role.securityGroups)
  const instance = { ...standIn, tags: watched(standIn.tags, () => (readsTags = true)) }
  const planning: Omit<Planning, 'which'> = { steps, role, source: book.source, run: settings.run, state: settings.state, instance, host, cloud: standInCloud('aws'), bootId: '0000000000000-stand-in' }
  const planned = (['resources', 'departed'] as const).flatMap(which => planSteps({ ...planning, which }))
  healthContent(role, instance, 'run')
  const resources = planned.flatMap(step => step.resources)
  const addresses = distinct(resources.flatMap(addressNeed))
  return {
    role: role.name,
    group: groupOf(role),
    addresses,
    // As a boot finds it out.
    registers: role.runList.some(({ recipe }) => recipe === 'registry') || resources.some(({ resource }) => resource.kind === 'registry'),
    asksHistory: failuresOf(settings) !== undefined,
    readsTags: readsTags || addresses.some(one => 'tagged' in one),
    parameters: parametersOf(role),
    statements: planStatements({ ...planning, instance: anyInstance(instance, region) }),
  }
}

/** An address resource says which it wants, whichever recipe brings it. */
function addressNeed({ resource: { kind, props } }: PlannedResource): readonly AddressNeed[] {
  if (kind !== 'address' || !isRecord(props)) return []
  const { allocation, pool, tagged } = props
  if (typeof allocation === 'string') return [{ allocation }]
  if (isRecord(pool)) return [{ pool: pool as Readonly<Record<string, string>> }]
  return isRecord(tagged) ? [{ tagged: String(tagged.tag) }] : []
}

function groupOf({ scaling }: Role): string | undefined {
  return typeof scaling?.group === 'string' ? scaling.group : undefined
}

function parametersOf({ runList }: Role): readonly string[] {
  const references = runList.flatMap(({ params }) => secretReferences(params)).map(({ reference }) => reference)
  return distinct(references.filter(reference => reference.startsWith('ssm:')).map(reference => reference.slice('ssm:'.length)))
}

/** Handing tags on asks for none; reading one does, and so does looking which there are. */
function watched(tags: Instance['tags'], note: () => void): Instance['tags'] {
  return new Proxy<Instance['tags']>(tags, {
    get: (all, key) => (note(), Reflect.get(all, key) as string),
    has: (all, key) => (note(), Reflect.has(all, key)),
    ownKeys: all => (note(), Reflect.ownKeys(all)),
    getOwnPropertyDescriptor: (all, key) => (note(), Reflect.getOwnPropertyDescriptor(all, key)),
  })
}

/** For statements: a policy is the same for all instances, so what is one's own is whatever it is. */
function anyInstance(standIn: Instance, region: string | undefined): Instance {
  const any = '*'
  return { ...standIn, id: any, type: any, region: region ?? any, zone: any, privateIp: any, publicIp: any, publicHostname: any, tags: standInTags(() => any) }
}

function distinct<T>(list: readonly T[]): readonly T[] {
  return [...new Map(list.map(one => [JSON.stringify(one), one])).values()]
}
