import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { newestReport } from '../../engine/history.ts'
import { undoneIn } from '../../engine/journal.ts'
import { readDecision } from '../../life/decision.ts'
import { ownDirectory } from '../../life/own.ts'
import { runDirectoryOf } from '../../life/settings.ts'
import { systemClock } from '../../machine/clock.ts'
import { holderOf } from '../../machine/lock.ts'
import type { StatusFacts } from '../../reporters/status-text.ts'
import { cloudOf, machineOf, settingsOf } from '../place.ts'
import type { Asked, Command } from '../verbs.ts'

const status: Command = async (asked, world) => {
  const settings = settingsOf(asked, world)
  const machine = machineOf(asked, world)
  const run = runDirectoryOf(machine, settings)
  const own = await ownDirectory(machine, settings, () => cloudOf(settings, world), world.signal)
  const { report, silent } = newestReport(join(own, 'runs'))
  const [left] = silent
  const { debts, begun } = undoneIn(join(own, 'journal.ndjson'))
  const decision = readDecision(own)
  const healthFile = firstFileIn(join(run, 'health'))
  const holder = holderOf(join(run, 'lock'))
  const facts: StatusFacts = {
    instance: basename(own).startsWith('unknown-') ? null : basename(own),
    role: decision?.role ?? null,
    revision: decision?.revision ?? null,
    checkedOut: 'directory' in settings.source,
    gate: healthFile === undefined ? 'closed' : 'open',
    healthFile: healthFile ?? null,
    debts,
    begun,
    running: holder ? { ...holder, run: left ?? report?.run ?? null } : null,
    silent: left ?? null,
    report: report ?? null,
    at: new Date(systemClock.now()).toISOString(),
  }
  if (asked.format === 'json') world.write(`${JSON.stringify(facts, undefined, 1)}\n`)
  else {
    const { statusText } = await import('../../reporters/status-text.ts')
    world.write(statusText(facts, { colour: world.colour, reportCommand: ['sunup report', ...placeOf(asked)].join(' ') }))
  }
  return 0
}

/** The options that say which machine is meant, to be written again. */
function placeOf(asked: Asked): readonly string[] {
  return (['config', 'source', 'cloud', 'root'] as const).flatMap(name => (asked[name] === undefined ? [] : [`--${name}`, quoted(asked[name])]))
}

function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** Anything in <run>/health is an open gate: what does not count begins with a dot. */
function firstFileIn(directory: string): string | undefined {
  try {
    const entry = readdirSync(directory, { withFileTypes: true, recursive: true }).find(one => one.isFile() && !one.name.startsWith('.'))
    return entry && join(entry.parentPath, entry.name)
  } catch {
    return undefined
  }
}

export default status
