import { Failure } from '../../core/failure.ts'
import { seal } from '../../life/image/seal/seal.ts'
import { systemClock } from '../../machine/clock.ts'
import { machineOf, settingsOf } from '../place.ts'
import type { Command } from '../verbs.ts'

const command: Command = async (asked, world) => {
  const keep = (asked.keep as readonly string[] | undefined) ?? []
  const wrong = keep.find(path => !/^[/*]/.test(path))
  if (wrong !== undefined) throw new Failure('usage', `--keep takes absolute paths, found ${JSON.stringify(wrong)}`)
  const sealed = await seal({ machine: machineOf(asked, world), settings: settingsOf(asked, world), keep, fix: asked.fix === true, clock: systemClock, signal: world.signal })
  if (asked.format === 'json') world.write(`${JSON.stringify(sealed, undefined, 1)}\n`)
  else {
    const { sealText } = await import('../../reporters/seal-text.ts')
    world.write(sealText(sealed, { colour: world.colour, fix: asked.fix === true }))
  }
  return sealed.sealed ? 0 : 1
}

export default command
