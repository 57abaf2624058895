import { watch } from '../../life/agent/watch.ts'
import { loadPerCore } from '../../machine/host.ts'
import { partsOf } from '../place.ts'
import { reporting } from '../reporting.ts'
import type { Command } from '../verbs.ts'

const command: Command = (asked, world) => reporting('watch', asked, world, frame => watch(frame, { ...partsOf(asked, world), load: loadPerCore }))

export default command
