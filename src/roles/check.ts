import { asFailure, Failure, type Fault } from '../core/failure.ts'
import type { Host, Instance } from '../core/instance.ts'
import type { RecipeCloud } from '../core/recipe.ts'
import { showPlace, type Place, type Role } from '../core/role.ts'
import type { Planning } from './call.ts'
import { faultsOf } from '../core/faults.ts'
import { roleFiles, type RoleFiles } from './files.ts'
import { answers, canMeet } from './match.ts'
import { addressFaults } from './one-address.ts'
import { intrusions, type OwnPlaces } from './own-places.ts'
import { planEach } from './plan.ts'
import type { PlannedResource, PlannedStep } from './planned.ts'
import { recipeBook, type BuiltIn, type RecipeBook } from './recipes.ts'
import { loadRole } from './role.ts'
import { standInCloud, standInInstance } from './stand-in.ts'
import { inspectRunList } from './steps.ts'
import { IDENTITY_KEYS } from './tracked.ts'

export interface Inspection extends OwnPlaces {
  /** The provisioning repository. Absolute. */
  readonly source: string
  readonly builtIn: BuiltIn
  readonly host: Host
  /** The engine's order: what it refuses is a fault, too. @throws Failure */
  readonly order: (planned: readonly PlannedResource[]) => unknown
  /** What else must hold for a role, e.g. that its health file can be rendered. @throws Failure */
  readonly alsoOf?: ((role: Role, instance: Instance) => unknown) | undefined
  /** Only this role and its includes. Default: all roles, and all recipes of the repository. */
  readonly role?: string | undefined
  /** Known identity; it stands for the instances of the roles that answer to its groups. Default: a stand-in for all. */
  readonly instance?: Instance | undefined
  /** Default: a stand-in. */
  readonly cloud?: RecipeCloud | undefined
  /** How long a recipe may take. Default: 10 s. */
  readonly limitMs?: number | undefined
}

/** What is not wrong, and yet may surprise. */
export interface Warning extends Omit<Fault, 'code'> {
  readonly code: 'resource.unguarded' | 'recipe.identity' | 'role.several'
}

export interface Inspected {
  readonly roles: readonly string[]
  readonly recipes: readonly string[]
  readonly faults: readonly Fault[]
  readonly warnings: readonly Warning[]
}

/** Finds every fault of a repository's roles and recipes, without touching the machine, asking the cloud or reading a secret.
 *  @throws Failure only when there is nothing to look at: `source.empty`, `role.missing`, `file.denied` */
export async function checkRepository(inspection: Inspection): Promise<Inspected> {
  const faults: Fault[] = []
  const files = roleFiles(inspection.source, found => void faults.push(...found))
  const book = recipeBook(inspection.source, inspection.builtIn, inspection.limitMs)
  const listing = inspection.role === undefined ? files.listing() : { names: [inspection.role], faults: [] }
  if (inspection.role !== undefined) mustBeThere(inspection.role, files)
  faults.push(...listing.faults)
  const warnings: Warning[] = []
  const recipes = inspection.role === undefined ? book.ownNames() : []
  for (const name of recipes) {
    const place = { file: `recipes/${name}/recipe.ts`, line: 1 }
    await collect(faults, place, () => book.load(name, place))
  }
  const roles: Role[] = []
  for (const name of listing.names) {
    const role = await collect(faults, { file: `roles/${name}.yaml`, line: 1 }, () => loadRole(inspection.source, name, files))
    if (role) roles.push(role)
    if (role) await checkRole(role, inspection, book, faults, warnings)
  }
  warnings.push(...rivals(roles, files))
  return { roles: listing.names, recipes, faults: distinct(faults), warnings: distinct(warnings) }
}

/** Pairs of roles that one group can lead to: an instance that has it would have no role. */
function rivals(roles: readonly Role[], files: RoleFiles): readonly Warning[] {
  return roles.flatMap((role, index) => roles.slice(0, index).flatMap(other => {
    const pair = role.securityGroups.flatMap(one => other.securityGroups.filter(theirs => canMeet(one, theirs)).map(theirs => [one, theirs] as const))[0]
    if (pair === undefined) return []
    return [{
      place: files.read(role.name).placeOf(['securityGroups']),
      message: `roles ${other.name} ("${pair[1]}") and ${role.name} ("${pair[0]}") can answer to one security group: an instance that has it gets neither`,
      hint: '`securityGroups: []` for a role that is only included; --role decides where both are meant.',
      code: 'role.several' as const,
    }]
  }))
}

