import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Failure } from '../core/failure.ts'
import { didYouMean } from '../core/nearest.ts'
import type { Recipe } from '../core/recipe.ts'
import type { Place } from '../core/role.ts'
import { RECIPE_LIMIT_MS } from './bounded.ts'
import { checkDefinition } from './definition.ts'
import { failureAt } from '../core/faults.ts'
import { importRecipe } from './import.ts'

/** The recipes that come with the program. */
export interface BuiltIn {
  readonly names: readonly string[]
  /** The module, or its default export. */
  load(name: string): Promise<unknown>
  /** The recipe's folder on the host, for its templates. */
  directory?(name: string): string | undefined
}

export interface LoadedRecipe {
  readonly name: string
  readonly definition: Recipe
  /** Absolute; undefined: it comes with the program. */
  readonly path: string | undefined
  /** Absolute; where its own templates are. */
  readonly directory: string | undefined
}

/** The recipes of a provisioning repository, and those that come with the program. Each is loaded once. */
export interface RecipeBook {
  /** Absolute path of the provisioning repository. */
  readonly source: string
  /** How long a recipe may take to load, and its params to be judged. */
  readonly limitMs: number
  /** All there are, sorted. */
  names(): readonly string[]
  /** Names of the repository's own, sorted. */
  ownNames(): readonly string[]
  /** @param from who asks: a run list's entry
   *  @throws Failure `recipe.missing`, `recipe.invalid`, `recipe.threw`, `recipe.stuck` */
  load(name: string, from: Place): Promise<LoadedRecipe>
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** @param source the provisioning repository, absolute
 *  @param limitMs how long a recipe may take to load; default 10 s */
export function recipeBook(source: string, builtIn: BuiltIn, limitMs: number = RECIPE_LIMIT_MS): RecipeBook {
  const known = new Map<string, Promise<LoadedRecipe>>()
  const directory = join(source, 'recipes')

  function pathOf(name: string): string | undefined {
    return NAME.test(name) ? ['recipe.ts', 'recipe.js'].map(file => join(directory, name, file)).find(path => existsSync(path)) : undefined
  }

  function ownNames(): readonly string[] {
    const entries = existsSync(directory) ? readdirSync(directory).sort() : []
    return entries.filter(name => pathOf(name) !== undefined)
  }

  function names(): readonly string[] {
    return [...new Set([...ownNames(), ...builtIn.names])].sort()
  }

  async function load(name: string, from: Place): Promise<LoadedRecipe> {
    const path = pathOf(name)
    if (path !== undefined) {
      if (!statSync(path).isFile()) throw failureAt({ place: { file: relative(source, path), line: 1 }, message: 'is no regular file', code: 'recipe.invalid' })
      const definition = checkDefinition(await importRecipe(path, source, limitMs), path, source)
      return { name, definition, path, directory: dirname(path) }
    }
    if (!builtIn.names.includes(name)) throw missing(name, from, names(), existsSync(join(directory, name)))
    const module = await builtIn.load(name)
    const definition = ((module as { default?: Recipe }).default ?? module) as Recipe
    return { name, definition, path: undefined, directory: builtIn.directory?.(name) }
  }

  return {
    source,
    limitMs,
    names,
    ownNames,
    load(name, from) {
      const before = known.get(name)
      if (before) return before
      const loading = load(name, from)
      known.set(name, loading)
      // Missing is told anew, at each place that asks for it.
      loading.catch((error: unknown) => error instanceof Failure && error.code === 'recipe.missing' && known.delete(name))
      return loading
    },
  }
}

function missing(name: string, place: Place, names: readonly string[], isFolder: boolean): Failure {
  const message = isFolder && NAME.test(name) ? `the folder recipes/${name} has no recipe.ts` : `there is no recipe "${name}"`
  return failureAt({ place, message, hint: didYouMean(name, names), code: 'recipe.missing' })
}
