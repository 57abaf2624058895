import { join } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { didYouMean } from '../../core/nearest.ts'
import { readReport, runsIn } from '../../engine/history.ts'
import { ownDirectory } from '../../life/own.ts'
import { cloudOf, machineOf, settingsOf } from '../place.ts'
import type { Command } from '../verbs.ts'

const report: Command = async (asked, world) => {
  const settings = settingsOf(asked, world)
  const own = await ownDirectory(machineOf(asked, world), settings, () => cloudOf(settings, world), world.signal)
  const runs = join(own, 'runs')
  const ids = runsIn(runs)
  const json = asked.format === 'json'
  if (asked.list === true) {
    world.write(json ? `${JSON.stringify(ids)}\n` : ids.map(id => `${id}\n`).join(''))
    return 0
  }
  const wanted = asked.arguments[0] ?? ids[0]
  if (wanted === undefined) throw new Failure('run.unknown', `there is no run yet (${runs} is empty)`, { hint: '`sunup boot` makes one.' })
  const found = readReport(runs, wanted)
  if (found === undefined) throw new Failure('run.unknown', `there is no run ${wanted} in ${runs}`, { hint: didYouMean(wanted, ids) })
  if (json) world.write(`${JSON.stringify(found, undefined, 1)}\n`)
  else {
    const { reportText } = await import('../../reporters/report-text.ts')
    world.write(reportText(found, { colour: world.colour, verbose: asked.verbose === true }))
  }
  return 0
}

export default report
