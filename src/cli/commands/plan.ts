import { plan } from '../../life/plan.ts'
import { cloudOf, machineOf, repositoryOf, settingsOf } from '../place.ts'
import { reporting } from '../reporting.ts'
import type { Command } from '../verbs.ts'

const command: Command = (asked, world) =>
  reporting('plan', asked, world, frame =>
    plan(frame, {
      machine: machineOf(asked, world),
      settings: () => settingsOf(asked, world),
      cloud: cloudOf,
      repository: (settings, reading) => repositoryOf(settings, asked, world, reading),
    }),
  )

export default command
