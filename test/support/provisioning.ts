import { readdirSync } from 'node:fs'
import type { Test } from 'tap'
import { Failure } from '../../src/core/failure.ts'
import type { Host, Instance } from '../../src/core/instance.ts'
import type { Role } from '../../src/core/role.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { recipeBook, type BuiltIn, type RecipeBook } from '../../src/roles/recipes.ts'
import { loadRole } from '../../src/roles/role.ts'
import { standInInstance } from '../../src/roles/stand-in.ts'

const home = new URL('../../', import.meta.url)

/** The recipes that come with sunup, from their sources. */
export const builtIn: BuiltIn = {
  names: readdirSync(new URL('recipes/', home)).sort(),
  load: name => import(new URL(`recipes/${name}/recipe.ts`, home).href),
  directory: name => new URL(`recipes/${name}`, home).pathname,
}

export const host: Host = { os: 'debian', family: 'debian', version: '12', architecture: 'amd64', cpus: 2, memory: 4e9 }

export const instance: Instance = standInInstance(['web'])

/** A provisioning repository's recipes, with `import … from 'sunup'` being this program. */
export function bookOf(source: string, limitMs?: number): RecipeBook {
  installHooks(new URL('src/index.ts', home).href)
  return recipeBook(source, builtIn, limitMs)
}

export interface Contents {
  /** Text of recipes/<name>/recipe.ts, by name. */
  readonly recipes?: Readonly<Record<string, string>>
  /** By path. */
  readonly files?: Readonly<Record<string, string>>
}

/** A provisioning repository with the role web.
 *  @param runList lines below `recipes:`, without indentation */
export function provisioning(t: Test, runList: string, { recipes = {}, files = {} }: Contents = {}): { source: string; role: Role; book: RecipeBook } {
  const source = t.testdir({
    roles: { 'web.yaml': `recipes:\n${runList.replace(/^/gm, '  ')}\n` },
    recipes: Object.fromEntries(Object.entries(recipes).map(([name, text]) => [name, { 'recipe.ts': text }])),
    templates: files,
  })
  return { source, role: loadRole(source, 'web'), book: bookOf(source) }
}

/** The text of a recipe. @param resources an expression; @param more keys of the definition */
export function recipeText(resources: string, more = ''): string {
  return `import { recipe, z, file, template, execute, secret, vars, reveal } from 'sunup'
export default recipe({
  description: 'A recipe for tests.',
  ${more}
  resources({ params, instance, host, role, asset, bootId }) {
    return ${resources}
  },
})
`
}

/** What was thrown, which must be a Failure. */
export async function failureOf(work: () => unknown): Promise<Failure> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
