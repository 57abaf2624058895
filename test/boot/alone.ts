import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { showDuration } from '../../src/core/duration.ts'
import { NOBODY } from '../aws/emulator.ts'
import { tapCount, type Count } from '../support/tap-count.ts'
import { build } from './build.ts'
import { imageConfiguration } from './infrastructure.ts'
import { makeBridge } from './network.ts'

/** The part of the boot test that runs in a network of its own: builds the image, then runs each file of tests. Given what it needs as JSON. */

/** What the tests find in SUNUP_BOOT, as JSON. */
export interface Given {
  /** A directory on a disk. */
  readonly work: string
  readonly stock: string
  readonly bin: string
  readonly archive: string
  readonly sha256: string
  readonly files: readonly string[]
  /** Of the baked and sealed image. */
  readonly layers: readonly string[]
}

/** A file that hangs fails. */
const FILE_MS = 600_000

function runFile(file: string, given: Given, signal: AbortSignal): Promise<{ readonly tap: string; readonly code: number | null }> {
  const env = { ...NOBODY, PATH: process.env.PATH, ...(process.env.PACKER_PLUGIN_PATH !== undefined && { PACKER_PLUGIN_PATH: process.env.PACKER_PLUGIN_PATH }), HOME: given.work, LC_ALL: 'C.UTF-8', TAP: '1', TAP_TIMEOUT: String(FILE_MS / 1_000), SUNUP_BOOT: JSON.stringify(given) }
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, file)], {
    env,
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

const startedAt = performance.now()
const since = (from: number): string => showDuration(performance.now() - from)
const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => ending.abort(new Error(name)))

const asked = JSON.parse(process.argv[2] as string) as Omit<Given, 'layers'>
makeBridge()
const { layers, imageId } = await build({ ...asked, directory: join(asked.work, 'image'), configuration: imageConfiguration(asked.work), role: 'web' })
console.log(`# ${imageId}: built by packer, baked and sealed, ${since(startedAt)}`)
const results: Count[] = []
for (const file of asked.files) {
  if (ending.signal.aborted) break
  const began = performance.now()
  const { tap, code } = await runFile(file, { ...asked, layers }, ending.signal)
  const result = tapCount(tap, code)
  results.push(result)
  const isGood = result.isComplete && result.failed === 0
  for (const [line] of isGood ? tap.matchAll(/^ *# \|.*$|^.*# SKIP.*$/gm) : [[tap]]) console.log(line)
  console.log(`${isGood ? 'ok' : 'not ok'} - ${file}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped, ${since(began)}`)
}
const sum = (of: (result: Count) => number): number => results.reduce((total, result) => total + of(result), 0)
const isGood = !ending.signal.aborted && results.length === asked.files.length && results.every(result => result.isComplete && result.failed === 0)
console.log(`# ${results.length} of ${asked.files.length} files, ${sum(one => one.passed)} passed, ${sum(one => one.failed)} failed, ${sum(one => one.skipped)} skipped, ${since(startedAt)}`)
process.exit(isGood ? 0 : 1)