/** What else is wrong with its file is told with the rest. */
function mustBeThere(role: string, files: RoleFiles): void {
  try {
    files.read(role)
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'role.invalid')) throw error
  }
}

async function checkRole(role: Role, inspection: Inspection, book: RecipeBook, faults: Fault[], warnings: Warning[]): Promise<void> {
  const inspected = await inspectRunList(role, book)
  faults.push(...inspected.faults)
  await collect(faults, role.place, () => inspection.alsoOf?.(role, instanceFor(role, inspection)))
  for (const which of ['resources', 'departed'] as const) {
    const planning: Planning = { ...inspection, steps: inspected.steps, role, instance: instanceFor(role, inspection), cloud: inspection.cloud ?? standInCloud('local'), bootId: '0000000000000-stand-in', which }
    const planned: PlannedStep[] = []
    for (const step of which === 'departed' ? inspected.steps.toReversed() : inspected.steps) {
      const one = await collect(faults, step.entry.place, () => planEach([step], planning))
      if (one) planned.push(...one)
    }
    // What a recipe that failed would have brought is missing: order would only complain of that.
    if (planned.length === role.runList.length) checkOrder(planned.flatMap(step => step.resources), planned, inspection.order, role, faults)
    faults.push(...intrusions(planned, inspection))
    if (which === 'departed') continue
    faults.push(...addressFaults(planned))
    warnings.push(...planned.flatMap(warningsOf))
  }
}

function checkOrder(resources: readonly PlannedResource[], planned: readonly PlannedStep[], order: Inspection['order'], role: Role, faults: Fault[]): void {
  try {
    order(resources)
  } catch (error) {
    const failure = asFailure(error)
    const culprit = planned.find(({ resources: [first] }) => first !== undefined && failure.message.includes(first.origin))
    faults.push(...faultsOf(failure, culprit?.step.entry.place ?? role.place))
  }
}

function warningsOf({ step, resources, reads }: PlannedStep): readonly Warning[] {
  const { place } = step.entry
  const unguarded = resources.filter(({ resource }) => resource.unguarded).map(({ resource }): Warning => ({
    place,
    message: `recipe ${step.recipe.name}: ${resource.id} runs in every boot`,
    hint: 'Give it creates, onlyIf, notIf or runOn, if it need not.',
    code: 'resource.unguarded',
  }))
  const key = step.phase === 'prepare' ? IDENTITY_KEYS.find(name => reads.has(name)) : undefined
  if (key === undefined) return unguarded
  return [...unguarded, {
    place,
    message: `recipe ${step.recipe.name} reads instance.${key} while it prepares: a bake leaves it to boot`,
    hint: step.recipe.path === undefined
      ? 'Nothing is wrong with that. If it is to be in the image, keep the identity out of it, and out of its template.'
      : "Give it `phase: 'activate'`, or keep what needs the identity in a recipe of its own.",
    code: 'recipe.identity',
  }]
}

function instanceFor(role: Role, { instance }: Inspection): Instance {
  const isOfRole = instance && role.securityGroups.some(pattern => instance.securityGroups.some(group => answers(pattern, group)))
  return isOfRole ? instance : standInInstance(role.securityGroups.map(pattern => pattern.replaceAll('*', '')).filter(group => group !== ''))
}

async function collect<T>(faults: Fault[], place: Place, work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    faults.push(...faultsOf(error, place))
    return undefined
  }
}

/** An included fault is found once for each role that includes it. */
function distinct<T extends Omit<Fault, 'code'>>(faults: readonly T[]): readonly T[] {
  const seen = new Map(faults.map(fault => [`${showPlace(fault.place)} ${fault.message}`, fault]))
  return [...seen.values()].sort((a, b) => a.place.file.localeCompare(b.place.file) || a.place.line - b.place.line)
}
