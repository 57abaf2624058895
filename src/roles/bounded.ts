import { Script } from 'node:vm'
import { knowable } from '../core/failure.ts'

/** How long a recipe may take to be loaded, and to say its resources: it only builds values. */
export const RECIPE_LIMIT_MS = 10_000

const made: { script?: Script } = {}

/** Calls work that may loop for ever. JavaScript can't be interrupted from JavaScript; a script of node:vm can, with all that it calls,
 *  by a thread of V8's own: 0.1 ms, where a worker costs 30 and can't be handed a recipe's functions.
 *  @returns what work returned, or `stuck`: then it was stopped amid whatever it did, and is not to be called again */
export function bounded<T>(limitMs: number, work: () => T): { readonly stuck: false; readonly value: T } | { readonly stuck: true } {
  const script = (made.script ??= new Script(`globalThis[Symbol.for('sunup.bounded')]()`))
  const key = Symbol.for('sunup.bounded')
  const result: { value?: T; thrown?: unknown; done?: true } = {}
  Object.defineProperty(globalThis, key, {
    configurable: true,
    value: () => {
      try {
        result.value = work()
        result.done = true
      } catch (error) {
        // To a SyntaxError vm adds where it is. Others it would print, or look at, and anything can be thrown.
        if (error instanceof SyntaxError && knowable(error) === error) throw error
        result.thrown = error
      }
    },
  })
  try {
    script.runInThisContext({ timeout: limitMs })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { stuck: true }
    throw error
  } finally {
    Reflect.deleteProperty(globalThis, key)
  }
  if (!result.done) throw result.thrown
  return { stuck: false, value: result.value as T }
}
