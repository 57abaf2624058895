import { inspect } from 'node:util'

const text = Symbol('secret')

/** A value that must not be seen. It prints, serialises and interpolates as `[secret]`; only `reveal` gives the text. */
export interface Secret {
  readonly [text]: () => string
  toString(): string
  toJSON(): string
}

const MASK = '[secret]'

/** Wraps a text. `source` is where it came from, e.g. 'file:/etc/key': it may be shown. */
export function makeSecret(value: string): Secret {
  const mask = (): string => MASK
  return Object.freeze({ [text]: () => value, toString: mask, toJSON: mask, [Symbol.toPrimitive]: mask, [inspect.custom]: mask })
}

/** A line of a file or a value from it, as complaints may show it: without the password or token of a URL, and without what stands where a secret's
 *  reference should. */
export function withoutPasswords(line: string): string {
  return line
    .replace(/(https?:\/\/)([^\s\/]+)(?=@)/gi, (_, scheme: string, login: string) => `${scheme}${USER.exec(login)?.[0] ?? ''}***`)
    .replace(/(\/\/[^\s\/:@]*:)[^\s\/]+(?=@)/g, '$1***')
    .replace(/(\bsecret["']?\s*:\s*)(?![{[]|["']?(?:file:\/|ssm:))(?=\S)(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^,}\n]+)/g, '$1***')
}

/** With its colon, where a password follows. Before GitHub's `x-oauth-basic`, and alone, it is a token. */
const USER = /^[^:]+:(?!(?:x-oauth-basic)?$)/

/** What lets somebody in stands before the @: a password, and in http and https URLs a user alone, which is how some servers take a token. Not that of
 *  `ssh://git@host`. */
const LOGIN = /https?:\/\/[^\s/@]+@|\/\/[^\s/:@]*:[^\s/]+@/i

/** Whether a URL with a password or token stands anywhere in the text. */
export function holdsLogin(text: string): boolean {
  return LOGIN.test(text)
}

export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && text in value
}

/** The text of a secret, or the text itself. The one way to a secret's value. */
export function reveal(value: Secret | string): string {
  return typeof value === 'string' ? value : value[text]()
}
