import { readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'
import type { Report } from '../core/report.ts'
import { readEvents, traceOf } from '../engine/history.ts'
import { hostMachine } from '../machine/machine.ts'
import type { World } from './compose.ts'
import type { Asked } from './verbs.ts'

/** systemd that does not answer must not hold up a page. */
const ASKING_MS = 5_000

/** Where `report --html` is to write, checked before anything is read: an absolute path on the host, or `-`; undefined without the option.
 *  @throws Failure `usage`, `file.kind`, `file.denied` */
export function fileForPage({ html, list, format }: Asked, { cwd }: World): string | undefined {
  if (html === undefined) return undefined
  if (list === true || format === 'json') throw new Failure('usage', `--html and ${list === true ? '--list' : '--format json'} are two kinds of answers`, { hint: 'Ask for one of them.' })
  if (typeof html !== 'string' || html === '') throw new Failure('usage', '--html needs a file, or - for standard output')
  if (html === '-') return html
  const path = resolve(html.startsWith('/') ? '/' : cwd(), html)
  // A link is written through: what it points to is the file that was meant.
  const there = lookAt(path)
  const target = there ? realpathSync(path) : pointedTo(path)
  if (there?.isDirectory()) throw new Failure('file.kind', `${html} is a directory`, { hint: `Name a file in it, e.g. --html ${html.replace(/\/+$/, '')}/report.html` })
  if (there && !there.isFile()) throw new Failure('file.kind', `${html} is no regular file`, { hint: 'For a pipe, --html - writes to standard output.' })
  const directory = lookAt(dirname(target))
  if (directory === undefined) throw new Failure('file.kind', `the directory ${dirname(target)} does not exist, so ${basename(target)} can't be written into it`, { hint: `Make it first: mkdir -p ${dirname(target)}` })
  if (!directory.isDirectory()) throw new Failure('file.kind', `${dirname(target)} is no directory`)
  return target
}

/** Writes the page whole or not at all: what was there stays until the new one is complete. Only its owner may read it, as the records that it is made of.
 *  @param file as fileForPage has found it @throws Failure `file.denied`, `disk.full` */
export async function writePage(file: string, report: Report, { runs, machine }: { readonly runs: string; readonly machine: Machine }, world: World): Promise<void> {
  const [{ timeline }, { timelinePage }, { unitsBefore }] = await Promise.all([import('../reporters/timeline.ts'), import('../reporters/html/page.ts'), import('../life/systemd/units-before.ts')])
  const trace = report.command === 'boot' && !machine.staging ? traceOf(runs, report.run) : undefined
  const before = trace && (await unitsBefore(machine, trace, AbortSignal.any([world.signal, AbortSignal.timeout(ASKING_MS)])).catch(() => undefined))
  const own = basename(dirname(runs))
  const page = timelinePage(report, timeline(readEvents(runs, report.run), before), { instance: own.startsWith('unknown-') ? null : own })
  if (file === '-') return world.write(page)
  hostMachine().write(file, page, { mode: '0600' })
  world.write(`run ${report.run}: ${file}\n`)
}

/** Where a link leads to nothing, that is what is to be made. */
function pointedTo(path: string): string {
  try {
    return pointedTo(resolve(dirname(path), readlinkSync(path)))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return path
    throw new Failure('file.denied', `${path} can't be looked at: ${messageOf(error)}`, { cause: error })
  }
}

/** @returns undefined where nothing is */
function lookAt(path: string): ReturnType<typeof statSync> | undefined {
  try {
    return statSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw new Failure('file.denied', `${path} can't be looked at: ${messageOf(error)}`, { cause: error })
  }
}
