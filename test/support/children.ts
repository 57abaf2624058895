import type { Test } from 'tap'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

export interface Child {
  readonly process: ChildProcess
  /** Resolves with the next line that it prints. */
  line(): Promise<string>
  /** Resolves with what else it printed, and how it ended. */
  end(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly stdout: string; readonly stderr: string }>
}

/** Runs a module text in a process of its own, by the Node that runs the test. Killed with the test.
 *  @param source imports by absolute paths; `process.argv` from 1 are the arguments */
export function child(t: Test, source: string, args: readonly string[] = [], nodeArgs: readonly string[] = ['--disable-warning=ExperimentalWarning']): Child {
  const process_ = spawn(process.execPath, [...nodeArgs, '--input-type=module', '--eval', source, '--', ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  t.teardown(() => process_.kill('SIGKILL'))
  const said = { stdout: '', stderr: '' }
  let taken = 0
  process_.stdout.on('data', (chunk: Buffer) => void (said.stdout += chunk.toString()))
  process_.stderr.on('data', (chunk: Buffer) => void (said.stderr += chunk.toString()))
  const closed = once(process_, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  return {
    process: process_,
    async line() {
      for (;;) {
        const end = said.stdout.indexOf('\n', taken)
        if (end >= 0) {
          const line = said.stdout.slice(taken, end)
          taken = end + 1
          return line
        }
        const isOver = await Promise.race([once(process_.stdout, 'data').then(() => false), closed.then(() => true)])
        if (isOver && !said.stdout.includes('\n', taken)) throw new Error(`the child ended without a line: ${said.stderr}`)
      }
    },
    async end() {
      const [code, signal] = await closed
      return { code, signal, ...said }
    },
  }
}
