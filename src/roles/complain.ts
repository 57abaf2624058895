import type { z } from 'zod'
import type { FailureCode, Fault } from '../core/failure.ts'
import { didYouMean, wasMeant } from '../core/nearest.ts'
import { isRecord } from '../core/plain.ts'
import type { Place } from '../core/role.ts'
import { isSecret, withoutPasswords } from '../core/secret.ts'
import { droppedKeys, keysAt } from './walk.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** What a value was read from. */
export interface Reading {
  readonly value: unknown
  readonly schema: z.ZodType
  readonly code: FailureCode
  /** Before each message, e.g. 'recipe nginx: '. */
  readonly prefix: string
  /** What the value as a whole is called, e.g. 'params'. */
  readonly whole: string
  placeOf(path: Path): Place
  written(path: Path): string | undefined
}

/** Parses by the schema: the value, or all that is wrong with what was written, in the order of the file.
 *  Keys that the schema would drop are wrong, too. */
export function judge(reading: Reading): { readonly value: unknown; readonly faults: readonly Fault[] } {
  // Compiling a parser pays from the thousandth value on; here there is one.
  const result = reading.schema.safeParse(reading.value, { jitless: true })
  const faults = (result.success ? [] : result.error.issues).flatMap(issue => complaints(issue, [], reading))
  for (const { path, key } of droppedKeys(reading.schema, reading.value)) faults.push(unknownKey(path, key, reading))
  return { value: result.data, faults: faults.sort((a, b) => a.place.line - b.place.line) }
}

function complaints(issue: Issue, above: Path, reading: Reading): Fault[] {
  const path = [...above, ...issue.path]
  const secret = secretOn(path, reading.value)
  // What a secret is made of is nobody's params: to say what lacks in it would only puzzle.
  if (secret && (secret.length < path.length || issue.code === 'unrecognized_keys')) return [fault(secret, `${show(secret, reading.whole)} must be something else, found a secret`, undefined, reading)]
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownKey(path, key, reading))
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return ofBestBranch(issue.errors, path, reading)
  if (issue.code === 'invalid_element') return issue.issues.flatMap(inner => complaints(inner, path, reading))
  const value = at(reading.value, path)
  const subject = show(path, reading.whole)
  if (value === undefined && issue.code !== 'custom') return [fault(path, `${subject} is missing`, undefined, reading)]
  const { message, hint } = wording(issue, value, reading.written(path))
  const told = fault(path, /^(must|is|has) /.test(message) ? `${subject} ${message}` : `${subject}: ${message}`, hint, reading)
  // What stands where a secret should is likely to be one.
  return [issue.code === 'custom' && issue.params?.sensitive === true ? { ...told, sensitive: true } : told]
}

function unknownKey(path: Path, key: string, reading: Reading): Fault {
  const keys = keysAt(reading.schema, path).filter(candidate => candidate !== key)
  const inside = path.length === 0 ? '' : ` in ${show(path, reading.whole)}`
  return fault([...path, key], `unknown key "${escaped(key)}"${inside}`, didYouMean(key, keys), reading)
}

