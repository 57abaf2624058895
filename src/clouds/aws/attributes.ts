import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { Failure } from '../../core/failure.ts'
import type { Plain } from '../../core/plain.ts'

/** A row of the table in plain values. */
export type Item = Readonly<Record<string, Plain>>

/** What DynamoDB is sent: texts as S, numbers as N, mappings as M, lists as L. What is undefined is not there.
 *  @throws Failure `cloud.invalid` of a number that is none */
export function attributesOf(item: { readonly [name: string]: Plain | undefined }): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(item).flatMap(([name, value]) => (value === undefined ? [] : [[name, attributeOf(value)]])))
}

export function itemOf(attributes: Readonly<Record<string, AttributeValue>>): Item {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, plainOf(value)]))
}

function attributeOf(value: Plain): AttributeValue {
  if (value === null) return { NULL: true }
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'boolean') return { BOOL: value }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Failure('cloud.invalid', `the registry's table can't hold the number ${value}`)
    return { N: String(value) }
  }
  return Array.isArray(value) ? { L: value.map(attributeOf) } : { M: attributesOf(value as Item) }
}

/** Sets and binary values are never ours; a person's own show as what they hold. */
function plainOf(value: AttributeValue): Plain {
  if (value.S !== undefined) return value.S
  if (value.N !== undefined) return Number(value.N)
  if (value.BOOL !== undefined) return value.BOOL
  if (value.M !== undefined) return itemOf(value.M)
  if (value.L !== undefined) return value.L.map(plainOf)
  if (value.SS !== undefined) return [...value.SS]
  if (value.NS !== undefined) return value.NS.map(Number)
  return null
}
