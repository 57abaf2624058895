import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { endedBySignals, nameOf, runFile, tally } from '../support/suite.ts'
import { emulator, environment, NOBODY } from './emulator.ts'

/** Runs test/aws/*.test.ts, or the files named, against moto's server, which is emptied before each file.
 *  Needs python3 with venv, and on the first run PyPI. `--cache DIR` (or SUNUP_AWS_SUITE) keeps the virtual environment elsewhere than in ~/.cache/sunup-aws-suite.
 *  A test finds: AWS_ENDPOINT_URL (moto), SUNUP_TEST_PYTHON (with botocore and boto3), SUNUP_TEST_AWS_CLI. Exit code 0: all ran, and nothing failed. */

/** A file that hangs fails. */
const FILE_MS = 300_000

async function main(files: readonly string[], cache: string, signal: AbortSignal): Promise<boolean> {
  const results = tally()
  const bin = await environment(cache, signal)
  const home = mkdtempSync(join(tmpdir(), 'sunup-aws-'))
  const moto = await emulator(bin)
  try {
    const env = {
      PATH: process.env.PATH,
      ...NOBODY,
      HOME: home,
      LC_ALL: 'C.UTF-8',
      AWS_ENDPOINT_URL: moto.endpoint,
      SUNUP_TEST_PYTHON: join(bin, 'python'),
      SUNUP_TEST_AWS_CLI: join(bin, 'aws'),
    }
    for (const file of files) {
      if (signal.aborted) break
      await moto.reset()
      results.add(file, await runFile([process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, file)], { env, signal, limitMs: FILE_MS }))
    }
  } finally {
    await moto.stop()
    rmSync(home, { recursive: true, force: true })
  }
  return results.close(files.length, nameOf(signal))
}

const args = process.argv.slice(2)
const at = args.indexOf('--cache')
const [, asked] = at < 0 ? [] : args.splice(at, 2)
const cache = asked ?? process.env.SUNUP_AWS_SUITE ?? join(homedir(), '.cache/sunup-aws-suite')
const named = args.map(file => basename(file))
process.exitCode = (await main(named.length > 0 ? named : globSync('*.test.ts', { cwd: import.meta.dirname }).sort(), cache, endedBySignals())) ? 0 : 1
