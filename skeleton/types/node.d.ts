// As much of Node as the tests of recipes need. For all of it: `npm install --save-dev @types/node`, and remove this file.
declare module 'node:test' {
  export default function test(name: string, work: () => unknown): Promise<void>
}
declare module 'node:assert/strict' {
  function assert(value: unknown, message?: string): asserts value
  namespace assert {
    function ok(value: unknown, message?: string): asserts value
    function equal(actual: unknown, expected: unknown, message?: string): void
    function deepEqual(actual: unknown, expected: unknown, message?: string): void
    function match(text: string, pattern: RegExp, message?: string): void
    function throws(work: () => unknown, expected?: RegExp | object): void
  }
  export default assert
}
declare module 'node:fs' {
  export function readFileSync(file: string | URL, encoding: 'utf8'): string
}
declare class URL {
  constructor(path: string, base?: string)
  readonly pathname: string
}
interface ImportMeta {
  readonly url: string
}
