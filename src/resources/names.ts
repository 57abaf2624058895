import { isSecret } from '../core/secret.ts'

/** What names are looked up in, from the inside out; and the place in a template that asks. */
export interface Frame<Place> {
  readonly view: unknown
  readonly outer: Frame<Place> | undefined
  readonly place: Place
  push(view: unknown): Frame<Place>
  /** The same names, asked from another template. */
  within(place: Place): Frame<Place>
}

export interface Missing {
  readonly text: string
  /** Whole names that would have been found. */
  readonly candidates: readonly string[]
}

export function frame<Place>(view: unknown, outer: Frame<Place> | undefined, place: Place): Frame<Place> {
  const self: Frame<Place> = { view, outer, place, push: inner => frame(inner, self, place), within: other => frame(view, outer, other) }
  return self
}

/** The value of a name. The first part of a dotted name is looked up from the inside out, the others only in what was found: a hit further
 *  out would be another thing's. Only own properties count, so no `constructor`; undefined is missing, null is a value.
 *  @param missing is told what can't be found, and throws */
export function find<Place>(context: Frame<Place>, name: string, missing: (missing: Missing) => never): unknown {
  if (name === '.') return context.view
  const dot = name.indexOf('.')
  if (dot < 0) return outwards(context, name, name, missing)
  const parts = name.split('.')
  let value = outwards(context, parts[0] as string, name, missing)
  for (let index = 1; index < parts.length; index++) {
    const part = parts[index] as string
    const inner = own(value, part)
    if (inner === undefined) {
      const path = parts.slice(0, index).join('.')
      const text = value === null ? `"${name}" can't be looked up, "${path}" is null` : `there is no "${name}", "${path}" has no "${part}"`
      missing({ text, candidates: keysOf(value).map(key => `${path}.${key}`) })
    }
    value = inner
  }
  return value
}

function outwards<Place>(context: Frame<Place>, part: string, name: string, missing: (missing: Missing) => never): unknown {
  for (let at: Frame<Place> | undefined = context; at; at = at.outer) {
    const value = own(at.view, part)
    if (value !== undefined) return value
  }
  const candidates: string[] = []
  for (let at: Frame<Place> | undefined = context; at; at = at.outer) candidates.push(...keysOf(at.view))
  return missing({ text: part === name ? `there is no "${name}"` : `there is no "${name}": nothing is called "${part}"`, candidates: [...new Set(candidates)] })
}

function own(value: unknown, key: string): unknown {
  return isLookedInto(value) && Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined
}

function keysOf(value: unknown): string[] {
  return isLookedInto(value) ? Object.keys(value) : []
}

/** A secret is a text, however it is kept. */
function isLookedInto(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !isSecret(value)
}
