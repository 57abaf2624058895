import { join } from 'node:path'
import type { CloudUser } from '../../core/cloud.ts'
import { closeHealth } from '../../life/close-health.ts'
import { runDirectoryOf, settingsOf as triedSettings, stateDirectoryOf } from '../../life/settings.ts'
import { hasBootMark, readBootMark } from '../../machine/boot.ts'
import { holderOf } from '../../machine/lock.ts'
import { configOfNone } from '../../roles/config.ts'
import { cloudOf, machineOf, runOfBrokenSettings, settingsOf } from '../place.ts'
import type { World } from '../compose.ts'
import type { Asked, Command } from '../verbs.ts'

const close: Command = async (asked, world) => {
  if (asked.failed === true) return await afterFailure(asked, world)
  const tried = triedSettings(() => settingsOf(asked, world), () => runOfBrokenSettings(asked, world))
  const machine = machineOf(asked, world)
  const run = runDirectoryOf(machine, tried)
  const directory = join(run, 'health')
  if (asked.unlessBooted === true && hasBootMark(run)) {
    world.write(asked.format === 'json' ? `${JSON.stringify({ gate: 'untouched', directory })}\n` : 'gate untouched: a boot has begun since this machine was started\n')
    return 0
  }
  const wasOpen = closeHealth(machine, run, tried.fault)
  const holder = holderOf(join(run, 'lock'))
  const boot = holder?.command === 'boot' ? holder : undefined
  if (asked.format === 'json') world.write(`${JSON.stringify({ gate: 'closed', wasOpen, directory, ...(boot && { running: boot }) })}\n`)
  else world.write(wasOpen ? `gate closed (${directory} emptied)\n` : `gate closed (it was: ${directory} is empty)\n`)
  if (boot) world.writeError(`sunup: \`sunup boot\` (process ${boot.pid}) is at work, and opens the gate when it is done\n`)
  // Closed all the same; but what is wrong must be said.
  if (tried.fault) throw tried.fault
  return 0
}

export default close

/** Exit code 1 when the group could not be told. */
async function afterFailure(asked: Asked, world: World): Promise<number> {
  const { closeFailed } = await import('../../life/systemd/close-failed.ts')
  const machine = machineOf(asked, world)
  const tried = triedSettings(() => settingsOf(asked, world), () => runOfBrokenSettings(asked, world))
  const { settings = { ...configOfNone('/'), ...(asked.cloud !== undefined && { cloud: asked.cloud }) }, fault } = tried
  const run = runDirectoryOf(machine, tried)
  const user: CloudUser = { bootId: () => readBootMark(run).bootId, registeredAs: () => undefined, isPatient: false, warn: text => world.writeError(`warning: ${text}\n`) }
  const closed = await closeFailed(
    { machine, settings, run, state: stateDirectoryOf(machine, settings), fault, cloud: () => cloudOf(settings, world, user), env: world.env, attended: world.attended },
    world.signal,
  )
  const { closedFailedDocument, closedFailedText } = await import('../../reporters/closed-failed.ts')
  world.write(asked.format === 'json' ? `${JSON.stringify(closedFailedDocument(closed))}\n` : closedFailedText(closed, { colour: world.colour }))
  const [failure] = closed.told?.failures ?? []
  if (failure ?? fault) throw failure ?? fault
  return 0
}
