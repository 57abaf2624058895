import { relative } from 'node:path'
import { Failure, knowable, messageOf } from '../core/failure.ts'
import { isRecord } from '../core/plain.ts'
import type { Host, Instance } from '../core/instance.ts'
import type { Phase, RecipeCloud, RecipeInput } from '../core/recipe.ts'
import type { Resource } from '../core/resource.ts'
import { showPlace, type Role } from '../core/role.ts'
import { blame, lineMatching } from './blame.ts'
import { RECIPE_LIMIT_MS } from './bounded.ts'
import { failureAt } from '../core/faults.ts'
import type { OwnPlaces } from './own-places.ts'
import type { Step } from './steps.ts'

/** What the recipes of a run list are asked with. */
export interface Planning extends OwnPlaces {
  readonly steps: readonly Step[]
  readonly role: Role
  /** The provisioning repository. Absolute, on the host. */
  readonly source: string
  readonly instance: Instance
  readonly host: Host
  readonly cloud: RecipeCloud
  readonly bootId: string
  /** What should be so while the instance serves, or when it leaves. */
  readonly which: 'resources' | 'departed'
  /** Only the steps of this phase. Default: of both. */
  readonly phase?: Phase | undefined
  /** How long the recipes may take, all together. Default: 10 s. */
  readonly limitMs?: number | undefined
}

/** A question to a recipe, as far as complaints go. */
export interface Asking extends Pick<Planning, 'source' | 'limitMs'> {
  readonly which: Planning['which'] | 'iam'
}

/** Calls a recipe's resources() or departed(). What it throws gets the place of the recipe's own line, else the entry's; what is no Failure is the recipe's fault.
 *  @throws Failure as thrown, `recipe.threw`, `recipe.invalid` */
export function callRecipe(step: Step, planning: Planning, input: RecipeInput): readonly Resource[] {
  const { definition } = step.recipe
  let result: unknown
  let wrong: string | undefined
  try {
    result = definition[planning.which]?.(input) ?? (planning.which === 'departed' ? [] : undefined)
    // To look at it may run code of the recipe's own, too.
    wrong = whatIsWrong(result, planning.which)
  } catch (error) {
    throw explained(error, step, planning)
  }
  if (wrong !== undefined) throw refused(wrong, step, planning)
  return result as readonly Resource[]
}

function whatIsWrong(result: unknown, which: Planning['which']): string | undefined {
  if (result instanceof Promise) {
    // Nobody will wait for it, so nobody must die of it.
    result.catch(() => {})
    return `${which}() must not be asynchronous`
  }
  if (!Array.isArray(result)) return `${which}() must return a list of resources, found ${result === undefined ? 'nothing' : typeof result}`
  const index = result.findIndex(entry => !isResource(entry))
  if (index < 0) return undefined
  const entry: unknown = result[index]
  const what = Array.isArray(entry) ? 'a list' : entry === undefined || entry === null ? 'nothing' : isRecord(entry) ? 'a plain object' : JSON.stringify(entry)
  return `${which}() must return a list of resources, found ${what} at [${index}]`
}

function isResource(entry: unknown): boolean {
  if (isRecord(entry)) for (const part of [entry, entry.props]) if (isRecord(part)) Object.values(part)
  return isRecord(entry) && typeof entry.id === 'string' && typeof entry.kind === 'string' && isRecord(entry.props) && typeof entry.check === 'function' && typeof entry.apply === 'function'
}

/** What a recipe threw, with its place. */
export function explained(thrown: unknown, step: Step, planning: Asking): Failure {
  const error = knowable(thrown)
  const { entry, recipe } = step
  const inside = recipe.path === undefined ? undefined : blame(error, planning.source)
  if (error instanceof Failure) {
    const message = `recipe ${recipe.name}: ${error.message}${inside ? ` (in the run list at ${showPlace(entry.place)})` : ''}`
    const { code, hint, output, subject } = error
    const cause = error.cause ?? error
    const place = inside ?? entry.place
    return new Failure(code, `${showPlace(place)}: ${message}`, { hint, output, subject, cause, faults: [{ place, message, hint, code }] })
  }
  if (recipe.path === undefined) {
    return new Failure('bug', `${showPlace(entry.place)}: recipe ${recipe.name}, which comes with sunup, threw: ${messageOf(error)}`, {
      cause: error,
      hint: 'Run again with --verbose for the stack, and report it.',
    })
  }
  const place = inside ?? whereDeclared(step, planning)
  return failureAt({ place, message: `recipe ${recipe.name} threw in ${planning.which}(): ${messageOf(error)} (in the run list at ${showPlace(entry.place)})`, code: 'recipe.threw' }, error)
}

/** What a recipe answered is not what was asked for. */
export function refused(message: string, step: Step, planning: Asking): Failure {
  return failureAt({ place: whereDeclared(step, planning), message: `recipe ${step.recipe.name}: ${message} (in the run list at ${showPlace(step.entry.place)})`, code: 'recipe.invalid' })
}

export function limitOf(planning: Asking): number {
  return planning.limitMs ?? RECIPE_LIMIT_MS
}

/** The failure of a recipe that was stopped. */
export function stuckRecipe(step: Step, planning: Asking): Failure {
  return failureAt({
    place: whereDeclared(step, planning),
    message: `recipe ${step.recipe.name}: ${planning.which}() did not return within ${limitOf(planning) / 1_000} s (in the run list at ${showPlace(step.entry.place)})`,
    hint: 'A recipe builds values and touches nothing: look for a loop that does not end.',
    code: 'recipe.stuck',
  })
}

function whereDeclared({ entry, recipe }: Step, { source, which }: Asking): { file: string; line: number } {
  if (recipe.path === undefined) return entry.place
  return { file: relative(source, recipe.path), line: lineMatching(recipe.path, new RegExp(`\\b${which}\\s*[(:,]`)) }
}
