/** import() of a module that only its URL names. A file of its own, for the bundle has it from whoever loads it: compiled by node:vm, as the
 *  bundle is, a script may not import. */
export function importUrl(url: string): Promise<unknown> {
  return import(url) as Promise<unknown>
}
