import { normalize } from 'node:path'
import { Failure } from './failure.ts'
import { didYouMean, wasMeant } from './nearest.ts'
import { isRecord } from './plain.ts'
import { isSecret } from './secret.ts'

/** What a prop must look like; a trailing ? makes it optional. Recipes run with their types stripped, so what the compiler
 *  would have refused is refused here. A table, not a schema library: this runs once a resource in every boot. */
export type PropRule = `${keyof typeof RULES}${'' | '?'}`

const RULES = {
  path: [isPath, 'an absolute path'],
  // Two spellings of one path would be two resources, each undoing the other.
  plainPath: [(value: unknown) => isPath(value) && value === plainPath(value), 'an absolute path in its plain form'],
  string: [(value: unknown) => typeof value === 'string' && value !== '' && !value.includes('\0'), 'a non-empty string without NUL bytes'],
  text: [(value: unknown) => typeof value === 'string' || isSecret(value), 'a string'],
  mode: [(value: unknown) => typeof value === 'string' && /^[0-7]{3,4}$/.test(value), 'an octal mode as text, e.g. "0644"'],
  boolean: [(value: unknown) => typeof value === 'boolean', 'true or false'],
  number: [(value: unknown) => typeof value === 'number' && Number.isFinite(value), 'a number'],
  count: [(value: unknown) => Number.isInteger(value) && (value as number) >= 0, 'a whole number, 0 or more'],
  strings: [(value: unknown) => Array.isArray(value) && value.every(item => typeof item === 'string'), 'a list of strings'],
  argv: [
    (value: unknown) => Array.isArray(value) && value.length > 0 && value[0] !== '' && value.every(item => typeof item === 'string' && !item.includes('\0')),
    'a command as a list of strings, e.g. ["nginx", "-t"]',
  ],
  refs: [
    (value: unknown) => Array.isArray(value) && value.every(item => typeof item === 'string' || (isRecord(item) && typeof item.id === 'string')),
    'a list of resources or of their ids',
  ],
  record: [isRecord, 'an object'],
  any: [() => true, 'anything'],
} as const satisfies Record<string, readonly [(value: unknown) => boolean, string]>

/** Checks a constructor's props against its rules. `label` names the resource in the complaint.
 *  @throws Failure `resource.invalid` */
export function checkProps(label: string, props: object, rules: Readonly<Record<string, PropRule>>): void {
  if (!isRecord(props)) throw new Failure('resource.invalid', `${label}: props must be an object, found ${show(props)}`)
  for (const key in props) {
    if (!(key in rules)) throw new Failure('resource.invalid', `${label}: there is no prop "${key}"`, { hint: didYouMean(key, Object.keys(rules)) })
  }
  for (const key in rules) {
    const rule = rules[key] as string
    const optional = rule.endsWith('?')
    const value = props[key]
    if (value === undefined) {
      if (!optional) throw new Failure('resource.invalid', `${label}: the prop "${key}" is missing`)
      continue
    }
    const [holds, expected] = RULES[(optional ? rule.slice(0, -1) : rule) as keyof typeof RULES]
    if (holds(value)) continue
    throw new Failure('resource.invalid', `${label}: "${key}" must be ${expected}, found ${show(value)}`, {
      hint: rule.startsWith('plainPath') && isPath(value) ? `Did you mean ${plainPath(value)}?` : undefined,
    })
  }
}

export function oneOf<T extends string>(label: string, key: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value
  throw new Failure('resource.invalid', `${label}: "${key}" must be one of ${allowed.join(', ')}, found ${show(value)}`, {
    hint: typeof value === 'string' ? wasMeant(value, allowed) : undefined,
  })
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/') && !value.includes('\0')
}

function plainPath(path: string): string {
  const plain = normalize(path)
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
