import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { showDuration } from '../../src/core/duration.ts'
import { tapCount, type Count } from '../support/tap-count.ts'
import { emulator, environment, NOBODY } from './emulator.ts'

/** Runs test/aws/*.test.ts, or the files named, against moto's server, which is emptied before each file.
 *  Needs python3 with venv, and on the first run PyPI. `--cache DIR` (or SUNUP_AWS_SUITE) keeps the virtual environment elsewhere than in ~/.cache/sunup-aws-suite.
 *  A test finds: AWS_ENDPOINT_URL (moto), SUNUP_TEST_PYTHON (with botocore and boto3), SUNUP_TEST_AWS_CLI. Exit code 0: all ran, and nothing failed. */

/** A file that hangs fails. */
const FILE_MS = 300_000

function runFile(file: string, env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<{ readonly tap: string; readonly code: number | null }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, file)], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(FILE_MS)]),
    killSignal: 'SIGKILL',
  })
  let tap = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (tap += text))
  return new Promise(resolve => {
    child.on('error', error => void (tap += `# ${error.message}\n`))
    child.on('close', code => resolve({ tap, code }))
  })
}

async function main(files: readonly string[], cache: string, signal: AbortSignal): Promise<boolean> {
  const startedAt = performance.now()
  const bin = await environment(cache, signal)
  const home = mkdtempSync(join(tmpdir(), 'sunup-aws-'))
  const moto = await emulator(bin)
  const results: Count[] = []
  try {
    const env = {
      ...NOBODY,
      HOME: home,
      LC_ALL: 'C.UTF-8',
      AWS_ENDPOINT_URL: moto.endpoint,
      SUNUP_TEST_PYTHON: join(bin, 'python'),
      SUNUP_TEST_AWS_CLI: join(bin, 'aws'),
    }
    for (const file of files) {
      if (signal.aborted) break
      const began = performance.now()
      await moto.reset()
      const { tap, code } = await runFile(file, env, signal)
      const result = tapCount(tap, code)
      results.push(result)
      const isGood = result.isComplete && result.failed === 0
      if (!isGood) console.log(tap)
      console.log(`${isGood ? 'ok' : 'not ok'} - ${file}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped, ${showDuration(performance.now() - began)}`)
      // The reasons are looked at by whoever runs all suites.
      if (isGood) for (const line of tap.split('\n')) if (line.includes('# SKIP')) console.log(line)
    }
  } finally {
    await moto.stop()
    rmSync(home, { recursive: true, force: true })
  }
  const sum = (of: (result: Count) => number): number => results.reduce((total, result) => total + of(result), 0)
  const isGood = !signal.aborted && results.length === files.length && results.every(result => result.isComplete && result.failed === 0)
  console.log(
    `# ${results.length} of ${files.length} files, ${sum(one => one.passed)} passed, ${sum(one => one.failed)} failed, ${sum(one => one.skipped)} skipped, ${showDuration(performance.now() - startedAt)}${signal.aborted ? ', interrupted' : ''}`,
  )
  return isGood
}

const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => ending.abort(new Error(name)))
const args = process.argv.slice(2)
const at = args.indexOf('--cache')
const [, asked] = at < 0 ? [] : args.splice(at, 2)
const cache = asked ?? process.env.SUNUP_AWS_SUITE ?? join(homedir(), '.cache/sunup-aws-suite')
const named = args.map(file => basename(file))
process.exitCode = (await main(named.length > 0 ? named : globSync('*.test.ts', { cwd: import.meta.dirname }).sort(), cache, ending.signal)) ? 0 : 1