/** Of a union's branches the one that was most likely meant: it took the value's kind, and has the fewest complaints. */
function ofBestBranch(branches: readonly (readonly Issue[])[], path: Path, reading: Reading): Fault[] {
  const fitting = branches.filter(issues => !issues.some(issue => issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')))
  const best = fitting.reduce<readonly Issue[] | undefined>((least, issues) => (least && least.length <= issues.length ? least : issues), undefined)
  if (best) return best.flatMap(issue => complaints(issue, path, reading))
  const value = at(reading.value, path)
  const subject = show(path, reading.whole)
  if (value === undefined) return [fault(path, `${subject} is missing`, undefined, reading)]
  const expected = branches.flatMap(issues => issues.filter(issue => issue.path.length === 0)).map(expectation).filter(text => text !== undefined)
  const written = reading.written(path)
  return [fault(path, `${subject} must be ${[...new Set(expected)].join(' or ')}, found ${found(value, written)}`, undefined, reading)]
}

function expectation(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type') return KINDS[issue.expected] ?? issue.expected
  if (issue.code === 'invalid_value') return issue.values.map(value => JSON.stringify(value)).join(', ')
  if (issue.code === 'invalid_union') return issue.errors.flatMap(branch => branch.map(expectation)).filter(text => text !== undefined).join(' or ')
  return undefined
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing',
}

function wording(issue: Issue, value: unknown, written: string | undefined): { message: string; hint?: string | undefined } {
  const what = `, found ${found(value, written)}`
  // A schema's author knows best. To those words nothing is added: the value may be what should have been a secret.
  if (!/^(Invalid|Too small|Too big)\b/.test(issue.message)) return { message: issue.message }
  switch (issue.code) {
    case 'invalid_type':
      return { message: `must be ${KINDS[issue.expected] ?? issue.expected}${what}`, hint: kindHint(issue.expected, value, written) }
    case 'invalid_value': {
      const [only, ...more] = issue.values
      const expected = more.length === 0 ? JSON.stringify(only) : `one of ${issue.values.join(', ')}`
      return { message: `must be ${expected}${what}`, hint: typeof value === 'string' ? wasMeant(value, issue.values.map(String)) : undefined }
    }
    case 'too_small':
    case 'too_big':
      return { message: issue.origin === 'string' && issue.code === 'too_small' && issue.minimum === 1 ? 'must not be empty' : `${bounds(issue.message)}${what}` }
    case 'custom':
      return { message: 'is not as it should be' }
    case 'invalid_key':
      return { message: `has a key that is wrong: ${issue.issues[0]?.message ?? issue.message}` }
    case 'invalid_union':
      return { message: 'options' in issue && issue.options ? `must be one of ${issue.options.join(', ')}${what}` : issue.message }
    default:
      return { message: `${issue.message.replace(/^Invalid [^:]+: /, '')}${what}` }
  }
}

/** zod says 'Too small: expected number to be >=3'. */
function bounds(message: string): string {
  const words: Readonly<Record<string, string>> = { '>=': 'at least ', '<=': 'at most ', '>': 'more than ', '<': 'less than ' }
  return message.replace(/^Too (?:small|big): expected \w+ to /, 'must ').replace(/[<>]=?/, sign => words[sign] as string)
}

function kindHint(expected: string, value: unknown, written: string | undefined): string | undefined {
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return `Quote it: "${written ?? value}".`
  if (typeof value !== 'string') return undefined
  if (expected === 'boolean' && /^(yes|no|on|off|y|n)$/i.test(value)) return `Write ${/^(yes|on|y)$/i.test(value) ? 'true' : 'false'}: in YAML 1.2 "${value}" is a text.`
  if ((expected === 'number' || expected === 'int') && value.trim() !== '' && Number.isFinite(Number(value))) return 'Take the quotes away.'
  return expected === 'array' ? `Write it as a list: [${value}].` : undefined
}

function found(value: unknown, written: string | undefined): string {
  if (value === null) return 'nothing'
  if (isSecret(value)) return 'a secret'
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'a map'
  if (typeof value === 'string') {
    const text = withoutPasswords(value)
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text)
  }
  return typeof value === 'number' ? `the number ${written ?? value}` : String(value)
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((now, key) => (typeof now === 'object' && now !== null && !isSecret(now) && Object.hasOwn(now, key) ? (now as Record<PropertyKey, unknown>)[key] : undefined), value)
}

/** The way as far as the secret that lies on it, if one does. */
function secretOn(path: Path, value: unknown): Path | undefined {
  const length = path.findIndex((_, index) => isSecret(at(value, path.slice(0, index))))
  if (length >= 0) return path.slice(0, length)
  return isSecret(at(value, path)) ? path : undefined
}

/** A line end in a key must not begin a line of the complaint. */
function escaped(key: string): string {
  return key.replace(/[\u0000-\u001f\u007f]/g, character => JSON.stringify(character).slice(1, -1))
}

function show(path: Path, whole: string): string {
  if (path.length === 0) return whole
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${escaped(String(key))}`)).join('')
}

function fault(path: Path, message: string, hint: string | undefined, reading: Reading): Fault {
  return { place: reading.placeOf(path), message: `${reading.prefix}${message}`, hint, code: reading.code }
}
