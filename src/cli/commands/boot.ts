import { boot } from '../../life/boot.ts'
import { cloudOf, machineOf, repositoryOf, settingsOf } from '../place.ts'
import { reporting } from '../reporting.ts'
import type { Command } from '../verbs.ts'

const command: Command = (asked, world) =>
  reporting('boot', asked, world, frame =>
    boot(frame, {
      machine: machineOf(asked, world),
      settings: () => settingsOf(asked, world),
      cloud: cloudOf,
      repository: (settings, reading) => repositoryOf(settings, asked, world, reading),
      attended: world.attended,
    }),
  )

export default command
