import { basename, join, relative, resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { layOut, writeFiles } from '../../life/init/lay-out.ts'
import { skeleton, type Placeholder } from '../../life/init/skeleton.ts'
import { installHooks } from '../../roles/hooks.ts'
import { recipeBook } from '../../roles/recipes.ts'
import { configJsonSchema, roleJsonSchema } from '../../roles/schema.ts'
import { builtIn } from '../built-in.ts'
import type { World } from '../compose.ts'
import type { Command } from '../verbs.ts'

const SCHEMAS = { role: '.vscode/role.schema.json', config: '.vscode/sunup.schema.json' }

interface Laid {
  readonly directory: string
  /** It was the end of an earlier one that was cut off. */
  readonly completed: boolean
  readonly files: readonly string[]
  readonly placeholders: readonly Placeholder[]
}

const init: Command = async (asked, world) => {
  const [named = ''] = asked.arguments
  if (named === '') throw new Failure('usage', 'init needs a directory', { hint: 'The one you are in is called . (a dot).' })
  const directory = resolve(named.startsWith('/') ? '/' : world.cwd(), named)
  const typesOnly = asked.types === true
  const { files, placeholders } = skeleton(world.home, world.version, { repository: text(asked.repository), archive: text(asked.archive), sha256: text(asked.sha256) })
  const meant = new Map([...files].filter(([path]) => !typesOnly || path.startsWith('types/')))
  const names = [...new Set([...meant.keys()].map(path => path.split('/')[0] as string))]
  const { completed } = await layOut(directory, names, async staged => {
    writeFiles(staged, meant)
    if (!typesOnly) writeFiles(staged, await schemas(staged, world))
  })
  const laid = { directory, completed, files: [...meant.keys(), ...(typesOnly ? [] : Object.values(SCHEMAS))].sort(), placeholders: typesOnly ? [] : placeholders }
  if (asked.format === 'json') world.write(`${JSON.stringify(laid, undefined, 1)}\n`)
  else world.write(typesOnly ? `${completed ? finished(directory) : `${join(directory, 'types')}: the types of sunup ${world.version}\n`}` : told(laid, named, world))
  return 0
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Of the new repository, with the params of its recipe: as `sunup schema` prints them there. */
async function schemas(directory: string, world: World): Promise<ReadonlyMap<string, string>> {
  installHooks(world.indexUrl)
  const book = recipeBook(directory, builtIn(world))
  const recipes = await Promise.all(book.names().map(name => book.load(name, { file: `recipes/${name}/recipe.ts`, line: 1 })))
  return new Map([
    [SCHEMAS.role, `${JSON.stringify(roleJsonSchema(recipes), undefined, 1)}\n`],
    [SCHEMAS.config, `${JSON.stringify(configJsonSchema(), undefined, 1)}\n`],
  ])
}

function finished(directory: string): string {
  return `An earlier init of ${directory} was cut off: it is complete now, as it was meant then.\n`
}

function told({ directory, completed, files, placeholders }: Laid, named: string, { version, cwd }: World): string {
  const own = files.filter(path => !path.startsWith('types/'))
  const here = relative(cwd(), directory)
  const begin = here === '' ? '' : `  cd ${quoted(named)}\n`
  const first = completed ? finished(directory) : `${basename(directory)}: a provisioning repository, ${own.length} files, and the types of sunup ${version}\n`
  const open = placeholders.map(({ text: placeholder, meaning, option, files: where }) => `  ${meaning} (${option})\n    ${placeholder}\n    in ${where.join(', ')}\n`)
  return `${first}
Next:
${begin}  sunup check              all that is written there is right
  sunup test               the tests of its recipes
  sunup plan --root out    what a boot would do, in a folder
  sunup boot --root out    do it
  git init && git add .    README.md says how it gets to instances
${open.length === 0 || completed ? '' : `\nStill to be replaced, before an instance can boot by it:\n${open.join('')}`}`
}

function quoted(path: string): string {
  return /^[\w./~+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}

export default init
