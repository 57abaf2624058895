import { z } from 'zod'
import { parseDuration } from '../core/duration.ts'
import { holdsLogin, withoutPasswords } from '../core/secret.ts'

/** Timers count milliseconds in 31 bits. */
const LONGEST_MS = 24 * 86_400_000

export const MODE = /^[0-7]{3,4}$/

/** Adds a description to a schema. Only a JSON Schema wants them, and each costs as much as the schema itself: loading leaves them out. */
export type Say = <Schema extends z.ZodType>(schema: Schema, description: string) => Schema

export const described: Say = (schema, description) => schema.describe(description)

export const undescribed: Say = schema => schema

/** A length of time with its unit, e.g. '90s'; yields the text as written. Bare numbers are refused: nobody knows their unit. */
export function duration(): z.ZodString {
  return z.string({ error: issue => (issue.input === undefined ? undefined : `must be a duration with its unit, e.g. "90s" or "15m", found ${JSON.stringify(issue.input)}`) })
    .refine(isDuration, { error: issue => `must be a duration such as "90s", "15m" or "2h", at most 24d, found ${JSON.stringify(issue.input)}` })
}

export function isDuration(text: string): boolean {
  const ms = parseDuration(text)
  return ms !== undefined && ms > 0 && ms <= LONGEST_MS
}

/** Of a text that duration() let pass. */
export function millisecondsOf(text: string): number {
  return parseDuration(text) as number
}

/** Permission bits as octal text, e.g. '0644'. */
export function mode(): z.ZodString {
  return z.string().regex(MODE, { error: issue => `must be an octal mode as text, e.g. "0644", found ${JSON.stringify(issue.input)}` })
}

/** Without user and password: it is shown where it does not answer. */
export function httpUrl(): z.ZodString {
  return z.string().refine(isHttp, {
    error: ({ input }) => `must be a URL that begins with http:// or https://${holdsLogin(String(input)) ? ', without user and password' : ''}, found ${withoutPasswords(JSON.stringify(input))}`,
  })
}

export function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !holdsLogin(text)
}

/** Not empty. */
export function name(): z.ZodString {
  return z.string().min(1)
}
