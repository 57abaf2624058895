import { readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Fault } from '../../core/failure.ts'
import { order } from '../../engine/order.ts'
import { healthContent } from '../../life/outset.ts'
import type { Repository } from '../../life/repository.ts'
import type { Settings } from '../../life/settings.ts'
import { hostFacts } from '../../machine/host.ts'
import { checkRepository } from '../../roles/check.ts'
import type { World } from '../compose.ts'
import { machineOf, settingsOf, withRepository } from '../place.ts'
import type { Asked, Command } from '../verbs.ts'

/** The exit code where something is wrong in configuration, role, recipe or template. */
const WRONG = 78

const check: Command = async (asked, world) => {
  const settings = settingsOf(asked, world)
  return await withRepository(settings, asked, world, repository => checkOf(repository, settings, asked, world))
}

async function checkOf({ directory, builtIn, role }: Repository, settings: Settings, asked: Asked, world: World): Promise<number> {
  const host = hostFacts(machineOf(asked, world))
  const found = await checkRepository({ source: directory, builtIn, host, run: settings.run, order, role, alsoOf: (of, instance) => healthContent(of, instance, 'run') })
  if (asked.format === 'json') world.write(`${JSON.stringify(found, undefined, 1)}\n`)
  else {
    const { faultsText } = await import('../../reporters/faults-text.ts')
    // As the reader would open it from where he is.
    const shown = <Found extends Omit<Fault, 'code'>>(fault: Found): Found => ({ ...fault, place: { ...fault.place, file: relative(world.cwd, join(directory, fault.place.file)) } })
    world.write(faultsText({ faults: found.faults.map(shown), warnings: found.warnings.map(shown), source: file => read(resolve(world.cwd, file)), colour: world.colour }))
    if (found.faults.length === 0) world.write(`roles ${found.roles.join(', ')}: nothing is wrong\n`)
  }
  return found.faults.length > 0 ? WRONG : 0
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

export default check
