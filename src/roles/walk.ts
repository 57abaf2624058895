import type { z } from 'zod'
import { isRecord } from '../core/plain.ts'
import { isSecret } from '../core/secret.ts'

/** What a schema is made of, as far as it matters for keys. zod keeps it under `_zod.def`. */
interface Definition {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly getter?: () => z.ZodType
  readonly in?: z.ZodType
  readonly out?: z.ZodType
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly catchall?: z.ZodType
  readonly element?: z.ZodType
  readonly items?: readonly z.ZodType[]
  readonly rest?: z.ZodType | null
  readonly options?: readonly z.ZodType[]
  readonly left?: z.ZodType
  readonly right?: z.ZodType
  readonly valueType?: z.ZodType
}

/** The definition below optional, default, lazy and the like: what is written must answer to it. */
function definitionOf(schema: z.ZodType): Definition {
  const definition = schema._zod.def as unknown as Definition
  if (definition.type === 'lazy') return definitionOf((definition.getter as () => z.ZodType)())
  if (definition.type === 'pipe') {
    const first = definition.in as z.ZodType
    return definitionOf((first._zod.def as unknown as Definition).type === 'transform' ? (definition.out as z.ZodType) : first)
  }
  return definition.innerType ? definitionOf(definition.innerType) : definition
}

/** The keys that a map may have at the path, whichever branch of a union it is. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  const ends = path.reduce<readonly Definition[]>((now, key) => now.flatMap(definition => below(definition, key)), branches(schema))
  return [...new Set(ends.flatMap(({ shape }) => Object.keys(shape ?? {})))]
}

function branches(schema: z.ZodType): readonly Definition[] {
  const definition = definitionOf(schema)
  if (definition.type === 'union') return (definition.options ?? []).flatMap(branches)
  if (definition.left && definition.right) return [...branches(definition.left), ...branches(definition.right)]
  return [definition]
}

function below(definition: Definition, key: PropertyKey): readonly Definition[] {
  const { shape, catchall, valueType, element, items, rest } = definition
  const schema = shape ? (own(shape, key) ?? catchall) : (valueType ?? element ?? items?.[Number(key)] ?? rest)
  return schema ? branches(schema) : []
}

/** Keys that a `z.object` would silently drop. Recipes' authors rarely write strictObject, and a misspelt param must not vanish. */
export interface DroppedKey {
  readonly path: readonly PropertyKey[]
  readonly key: string
}

export function droppedKeys(schema: z.ZodType, value: unknown, path: readonly PropertyKey[] = []): readonly DroppedKey[] {
  if (typeof value !== 'object' || value === null || isSecret(value)) return []
  const { type, shape, catchall, valueType, element, items, rest, options, left, right } = definitionOf(schema)
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      const inner = element ?? items?.[index] ?? rest
      return inner ? droppedKeys(inner, item, [...path, index]) : []
    })
  }
  if (!isRecord(value)) return []
  if (left && right) {
    const dropped = droppedKeys(right, value, path)
    return droppedKeys(left, value, path).filter(one => dropped.some(other => other.key === one.key && String(other.path) === String(one.path)))
  }
  if (type === 'union') {
    const taken = options?.find(option => option.safeParse(value).success)
    return taken ? droppedKeys(taken, value, path) : []
  }
  return Object.entries(value).flatMap(([key, item]) => {
    const inner = shape ? (own(shape, key) ?? catchall) : valueType
    if (inner) return droppedKeys(inner, item, [...path, key])
    return shape ? [{ path, key }] : []
  })
}

function own(shape: Readonly<Record<string, z.ZodType>>, key: PropertyKey): z.ZodType | undefined {
  return Object.hasOwn(shape, key) ? shape[String(key)] : undefined
}
