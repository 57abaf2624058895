import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface NodeTests {
  /** The program, e.g. process.execPath. */
  readonly node: string
  /** A module's URL, imported before each file: it says what `sunup` is. */
  readonly hooks: string
  /** Absolute. */
  readonly files: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The descriptor that what is told goes to: 1 or 2. */
  readonly output: number
  readonly signal: AbortSignal
}

/** Runs test files by Node's own runner, each in a process of its own, so that none of them can end this one.
 *  @returns whether all of them passed
 *  @throws the signal's reason */
export async function runNodeTests({ node, hooks, files, cwd, env, output, signal }: NodeTests): Promise<boolean> {
  signal.throwIfAborted()
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', '--import', hooks, '--test', '--test-reporter=spec', ...files], { cwd, env, stdio: ['ignore', output, 2] })
  const end = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', end)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    signal.throwIfAborted()
    return code === 0
  } finally {
    signal.removeEventListener('abort', end)
  }
}
