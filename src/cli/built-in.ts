import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BuiltIn } from '../roles/recipes.ts'
import type { World } from './compose.ts'

/** The recipes that come with the program: compiled beside the bundle, or in a checkout the source itself. */
export function builtIn({ program, bundled }: World): BuiltIn {
  const directory = join(program, 'recipes')
  return {
    get names() {
      return readdirSync(directory)
    },
    load: name => import(pathToFileURL(join(directory, name, bundled ? 'recipe.js' : 'recipe.ts')).href) as Promise<unknown>,
    directory: name => join(directory, name),
  }
}
