import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BuiltIn } from '../roles/recipes.ts'
import { comingWith } from './coming-with.ts'
import type { World } from './compose.ts'

/** The recipes that come with the program: in the bundle, or in a checkout as they lie there. Their templates are files in both. */
export function builtIn({ program }: World): BuiltIn {
  const directory = join(program, 'recipes')
  const inFolder = (name: string): string => join(directory, name)
  if (comingWith === undefined) {
    return { names: readdirSync(directory), load: name => import(pathToFileURL(join(inFolder(name), 'recipe.ts')).href) as Promise<unknown>, directory: inFolder }
  }
  const bundled: Readonly<Record<string, () => Promise<unknown>>> = comingWith
  return { names: Object.keys(bundled), load: async name => bundled[name]?.(), directory: inFolder }
}
