import { z } from 'zod'
import type { Secrets } from '../core/cloud.ts'
import { Failure, messageOf } from '../core/failure.ts'
import { isRecord, type Plain } from '../core/plain.ts'
import { lineOfNoText, readRegular, WRITTEN_BYTES } from '../core/regular-file.ts'
import { isSecret, makeSecret, reveal, type Secret } from '../core/secret.ts'

/** A value of a template's vars: plain, or a secret. */
export type Var = Plain | Secret | readonly Var[] | { readonly [key: string]: Var }

export type Vars = Readonly<Record<string, Var>>

const REFERENCE = /^(?:file:\/|ssm:).+/s

/** Secrets that a schema expected where they stood. */
const accepted = new WeakSet<Secret>()

/** A param that is a secret: written `{ secret: "file:/path" }` or `{ secret: "ssm:/path" }`, given to the recipe as a Secret. */
export function secret(): z.ZodType<Secret, Secret> {
  return z.custom<Secret>(accept, { error: 'must be a secret: { secret: "file:/path" } or { secret: "ssm:/path" }', params: { sensitive: true } }).meta({
    type: 'object',
    properties: { secret: { type: 'string', pattern: '^(file:/|ssm:)' } },
    required: ['secret'],
    additionalProperties: false,
  })
}

/** The vars of a template: a map of plain values, lists and maps of any depth; secrets may stand anywhere in it. */
export function vars(): z.ZodType<Vars, Vars> {
  return z.custom<Vars>(value => isRecord(value) && !isSecret(value) && isVar(value), { error: ({ input }) => (namesNoSecret(input) ? FORMS : 'must be a map of values for the template') }).meta({
    type: 'object',
    additionalProperties: true,
  })
}

function accept(value: unknown): boolean {
  if (!isSecret(value)) return false
  accepted.add(value)
  return true
}

function isVar(value: unknown): boolean {
  if (value === null || ['string', 'boolean'].includes(typeof value) || accept(value)) return true
  if (typeof value === 'number') return Number.isFinite(value)
  return Array.isArray(value) ? value.every(isVar) : isRecord(value) && !isMisnamed(value) && Object.values(value).every(isVar)
}

/** What stands there may be the secret itself, so it is not repeated. */
const FORMS = 'has a secret that is not named as { secret: "file:/path" } or { secret: "ssm:/path" }'

/** It would be a map that no template can show, and a typing error in a secret's name is what it is. */
function isMisnamed(value: Readonly<Record<string, unknown>>): boolean {
  return typeof value.secret === 'string' && Object.keys(value).length === 1
}

function namesNoSecret(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(namesNoSecret)
  return isRecord(value) && !isSecret(value) && (isMisnamed(value) || Object.values(value).some(namesNoSecret))
}

/** Whether a schema has taken this Secret for one. */
export function wasAccepted(value: Secret): boolean {
  return accepted.has(value)
}

/** A secret as a role file names it, and where. */
export interface SecretReference {
  readonly path: readonly PropertyKey[]
  /** e.g. 'file:/etc/key' */
  readonly reference: string
}

export function secretReferences(value: unknown, path: readonly PropertyKey[] = []): readonly SecretReference[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => secretReferences(item, [...path, index]))
  if (!isRecord(value)) return []
  const reference = referenceOf(value)
  if (reference !== undefined) return [{ path, reference }]
  return Object.entries(value).flatMap(([key, item]) => secretReferences(item, [...path, key]))
}

function referenceOf(value: Readonly<Record<string, unknown>>): string | undefined {
  const { secret: reference, ...rest } = value
  return typeof reference === 'string' && REFERENCE.test(reference) && Object.keys(rest).length === 0 ? reference : undefined
}

/** A copy in which each reference is what `take` gives for it. */
export function withSecrets(value: unknown, take: (reference: SecretReference) => Secret, path: readonly PropertyKey[] = []): unknown {
  if (Array.isArray(value)) return value.map((item, index) => withSecrets(item, take, [...path, index]))
  if (!isRecord(value)) return value
  const reference = referenceOf(value)
  if (reference !== undefined) return take({ path, reference })
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withSecrets(item, take, [...path, key])]))
}

/** In place of a secret that is not to be read: by `check`, and before params are known to be right. */
export function standInSecret(): Secret {
  return makeSecret('stand-in')
}

/** Gives the secret of a reference. @throws Failure `secret.missing`, `cloud.denied` */
export type ReadSecret = (reference: string) => Promise<Secret>

/** Reads each secret once: `file:` on the host itself, without its last newline; `ssm:` from the cloud's store. */
export function secretReader(secrets: Secrets, signal: AbortSignal): ReadSecret {
  const known = new Map<string, Promise<string>>()
  return async reference => {
    const asked = known.get(reference) ?? read(reference, secrets, signal)
    known.set(reference, asked)
    return makeSecret(await asked)
  }
}

async function read(reference: string, secrets: Secrets, signal: AbortSignal): Promise<string> {
  const [kind, path] = [reference.slice(0, reference.indexOf(':')), reference.slice(reference.indexOf(':') + 1)]
  if (kind === 'ssm') return reveal(await secrets.read(path, signal))
  let text: string
  try {
    const bytes = readRegular(path, WRITTEN_BYTES)
    if (lineOfNoText(bytes) !== undefined) throw new Failure('secret.missing', 'it is no UTF-8 text')
    text = bytes.toString('utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new Failure('secret.missing', `the secret ${reference} can't be read: ${messageOf(error)}`, { hint: 'It is a file of the host itself, also with --root.' })
  }
  if (text === '') throw new Failure('secret.missing', `the secret ${reference} is empty`)
  return text
}
