import { spawn } from 'node:child_process'
import { showDuration } from '../../src/core/duration.ts'
import { tapCount, type Count } from './tap-count.ts'

/** A file of tests that has ended. */
export interface Ended {
  readonly tap: string
  readonly code: number | null
}

/** Runs a command that prints TAP, without standard input.
 *  @param signal kills it with SIGKILL, as `limitMs` does */
export async function runFile([program = '', ...argv]: readonly string[], { env, signal, limitMs }: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal; readonly limitMs: number }): Promise<Ended> {
  const child = spawn(program, argv, { env, stdio: ['ignore', 'pipe', 'inherit'], signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]), killSignal: 'SIGKILL' })
  let tap = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (tap += text))
  return await new Promise(resolve => {
    child.on('error', error => void (tap += `# ${error.message}\n`))
    child.on('close', code => resolve({ tap, code }))
  })
}

/** How the files of a suite fared. */
export interface Tally {
  /** Prints a line of it; all that it said, when it failed; else what it said to whoever runs all suites: reasons of skips, and lines that begin with `# |`. */
  add(file: string, ended: Ended): void
  /** Prints the sum.
   *  @param asked how many files were to be run
   *  @param endedBy what ended the suite before its time
   *  @returns whether all is well */
  close(asked: number, endedBy?: string): boolean
}

export function tally(): Tally {
  const startedAt = performance.now()
  const results: Count[] = []
  let last = startedAt
  const isGood = ({ isComplete, failed }: Count): boolean => isComplete && failed === 0
  const sum = (of: (result: Count) => number): number => results.reduce((total, result) => total + of(result), 0)
  const told = (passed: number, failed: number, skipped: number, from: number): string => `${passed} passed, ${failed} failed, ${skipped} skipped, ${showDuration(performance.now() - from)}`
  return {
    add(file, { tap, code }) {
      const result = tapCount(tap, code)
      results.push(result)
      for (const [line] of isGood(result) ? tap.matchAll(/^ *# \|.*$|^.*# SKIP.*$/gm) : [[tap]]) console.log(line)
      console.log(`${isGood(result) ? 'ok' : 'not ok'} - ${file}: ${told(result.passed, result.failed, result.skipped, last)}`)
      last = performance.now()
    },
    close(asked, endedBy) {
      const numbers = told(sum(one => one.passed), sum(one => one.failed), sum(one => one.skipped), startedAt)
      console.log(`# ${results.length} of ${asked} files, ${numbers}${endedBy === undefined ? '' : `, ended by ${endedBy}`}`)
      return endedBy === undefined && results.length === asked && results.every(isGood)
    },
  }
}

/** Aborted by the signals that end a suite, with an error that is named like the signal. */
export function endedBySignals(): AbortSignal {
  const ending = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => ending.abort(new Error(name)))
  return ending.signal
}

/** What a signal of `endedBySignals` was aborted by. */
export function nameOf(signal: AbortSignal): string | undefined {
  return signal.aborted ? (signal.reason as Error).message : undefined
}
