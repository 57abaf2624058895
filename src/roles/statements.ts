import type { RecipeStatements } from '../core/needs.ts'
import { isRecord } from '../core/plain.ts'
import type { PolicyStatement } from '../core/recipe.ts'
import { assets, type Assets } from './assets.ts'
import { bounded } from './bounded.ts'
import { explained, limitOf, refused, stuckRecipe, type Asking, type Planning } from './call.ts'
import { inputOf } from './plan.ts'
import type { Step } from './steps.ts'

/** Asks the recipes of a run list what their policy must allow beside what sunup itself needs.
 *  @throws Failure as thrown, `recipe.threw`, `recipe.invalid`, `recipe.stuck` */
export function planStatements(planning: Omit<Planning, 'which' | 'phase'>): readonly RecipeStatements[] {
  const asking = { ...planning, which: 'iam' } as const
  const steps = planning.steps.filter(({ recipe }) => recipe.definition.iam)
  const find = assets(planning.source)
  const result: RecipeStatements[] = []
  const askAll = (): void => {
    for (const step of steps) result.push({ recipe: step.recipe.name, statements: ask(step, asking, find) })
  }
  if (steps.every(({ recipe }) => recipe.path === undefined)) askAll()
  else if (bounded(limitOf(asking), askAll).stuck) throw stuckRecipe(steps[result.length] as Step, asking)
  return result
}

function ask(step: Step, asking: Omit<Planning, 'which' | 'phase'> & Asking, find: Assets): readonly PolicyStatement[] {
  let said: unknown
  try {
    said = step.recipe.definition.iam?.(inputOf(step, asking, find, new Set()))
  } catch (error) {
    throw explained(error, step, asking)
  }
  const wrong = whatIsWrong(said)
  if (wrong !== undefined) throw refused(`iam() must return a list of IAM policy statements${wrong}`, step, asking)
  return said as readonly PolicyStatement[]
}

function whatIsWrong(said: unknown): string | undefined {
  if (!Array.isArray(said)) return `, found ${said === undefined ? 'nothing' : typeof said}`
  const faults = said.map(faultOf)
  const index = faults.findIndex(fault => fault !== undefined)
  return index < 0 ? undefined : `: [${index}] ${faults[index]}`
}

const KEYS: readonly string[] = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition']

/** By the grammar of policies that are attached to a role: those have no principal. Source: "Grammar of the IAM JSON policy language". */
function faultOf(statement: unknown): string | undefined {
  if (!isRecord(statement)) return 'is no map'
  const { Sid, Effect, Condition } = statement
  const unknown = Object.keys(statement).find(key => !KEYS.includes(key))
  if (unknown !== undefined) return `has the key ${unknown}; there are ${KEYS.join(', ')}`
  if (Sid !== undefined && !(typeof Sid === 'string' && /^[A-Za-z0-9]+$/.test(Sid))) return 'has a Sid that is not of letters and digits alone'
  if (Effect !== 'Allow' && Effect !== 'Deny') return 'has an Effect that is neither Allow nor Deny'
  for (const key of ['Action', 'Resource']) {
    const given = [statement[key], statement[`Not${key}`]].filter(value => value !== undefined)
    if (given.length !== 1) return `needs one of ${key} and Not${key}`
    if (!isTexts(given[0])) return `has ${key === 'Action' ? 'an Action' : 'a Resource'} that is neither a text nor a list of some`
  }
  if (Condition === undefined) return undefined
  const tests = isRecord(Condition) ? Object.values(Condition) : [undefined]
  const isRight = tests.every(test => isRecord(test) && Object.values(test).every(value => isTexts(Array.isArray(value) ? value.map(textual) : textual(value))))
  return isRight ? undefined : 'has a Condition that is no map of operators, keys and values'
}

function textual(value: unknown): unknown {
  return typeof value === 'boolean' || typeof value === 'number' ? String(value) : value
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every(one => typeof one === 'string' && one !== '') : typeof value === 'string' && value !== ''
}
