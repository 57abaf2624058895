import { relative } from 'node:path'
import { Failure, knowable, messageOf } from '../core/failure.ts'
import { didYouMean } from '../core/nearest.ts'
import { isRecord } from '../core/plain.ts'
import type { Recipe } from '../core/recipe.ts'
import { blame, lineMatching } from './blame.ts'
import { failureAt } from '../core/faults.ts'

const KEYS: Readonly<Record<keyof Recipe, readonly [(value: unknown) => boolean, string]>> = {
  description: [value => typeof value === 'string' && value !== '', 'one sentence'],
  phase: [value => value === undefined || value === 'prepare' || value === 'activate', '"prepare" or "activate"'],
  params: [value => value === undefined || (isRecord(value) && '_zod' in value), 'a schema made with the z of sunup'],
  iam: [isOptionalFunction, 'a function'],
  resources: [value => typeof value === 'function', 'a function that returns resources'],
  departed: [isOptionalFunction, 'a function that returns resources'],
}

/** What the compiler would have said of a recipe: at boot its types are only stripped.
 *  @throws Failure `recipe.invalid` with file and line */
export function checkDefinition(definition: unknown, path: string, source: string): Recipe {
  try {
    return checked(definition, path, source)
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown
    const error = knowable(thrown)
    const place = blame(error, source) ?? { file: relative(source, path), line: lineMatching(path, /\bexport\b/) }
    throw failureAt({ place, message: `the recipe threw when it was looked at: ${messageOf(error)}`, code: 'recipe.threw' }, error)
  }
}

/** A copy: what was looked at is what is used. */
function checked(definition: unknown, path: string, source: string): Recipe {
  const refuse = (key: string | undefined, message: string, hint?: string): Error => {
    const line = lineMatching(path, key === undefined ? /\bexport\b/ : new RegExp(`\\b${key.replace(/\W/g, '.')}\\b\\s*[(:,]`))
    return failureAt({ place: { file: relative(source, path), line }, message, hint, code: 'recipe.invalid' })
  }
  if (!isRecord(definition)) throw refuse(undefined, 'has no recipe as its default export', 'Write `export default recipe({ … })`.')
  const given = new Map(Object.keys(KEYS).flatMap(key => (key in definition ? [[key, definition[key]] as const] : [])))
  for (const key of Object.keys(definition)) {
    if (!(key in KEYS)) throw refuse(key, `unknown key "${key}" in the recipe`, didYouMean(key, Object.keys(KEYS)))
  }
  for (const [key, [holds, expected]] of Object.entries(KEYS)) {
    const value = given.get(key)
    if (holds(value)) continue
    throw value === undefined ? refuse('recipe', `the recipe has no ${key}: ${expected}`) : refuse(key, `${key} must be ${expected}`)
  }
  return Object.fromEntries(given) as unknown as Recipe
}

function isOptionalFunction(value: unknown): boolean {
  return value === undefined || typeof value === 'function'
}
