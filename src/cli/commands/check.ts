import { relative, resolve } from 'node:path'
import { Failure, type Fault } from '../../core/failure.ts'
import { readRegularText, WRITTEN_BYTES } from '../../core/regular-file.ts'
import { order } from '../../engine/order.ts'
import { healthContent } from '../../life/outset.ts'
import type { Repository } from '../../life/source/repository.ts'
import type { Settings } from '../../life/settings.ts'
import { hostFacts } from '../../machine/host.ts'
import { checkRepository, type Inspected } from '../../roles/check.ts'
import type { World } from '../compose.ts'
import { machineOf, settingsOf, withRepository } from '../place.ts'
import type { Asked, Command } from '../verbs.ts'

/** The exit code where something is wrong in configuration, instance file, role, recipe or template. */
const WRONG = 78

const check: Command = async (asked, world) => {
  const read = await settingsFor(asked, world)
  if ('faults' in read) return await tell({ roles: [], recipes: [], faults: read.faults, warnings: [] }, undefined, asked, world)
  return await withRepository(read, asked, world, async repository => await tell(await inspect(repository, read, asked, world), repository, asked, world))
}

/** Without its configuration nothing else can be looked at. */
async function settingsFor(asked: Asked, world: World): Promise<Settings | { readonly faults: readonly Fault[] }> {
  const read: { now?: Settings } = {}
  const faults = await faultsOf(() => (read.now = settingsOf(asked, world)))
  return read.now ?? { faults }
}

async function inspect({ directory, builtIn, role }: Repository, settings: Settings, asked: Asked, world: World): Promise<Inspected> {
  const host = hostFacts(machineOf(asked, world))
  const found = await checkRepository({ source: directory, builtIn, host, run: settings.run, state: settings.state, order, role, alsoOf: (of, instance) => healthContent(of, instance, 'run') })
  return { ...found, faults: [...(await faultsOfInstance(settings, world)), ...found.faults] }
}

/** Where there is an instance file: a repository is checked on machines that are no instance, too. */
async function faultsOfInstance({ cloud, local }: Settings, { signal }: World): Promise<readonly Fault[]> {
  if (cloud !== 'local') return []
  const { localMetadata } = await import('../../clouds/local/metadata.ts')
  return await faultsOf(async () => {
    await localMetadata(local.instance, async () => undefined).identity(signal).catch(error => {
      if (!(error instanceof Failure && error.code === 'instance.missing')) throw error
    })
  })
}

/** What is wrong somewhere is told with the rest; what has no place ends the command. */
async function faultsOf(work: () => unknown): Promise<readonly Fault[]> {
  try {
    await work()
    return []
  } catch (error) {
    if (error instanceof Failure && error.faults.length > 0) return error.faults
    throw error
  }
}

async function tell(found: Inspected, repository: Repository | undefined, asked: Asked, world: World): Promise<number> {
  if (asked.format === 'json') world.write(`${JSON.stringify(found, undefined, 1)}\n`)
  else {
    const { faultsText } = await import('../../reporters/faults-text.ts')
    const { directory = world.cwd(), outcome } = repository ?? {}
    const pathOf = (file: string): string => resolve(directory, file)
    // As the reader would open it from where he is; of a remote source, as it is called there.
    const names = new Map([...found.faults, ...found.warnings].map(({ place: { file } }) => [file, outcome !== undefined && pathOf(file) !== file ? file : relative(world.cwd(), pathOf(file))]))
    const paths = new Map([...names].map(([file, name]) => [name, pathOf(file)]))
    const shown = <Found extends Omit<Fault, 'code'>>(fault: Found): Found => ({ ...fault, place: { ...fault.place, file: names.get(fault.place.file) as string } })
    world.write(faultsText({ faults: found.faults.map(shown), warnings: found.warnings.map(shown), source: name => text(paths.get(name)), colour: world.colour }))
    if (found.faults.length === 0) world.write(`roles ${found.roles.join(', ')}: nothing is wrong\n`)
  }
  return found.faults.length > 0 ? WRONG : 0
}

function text(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readRegularText(file, WRITTEN_BYTES)
  } catch {
    return undefined
  }
}

export default check
