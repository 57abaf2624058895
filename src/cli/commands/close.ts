import { join } from 'node:path'
import { emptyHealth } from '../../gate/health-file.ts'
import { runDirectoryOf, settingsOf as triedSettings } from '../../life/settings.ts'
import { holderOf } from '../../machine/lock.ts'
import { machineOf, settingsOf } from '../place.ts'
import type { Command } from '../verbs.ts'

const close: Command = async (asked, world) => {
  const { settings, fault } = triedSettings(() => settingsOf(asked, world))
  const directory = join(runDirectoryOf(machineOf(asked, world), settings), 'health')
  const wasOpen = emptyHealth(directory)
  const holder = holderOf(join(directory, '../lock'))
  const boot = holder?.command === 'boot' ? holder : undefined
  if (asked.format === 'json') world.write(`${JSON.stringify({ gate: 'closed', wasOpen, directory, ...(boot && { running: boot }) })}\n`)
  else world.write(wasOpen ? `gate closed (${directory} emptied)\n` : `gate closed (it was: ${directory} is empty)\n`)
  if (boot) world.writeError(`sunup: \`sunup boot\` (process ${boot.pid}) is at work, and opens the gate when it is done\n`)
  // Closed all the same; but what is wrong must be said.
  if (fault) throw fault
  return 0
}

export default close
