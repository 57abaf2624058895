/** Whether a value is right, as far as can be told at a glance. A yes is a promise: the schema beside it accepts the value, and changes nothing.
 *  A no says nothing. Almost every file that a boot reads is right, and to load and build the schemas that could say what is wrong would be
 *  a tenth of a settled boot. */
export type Glance = (value: unknown) => boolean

export function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

export function among(...texts: readonly string[]): Glance {
  return value => texts.includes(value as string)
}

export function listOf(each: Glance): Glance {
  return value => Array.isArray(value) && value.every(each)
}

/** A map with no other keys. Those that it must have are no business of a glance. */
export function mapOf(keys: Readonly<Record<string, Glance>>): Glance {
  return value => isMap(value) && Object.keys(value).every(key => Object.hasOwn(keys, key) && keys[key]?.(value[key]))
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
