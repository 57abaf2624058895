import { exitCodeOf, Failure, type Fault } from '../core/failure.ts'
import type { Phase } from '../core/recipe.ts'
import type { Role, RunListEntry } from '../core/role.ts'
import { failureOf, faultsOf } from '../core/faults.ts'
import { judgeParams, readParams } from './params.ts'
import type { LoadedRecipe, RecipeBook } from './recipes.ts'
import type { ReadSecret } from './secrets.ts'

/** An entry of a run list with its recipe loaded and its params parsed: ready to be asked for resources, as often as needed. */
export interface Step {
  readonly entry: RunListEntry
  readonly recipe: LoadedRecipe
  readonly params: unknown
  readonly phase: Phase
}

/** Loads the recipes of a role's run list and parses their params; secrets are read only when all params are found right.
 *  @throws Failure with the faults of all entries; `secret.missing` */
export async function loadRunList(role: Role, book: RecipeBook, readSecret: ReadSecret): Promise<readonly Step[]> {
  const { steps, faults } = await inspectRunList(role, book)
  if (faults.length > 0) throw failureOf(faults)
  const result: Step[] = []
  for (const step of steps) result.push({ ...step, params: await readParams(step, book, readSecret) })
  return result
}

/** As loadRunList, with stand-ins for secrets, and telling the faults instead of failing: the steps are those without any. */
export async function inspectRunList(role: Role, book: RecipeBook): Promise<{ readonly steps: readonly Step[]; readonly faults: readonly Fault[] }> {
  const steps: Step[] = []
  const faults: Fault[] = []
  for (const entry of role.runList) {
    try {
      const recipe = await book.load(entry.recipe, entry.place)
      steps.push({ entry, recipe, params: judgeParams(entry, recipe, book), phase: recipe.definition.phase ?? 'prepare' })
    } catch (error) {
      if (!(error instanceof Failure) || exitCodeOf(error) !== 78) throw error
      faults.push(...faultsOf(error, entry.place))
    }
  }
  return { steps, faults }
}
