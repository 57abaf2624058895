import { bake } from '../../life/image/bake.ts'
import { partsOf } from '../place.ts'
import { reporting } from '../reporting.ts'
import type { Command } from '../verbs.ts'

const command: Command = (asked, world) => {
  const unitsOnly = asked.unitsOnly === true
  return reporting('bake', asked, world, frame => bake(frame, { ...partsOf(asked, world), unitsOnly, installation: { home: world.home, node: process.execPath, bundled: world.program !== world.home } }))
}

export default command
