import { constants, cpSync, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { hashOf } from '../../core/digest.ts'
import { errnoOf, Failure } from '../../core/failure.ts'
import type { Machine } from '../../core/machine.ts'
import { isRecord } from '../../core/plain.ts'
import { readRegularText } from '../../core/regular-file.ts'
import { attempt, USUAL_PATIENCE } from '../../engine/attempt.ts'
import { PATH } from '../../machine/path.ts'

/** What a provisioning repository's package-lock.json asks for. */
export interface Lock {
  readonly digest: string
  /** Directories, relative, that may have a node_modules: the repository's own, and those of packages that it holds itself. */
  readonly packages: readonly string[]
}

/** @returns undefined where there is no lockfile, or one that wants nothing at boot: packages for development alone, as an editor's types */
export function lockOf(directory: string): Lock | undefined {
  let text: string
  try {
    text = readRegularText(join(directory, 'package-lock.json'))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  const packages = packagesOf(text)
  if (packages && Object.entries(packages).every(([name, one]) => name === '' || (isRecord(one) && one.dev === true))) return undefined
  const own = Object.keys(packages ?? {}).filter(name => name !== '' && !name.split('/').includes('node_modules'))
  return { digest: hashOf('sha256').update(text).digest('hex'), packages: ['', ...own] }
}

function packagesOf(text: string): Record<string, unknown> | undefined {
  try {
    const lock: unknown = JSON.parse(text)
    return isRecord(lock) && isRecord(lock.packages) ? lock.packages : undefined
  } catch {
    // What is wrong with it npm says best.
    return undefined
  }
}

/** Takes what another checkout of the same lockfile has. Links to packages of the repository's own lead to this one's. */
export function copyDependencies(from: string, to: string, { packages }: Lock): void {
  for (const name of packages) {
    const modules = join(name, 'node_modules')
    if (existsSync(join(from, modules))) cpSync(join(from, modules), join(to, modules), { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE })
  }
}

export interface Installing {
  readonly host: Machine
  /** npm's own cache. */
  readonly cache: string
  /** What the environment says of the way out. */
  readonly network: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly clock: Clock
  output(stream: 'stdout' | 'stderr', text: string): void
}

/** npm's words for a registry that can't be reached. */
const UNREACHABLE = /\b(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENETUNREACH|EHOSTUNREACH|E50[0-9]|E429)\b/

const ARGUMENTS = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--logs-max=0', '--loglevel=error', '--fetch-retries=0']

/** Installs what the lockfile says, and nothing else; no script of any package runs. npm is the one beside this Node, or the system's.
 *  @throws Failure `absent.command`, `command.failed`, `network.failed` */
export async function installDependencies(directory: string, installing: Installing): Promise<void> {
  const { host, cache, network, signal, clock, output } = installing
  const env = { PATH: `${dirname(process.execPath)}:${PATH}`, npm_config_cache: cache, ...network }
  let npm: Promise<unknown> = Promise.resolve()
  const run = async (signal: AbortSignal): Promise<void> => {
    await (npm = host.run(['npm', ...ARGUMENTS], { cwd: directory, env, signal, onLine: output }).catch(error => {
      throw inOurWords(error)
    }))
  }
  try {
    await attempt('installing the dependencies of the source', run, USUAL_PATIENCE, signal, clock)
  } finally {
    // One that is being ended writes until it has ended.
    await npm.catch(() => {})
  }
}

function inOurWords(error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  if (error.code === 'absent.command') {
    return new Failure('absent.command', 'the source has a package-lock.json, and there is no npm to install what it names', { subject: 'npm', cause: error, hint: 'Install npm, which comes with Node, or keep the source free of dependencies.' })
  }
  const { output, cause } = error
  if (error.code !== 'command.failed') return error
  if (UNREACHABLE.test(output ?? '')) return new Failure('network.failed', 'npm can’t reach the registry for the dependencies of the source', { output, cause })
  return new Failure('command.failed', 'npm can’t install the dependencies of the source', { output, cause, hint: 'Run `npm ci --omit=dev --ignore-scripts` in a clone of it.' })
}
