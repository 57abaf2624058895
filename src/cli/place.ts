import { isAbsolute, join, resolve } from 'node:path'
import type { Cloud, CloudUser } from '../core/cloud.ts'
import { Failure } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'
import { ownPath } from '../core/own-path.ts'
import type { Awaitable } from '../core/plain.ts'
import type { BootParts } from '../life/boot.ts'
import type { Reading, Repository } from '../life/source/repository.ts'
import { revisionOf } from '../life/source/revision.ts'
import type { Settings } from '../life/settings.ts'
import { systemClock } from '../machine/clock.ts'
import { withLock } from '../machine/lock.ts'
import { hostMachine } from '../machine/machine.ts'
import { loadConfig, runOfBroken } from '../roles/config.ts'
import { builtIn } from './built-in.ts'
import type { World } from './compose.ts'
import type { Asked } from './verbs.ts'

/** How long one process waits for another's turn with the local cloud's files: each takes a millisecond. */
const LOCAL_CLOUD_WAIT_MS = 10_000

export function machineOf(asked: Asked, world: World): Machine {
  return hostMachine({ root: asked.root === undefined ? '/' : absolute(asked.root, '--root', world), network: networkOf(world) })
}

/** sunup.yaml, with what the command line says instead. @throws Failure as loadConfig */
export function settingsOf(asked: Asked, world: World): Settings {
  const config = loadConfig({ file: asked.config, env: world.env.SUNUP_CONFIG, cwd: world.cwd })
  return {
    ...config,
    ...(asked.cloud !== undefined && { cloud: asked.cloud }),
    ...(asked.source !== undefined && { source: { directory: absolute(asked.source, '--source', world) } }),
  }
}

/** @returns undefined where not even that can be read */
export function runOfBrokenSettings(asked: Asked, world: World): string | undefined {
  return runOfBroken({ file: asked.config, env: world.env.SUNUP_CONFIG, cwd: world.cwd })
}

/** The cloud of a command. @param user the run that uses it; default: nobody in particular, who looks on */
export async function cloudOf(settings: Settings, world: World, user: CloudUser = onlooker(world)): Promise<Cloud> {
  const { table, leaseMs } = settings.registry
  const { cacheMs } = settings.secrets
  if (settings.cloud === 'aws') {
    const { awsCloud } = await import('../clouds/aws/cloud.ts')
    return awsCloud({
      clock: systemClock,
      env: world.env,
      table,
      leaseMs,
      user,
      secretCache: cacheMs === undefined || !user.mayKeep ? undefined : { directory: join(settings.run, 'secrets'), forMs: cacheMs },
    })
  }
  const { localCloud } = await import('../clouds/local/cloud.ts')
  return localCloud({
    instanceFile: settings.local.instance,
    directory: settings.local.directory,
    leaseMs,
    clock: systemClock,
    exclusively: (file, signal, work) => withLock(file, LOCAL_CLOUD_WAIT_MS, signal, work),
  })
}

/** What every run of a command is made of. */
export function partsOf(asked: Asked, world: World): BootParts {
  return {
    machine: machineOf(asked, world),
    settings: () => settingsOf(asked, world),
    runOfBroken: () => runOfBrokenSettings(asked, world),
    cloud: (settings, user) => cloudOf(settings, world, user),
    repository: (settings, reading) => repositoryOf(settings, asked, world, reading),
    attended: world.attended,
    warn: warningTo(world),
    role: asked.role,
  }
}

function onlooker(world: World): CloudUser {
  return { bootId: () => '', registeredAs: () => undefined, isPatient: false, warn: warningTo(world) }
}

function warningTo({ writeError }: World): (text: string) => void {
  return text => writeError(`warning: ${text}\n`)
}

/** Of the environment, what says how the outside is reached; the rest of it must not decide what a machine becomes. */
const NETWORK = ['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'GIT_SSL_CAINFO', 'SSH_AUTH_SOCK']

function networkOf({ env }: World): Record<string, string> {
  return Object.fromEntries(NETWORK.flatMap(name => (env[name] ? [[name, env[name]]] : [])))
}

function absolute(path: string, option: string, world: World): string {
  if (path === '') throw new Failure('usage', `${option} needs a path`)
  return isAbsolute(path) ? path : resolve(world.cwd(), path)
}

/** The provisioning repository, with the recipes that come with the program. */
export async function repositoryOf(settings: Settings, asked: Asked, world: World, reading: Reading): Promise<Repository> {
  const { source } = settings
  const { installHooks } = await import('../roles/hooks.ts')
  installHooks(world.indexUrl)
  const ground = { builtIn: builtIn(world), role: asked.role }
  if ('directory' in source) {
    world.blame?.(source.directory)
    return { ...ground, directory: source.directory, revision: revisionOf(source.directory) }
  }
  const { readSource } = await import('../life/source/source.ts')
  const network = networkOf(world)
  // It comes from outside of a staging root, to where the state of one is.
  const directory = ownPath(machineOf(asked, world).hostPath(settings.state), 'cache', 'source')
  const host = hostMachine({ network })
  try {
    const repository = await readSource(source, { ...ground, host, directory, network }, reading)
    world.blame?.(repository.directory)
    return repository
  } catch (error) {
    await host.ended()
    throw error
  }
}

/** The same for a command that is no run: `use` reads it, and what was made for that is let go of. A plan's rules hold.
 *  @param groups the instance's security groups, where it matters whose source it is */
export async function withRepository<T>(settings: Settings, asked: Asked, world: World, use: (repository: Repository) => Awaitable<T>, groups?: readonly string[]): Promise<T> {
  const { signal, writeError } = world
  const repository = await repositoryOf(settings, asked, world, {
    signal,
    clock: systemClock,
    planning: true,
    groups,
    // What it would tell is not this command's to print, but for what may surprise.
    tell(event) {
      if (event.type !== 'resource.checked') return
      for (const { type, reason } of event.changes) if (type === 'act') writeError(`sunup: ${reason}\n`)
    },
  })
  try {
    return await use(repository)
  } catch (error) {
    throw error instanceof Failure && error.code === 'source.empty' ? ofRepository(error, repository) : error
  } finally {
    repository.end?.()
  }
}

/** A remote source lies where nobody would look for it, and is gone when this is read. */
function ofRepository(error: Failure, { directory, revision, outcome }: Repository): Failure {
  if (outcome === undefined) return error
  const message = error.message.replace(`${directory}/`, '').replace(directory, 'the repository')
  return new Failure(error.code, `${message} (at ${revision})`, { cause: error.cause, hint: error.hint })
}
