import { recipeBook } from '../../roles/recipes.ts'
import { configJsonSchema, roleJsonSchema } from '../../roles/schema.ts'
import { settingsOf, withRepository } from '../place.ts'
import type { Command } from '../verbs.ts'

const schema: Command = async (asked, world) => {
  if (asked.of === 'sunup.yaml') {
    world.write(`${JSON.stringify(configJsonSchema(), undefined, 1)}\n`)
    return 0
  }
  return await withRepository(settingsOf(asked, world), asked, world, async ({ directory, builtIn }) => {
    const book = recipeBook(directory, builtIn)
    const recipes = await Promise.all(book.names().map(name => book.load(name, { file: `recipes/${name}/recipe.ts`, line: 1 })))
    world.write(`${JSON.stringify(roleJsonSchema(recipes), undefined, 1)}\n`)
    return 0
  })
}

export default schema
