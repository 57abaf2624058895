import { boot } from '../../life/boot.ts'
import { partsOf } from '../place.ts'
import { reporting } from '../reporting.ts'
import type { Command } from '../verbs.ts'

const command: Command = (asked, world) => reporting('boot', asked, world, frame => boot(frame, partsOf(asked, world)))

export default command
