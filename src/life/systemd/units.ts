import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errnoOf, Failure, messageOf } from '../../core/failure.ts'
import { readRegularText } from '../../core/regular-file.ts'
import type { Planned } from '../../engine/planned.ts'
import { systemdUnit } from '../../resources/systemd-unit.ts'

/** Where the units of the project say the program is. */
export const USUAL_PROGRAM = '/opt/sunup/bin/sunup'

/** The program that runs, as a unit has to call it. */
export interface Installation {
  /** Holds bin/ and packer/systemd/. Absolute, on the host. */
  readonly home: string
  /** The Node that runs it. Absolute. */
  readonly node: string
  /** Whether it runs from its bundle, dist/, and not from sources. */
  readonly bundled: boolean
}

/** sunup's own units as resources: their files below /etc/systemd/system, enabled where they say how, calling the program that runs now.
 *  @throws Failure `file.denied` where the program came without them */
export function units(installation: Pick<Installation, 'home' | 'node'>): readonly Planned[] {
  const directory = join(installation.home, 'packer', 'systemd')
  const files = unitFiles(directory)
  if (files.length === 0) throw new Failure('file.denied', `there are no units in ${directory}`, { hint: 'This sunup is not whole: install it anew.' })
  return files.map(file => {
    const content = calling(readRegularText(file), installation)
    const resource = systemdUnit({ name: basename(file), content, enabled: /^\[Install\]$/m.test(content) ? true : undefined })
    return { resource, origin: `the units of sunup (${file})`, phase: 'prepare' }
  })
}

function unitFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter(name => name.endsWith('.service')).sort().map(name => join(directory, name))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw new Failure('file.denied', `the units in ${directory} can't be read: ${messageOf(error)}`, { cause: error })
  }
}

/** A unit's text, with what it runs in place of the usual program. What it only asks about (a Condition) is a file, and no command. */
export function calling(text: string, installation: Pick<Installation, 'home' | 'node'>): string {
  const { command, file } = programOf(installation)
  if (file === USUAL_PROGRAM) return text
  return text
    .split('\n')
    .map(line => line.replaceAll(USUAL_PROGRAM, () => (/^Exec\w+=/.test(line) ? command : escaped(file))))
    .join('\n')
}

/** By its launcher, which brings a Node of its own; else by the Node that runs now: a unit's PATH may lead to none, or to an old one. */
function programOf({ home, node }: Pick<Installation, 'home' | 'node'>): { readonly command: string; readonly file: string } {
  const launcher = join(dirname(home), 'bin', 'sunup')
  if (existsSync(launcher)) {
    const file = leadsTo(USUAL_PROGRAM) === leadsTo(launcher) ? USUAL_PROGRAM : launcher
    return { command: word(file), file }
  }
  const file = join(home, 'bin', 'sunup.js')
  return { command: `${word(node)} ${word(file)}`, file }
}

function leadsTo(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/** One word of a command, as systemd.service(5) reads them. */
function word(path: string): string {
  const text = escaped(path).replaceAll('$', '$$$$')
  return /[\s"';]/.test(text) ? `"${text.replaceAll('"', '\\"')}"` : text
}

/** Of specifiers (systemd.unit(5)), which stand everywhere. */
function escaped(path: string): string {
  return path.replaceAll('\\', '\\\\').replaceAll('%', '%%')
}
