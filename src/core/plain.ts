/** A value that survives JSON: what events, changes and reports are made of. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain }

/** A value, or the promise of one. What needs no waiting is handed over at once: a settled run is mostly that. */
export type Awaitable<T> = T | Promise<T>

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
