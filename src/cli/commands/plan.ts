import { plan } from '../../life/plan.ts'
import { partsOf } from '../place.ts'
import { reporting } from '../reporting.ts'
import type { Command } from '../verbs.ts'

const command: Command = (asked, world) => reporting('plan', asked, world, frame => plan(frame, partsOf(asked, world)))

export default command
