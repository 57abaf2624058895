import { join } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { didYouMean } from '../../core/nearest.ts'
import { newestReport, readReport, runsIn, traceOf } from '../../engine/history.ts'
import { ownDirectory } from '../../life/own.ts'
import { runDirectoryOf } from '../../life/settings.ts'
import { holderOf } from '../../machine/lock.ts'
import { fileForPage, writePage } from '../page-file.ts'
import { cloudOf, machineOf, settingsOf } from '../place.ts'
import type { Command } from '../verbs.ts'

const report: Command = async (asked, world) => {
  const file = fileForPage(asked, world)
  const settings = settingsOf(asked, world)
  const machine = machineOf(asked, world)
  const own = await ownDirectory(machine, settings, () => cloudOf(settings, world), world.signal)
  const runs = join(own, 'runs')
  const ids = runsIn(runs)
  const json = asked.format === 'json'
  if (asked.list === true) {
    world.write(json ? `${JSON.stringify(ids)}\n` : ids.map(id => `${id}\n`).join(''))
    return 0
  }
  const [wanted] = asked.arguments
  const newest = wanted === undefined ? newestReport(runs) : undefined
  const found = wanted === undefined ? newest?.report : readReport(runs, wanted)
  const nothing = (run: string): string => `run ${run} left no record: it ${holderOf(join(runDirectoryOf(machine, settings), 'lock')) ? 'has told nothing yet, was killed' : 'was killed'}, or could write none (is the disk full?)`
  if (found === undefined) {
    const silent = wanted ?? ids[0]
    if (silent === undefined) throw new Failure('run.unknown', `there is no run yet (${runs} is empty)`, { hint: '`sunup boot` makes one.' })
    if (ids.includes(silent)) throw new Failure('run.unknown', nothing(silent), { hint: '`sunup report --list` names those that are kept.' })
    throw new Failure('run.unknown', `there is no run ${silent} in ${runs}`, { hint: didYouMean(silent, ids) })
  }
  if (newest?.silent[0] !== undefined) world.writeError(`sunup: ${nothing(newest.silent[0])}\n`)
  if (file !== undefined) await writePage(file, found, { runs, machine }, world)
  else if (json) world.write(`${JSON.stringify(found, undefined, 1)}\n`)
  else {
    const { reportText } = await import('../../reporters/report-text.ts')
    world.write(reportText(found, { colour: world.colour, verbose: asked.verbose === true, atWork: found.finishedAt === null ? traceOf(runs, found.run)?.atWork : undefined }))
  }
  return 0
}

export default report
