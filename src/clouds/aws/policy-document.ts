import type { RecipeStatements } from '../../core/needs.ts'
import type { PolicyStatement } from '../../core/recipe.ts'

/** An IAM policy, as JSON has it; lists throughout, so that one more is one line more. */
export interface Policy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly Statement[]
}

export interface Statement {
  /** What for; letters and digits, once a document. */
  readonly Sid: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: readonly string[]
  readonly NotAction?: readonly string[]
  readonly Resource?: readonly string[]
  readonly NotResource?: readonly string[]
  readonly Condition?: Tests
}

/** Values by operator and key, e.g. { StringEquals: { 'aws:ResourceTag/role': ['web'] } } */
export type Tests = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

/** One document: equal statements are one, each has a Sid of its own, and they stand in the order of these. */
export function joined(own: readonly Statement[], ofRecipes: readonly RecipeStatements[]): Policy {
  const theirs = ofRecipes.flatMap(({ recipe, statements }) => statements.map(statement => normal(statement, `Recipe${pascal(recipe)}`)))
  const taken = new Set<string>()
  const Statement = distinct([...own, ...theirs].map(tidy)).map(statement => ({ ...statement, Sid: unused(statement.Sid, taken) }))
  return { Version: '2012-10-17', Statement: Statement.sort((a, b) => compare(a.Sid, b.Sid)) }
}

/** As a recipe may have written it: one text in place of a list, no Sid. */
function normal({ Sid, Effect, Action, NotAction, Resource, NotResource, Condition }: PolicyStatement, sid: string): Statement {
  return {
    Sid: typeof Sid === 'string' ? Sid : sid,
    Effect: Effect === 'Deny' ? 'Deny' : 'Allow',
    ...(Action === undefined ? { NotAction: textsOf(NotAction) } : { Action: textsOf(Action) }),
    ...(Resource === undefined ? { NotResource: textsOf(NotResource) } : { Resource: textsOf(Resource) }),
    ...(Condition !== undefined && { Condition: mapped(Condition as Record<string, object>, test => mapped(test as Record<string, unknown>, textsOf)) }),
  }
}

function tidy(statement: Statement): Statement {
  return mapped(statement as unknown as Record<string, unknown>, (value, key) => {
    if (Array.isArray(value)) return [...new Set(value as string[])].sort(compare)
    return key === 'Condition' ? ordered(value as Tests, test => ordered(test, values => [...values].sort(compare))) : value
  }) as unknown as Statement
}

function distinct(statements: readonly Statement[]): readonly Statement[] {
  const known = new Map<string, Statement>()
  for (const statement of statements) {
    const { Sid: _sid, ...rest } = statement
    const key = JSON.stringify(rest)
    if (!known.has(key)) known.set(key, statement)
  }
  return [...known.values()]
}

function unused(sid: string, taken: Set<string>): string {
  let name = sid
  for (let number = 2; taken.has(name); number++) name = `${sid}${number}`
  taken.add(name)
  return name
}

function textsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).map(String)
}

function mapped<From, To>(record: Readonly<Record<string, From>>, make: (value: From, key: string) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value, key)]))
}

function ordered<From, To>(record: Readonly<Record<string, From>>, make: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b)).map(([key, value]) => [key, make(value)]))
}

function pascal(name: string): string {
  return name.split(/[^A-Za-z0-9]+/).map(word => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
