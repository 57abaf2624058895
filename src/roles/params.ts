import { relative } from 'node:path'
import { Failure, knowable, messageOf, type Fault } from '../core/failure.ts'
import { showPlace, type RunListEntry } from '../core/role.ts'
import type { Secret } from '../core/secret.ts'
import { blame, lineMatching } from './blame.ts'
import { bounded } from './bounded.ts'
import { judge, type Reading } from './complain.ts'
import { failureAt, failureOf } from '../core/faults.ts'
import type { LoadedRecipe, RecipeBook } from './recipes.ts'
import { secretReferences, standInSecret, wasAccepted, withSecrets, type ReadSecret, type SecretReference } from './secrets.ts'
import type { Step } from './steps.ts'
import { keysAt } from './walk.ts'

/** The params of a run list's entry, by its recipe's schema, with stand-ins for secrets.
 *  @throws Failure `recipe.params` (all faults in one), `secret.misplaced`, at the role file's lines; `recipe.threw`, `recipe.invalid` from
 *  a schema that throws or is asynchronous; `recipe.stuck` from one that never returns */
export function judgeParams(entry: RunListEntry, recipe: LoadedRecipe, book: Judging): unknown {
  return inTime(entry, recipe, book, () => {
    const standIns = new Map<Secret, SecretReference>()
    const value = withSecrets(given(entry, recipe), reference => {
      const standIn = standInSecret()
      standIns.set(standIn, reference)
      return standIn
    })
    return judged(value, standIns, entry, recipe, book.source)
  })
}

/** The repository, and how long its schemas may take. */
type Judging = Pick<RecipeBook, 'source' | 'limitMs'>

/** A schema of the repository's own runs code of the repository's own. */
function inTime<T>(entry: RunListEntry, { name, path }: LoadedRecipe, { source, limitMs }: Judging, work: () => T): T {
  if (path === undefined) return work()
  const ended = bounded(limitMs, work)
  if (!ended.stuck) return ended.value
  throw failureAt({
    place: { file: relative(source, path), line: lineMatching(path, /\bparams\s*[(:,]/) },
    message: `recipe ${name}: its params were not judged within ${limitMs / 1_000} s (in the run list at ${showPlace(entry.place)})`,
    hint: 'A schema looks at values alone: look for a loop that does not end.',
    code: 'recipe.stuck',
  })
}

/** As judgeParams, with the secrets themselves. What it gave holds where there are none. */
export async function readParams({ entry, recipe, params: judgedBefore }: Step, book: Judging, readSecret: ReadSecret): Promise<unknown> {
  const written = entry.params
  const references = secretReferences(written)
  if (references.length === 0) return judgedBefore
  const values = new Map<string, Secret>()
  for (const { path, reference } of references) {
    try {
      values.set(reference, await readSecret(reference))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { code, message, hint, cause } = error
      throw new Failure(code, `${showPlace(entry.placeOf(path))}: recipe ${entry.recipe}: ${message}`, { hint, cause })
    }
  }
  return inTime(entry, recipe, book, () => judged(withSecrets(written, ({ reference }) => values.get(reference) as Secret), new Map(), entry, recipe, book.source))
}

/** A recipe whose params may all be left out needs none. */
function given(entry: RunListEntry, { definition }: LoadedRecipe): unknown {
  const { params } = definition
  return entry.params === undefined && params && keysAt(params, []).length > 0 && !params._zod.optin ? {} : entry.params
}

function judged(value: unknown, standIns: ReadonlyMap<Secret, SecretReference>, entry: RunListEntry, recipe: LoadedRecipe, source: string): unknown {
  const schema = recipe.definition.params
  const prefix = `recipe ${entry.recipe}: `
  if (!schema) {
    if (value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)) return {}
    throw failureAt({ place: entry.placeOf([]), message: `recipe ${entry.recipe} takes no params`, hint: `Write - ${entry.recipe}.`, code: 'recipe.params' })
  }
  const { result, faults } = judgedSafely({
    value,
    schema,
    code: 'recipe.params',
    prefix,
    whole: 'params',
    placeOf: path => entry.placeOf(path),
    written: path => entry.written?.(path),
  }, entry, recipe, source)
  const misplaced = [...standIns].filter(([standIn]) => !wasAccepted(standIn)).map(([, { path }]): Fault => ({
    place: entry.placeOf(path),
    message: `${prefix}a secret stands where the recipe expects none`,
    hint: 'Only a param that the recipe declares with secret() may be one.',
    code: 'secret.misplaced',
    sensitive: true,
  }))
  // What its schema says of a secret in the wrong place is the same fault once more.
  const others = misplaced.length === 0 ? faults : faults.filter(fault => !fault.message.endsWith('found a secret'))
  const all = [...misplaced, ...others].sort((a, b) => a.place.line - b.place.line)
  if (all.length > 0) throw failureOf(all)
  return result
}

function judgedSafely(reading: Reading, entry: RunListEntry, recipe: LoadedRecipe, source: string): { result: unknown; faults: readonly Fault[] } {
  try {
    const { value, faults } = judge(reading)
    return { result: value, faults }
  } catch (thrown) {
    const error = knowable(thrown)
    const place = blame(error, source) ?? entry.place
    if (error instanceof Error && error.constructor.name === '$ZodAsyncError') {
      throw failureAt({ place, message: `recipe ${recipe.name}: its params must not be asynchronous`, code: 'recipe.invalid' }, error)
    }
    throw failureAt({ place, message: `recipe ${recipe.name}: its params threw: ${messageOf(error)}`, code: 'recipe.threw' }, error)
  }
}
