import { createRequire } from 'node:module'
import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Failure, knowable, messageOf, type FailureCode } from '../core/failure.ts'
import { blame, lineMatching } from './blame.ts'
import { bounded, RECIPE_LIMIT_MS } from './bounded.ts'
import { failureAt } from '../core/faults.ts'
import { importUrl } from './import-url.ts'

/** Loads a recipe's file and gives its default export. A file that loops is stopped, one that awaits for ever is left behind.
 *  Needs the hooks of installHooks.
 *  @throws Failure `recipe.invalid` (does not compile), `recipe.threw`, `recipe.stuck`, with file and line */
export async function importRecipe(path: string, source: string, limitMs: number = RECIPE_LIMIT_MS): Promise<unknown> {
  const file = relative(source, path)
  const stuck = (): Failure =>
    failureAt({
      place: { file, line: 1 },
      message: `did not load within ${limitMs / 1_000} s`,
      hint: 'A recipe builds values and touches nothing: it must not wait, nor loop for ever.',
      code: 'recipe.stuck',
    })
  try {
    const module = await load(path, limitMs, stuck)
    return (module as { default?: unknown } | null)?.default
  } catch (error) {
    throw error instanceof Failure && error.code === 'recipe.stuck' ? error : explained(error, path, source)
  }
}

/** By require, which works for modules too, and within which a loop can be stopped; modules that await can only be imported. */
async function load(path: string, limitMs: number, stuck: () => Failure): Promise<unknown> {
  const require = createRequire(path)
  try {
    const loaded = bounded(limitMs, () => require(path) as unknown)
    if (loaded.stuck) throw stuck()
    return loaded.value
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(stuck()), limitMs)
  })
  try {
    return await Promise.race([importUrl(pathToFileURL(path).href), late])
  } finally {
    clearTimeout(timer)
  }
}

function explained(thrown: unknown, path: string, source: string): Failure {
  const error = knowable(thrown)
  const file = relative(source, path)
  const place = blame(error, source) ?? { file, line: 1 }
  const code = (error as NodeJS.ErrnoException | null)?.code
  const message = messageOf(error)
  const fail = (failureCode: FailureCode, text: string, hint?: string): Failure => failureAt({ place, message: text, hint, code: failureCode }, error)
  if (error instanceof Failure) return fail(error.code, error.message, error.hint)
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return fail('recipe.invalid', message, 'Types are stripped, not compiled: write an object for an enum, and plain fields for parameter properties.')
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const [, what = '', by = path] = /^Cannot find (?:package|module) '([^']*)' imported from (.*)$/.exec(message) ?? []
    const name = what.startsWith('/') ? (what.split('/').at(-1) as string) : what
    const importer = by.startsWith(source) ? by : path
    const line = lineMatching(importer, new RegExp(`(from|import)\\b.*['"/]${name.replace(/\W/g, '\\$&')}['"/]`))
    return failureAt({
      place: { file: relative(source, importer), line },
      message: `there is no ${what.startsWith('/') ? `file ${relative(source, what)}` : `package "${what}"`} to import`,
      hint: what.startsWith('/') ? 'Write the path with its ending, e.g. ./lines.ts.' : "Add it to the repository's package.json and lockfile.",
      code: 'recipe.invalid',
    }, error)
  }
  if (error instanceof SyntaxError) return fail('recipe.invalid', message)
  return fail('recipe.threw', `threw while it was loaded: ${message}`)
}
