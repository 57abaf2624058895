import { join } from 'node:path'
import { showDuration } from '../../src/core/duration.ts'
import { NOBODY } from '../aws/emulator.ts'
import { endedBySignals, nameOf, runFile, tally } from '../support/suite.ts'
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

const asked = JSON.parse(process.argv[2] as string) as Omit<Given, 'layers'>
const signal = endedBySignals()
const startedAt = performance.now()
makeBridge()
const { layers, imageId } = await build({ ...asked, directory: join(asked.work, 'image'), configuration: `${imageConfiguration(asked.work)}/`, role: 'web' })
console.log(`# ${imageId}: built by packer, baked and sealed, ${showDuration(performance.now() - startedAt)}`)

const { PATH, PACKER_PLUGIN_PATH } = process.env
const given: Given = { ...asked, layers }
const env = { ...NOBODY, PATH, ...(PACKER_PLUGIN_PATH !== undefined && { PACKER_PLUGIN_PATH }), HOME: asked.work, LC_ALL: 'C.UTF-8', TAP: '1', TAP_TIMEOUT: String(FILE_MS / 1_000), SUNUP_BOOT: JSON.stringify(given) }
const results = tally()
for (const file of asked.files) {
  if (signal.aborted) break
  results.add(file, await runFile(['setpriv', '--pdeathsig', 'KILL', process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, file)], { env, signal, limitMs: FILE_MS }))
}
process.exit(results.close(asked.files.length, nameOf(signal)) ? 0 : 1)
