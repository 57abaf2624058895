import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Event } from '../core/events.ts'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { isRecord } from '../core/plain.ts'
import { readRegularText } from '../core/regular-file.ts'
import { reportOf, type Report } from '../core/report.ts'
import type { ResourceId } from '../core/resource.ts'
import { byAge } from './run-order.ts'

/** The ids of the runs that are kept, newest first.
 *  @param directory `<state>/<instance id>/runs`; none means no runs
 *  @throws Failure `file.denied` when it can't be listed */
export function runsIn(directory: string): string[] {
  const entries = unlessMissing(directory, () => readdirSync(directory, { withFileTypes: true })) ?? []
  return byAge(directory, entries.filter(entry => entry.isDirectory()).map(entry => entry.name)).reverse()
}

/** What a run was. One that was killed left events alone: they are folded into the report it never wrote.
 *  @param directory `<state>/<instance id>/runs`
 *  @param run one of runsIn's
 *  @returns undefined when there is no such run, or it left no record: killed before it had told anything, or on a full disk
 *  @throws Failure `file.denied` when its files can't be read */
export function readReport(directory: string, run: string): Report | undefined {
  // A run's id is one name: nothing outside the directory is opened by it.
  if (/[/\0]/.test(run) || run === '' || run === '.' || run === '..') return undefined
  const written = readText(join(directory, run, 'report.json'))
  const report = written === undefined ? undefined : parsed(written)
  // After a power cut the report may be there, and empty.
  if (isRecord(report) && Array.isArray(report.resources)) return { worthBaking: null, ...report } as unknown as Report
  const events = readText(join(directory, run, 'events.ndjson'))
  return events === undefined ? undefined : reportOf(eventsOf(events))
}

/** The run's events as far as they can be read, in their order; none where they are lost.
 *  @param directory as of readReport @param run one of runsIn's @throws Failure `file.denied` */
export function readEvents(directory: string, run: string): readonly Event[] {
  return [...eventsOf(readText(join(directory, run, 'events.ndjson')) ?? '')]
}

/** The newest run that can be read, and those after it that left nothing: killed before they told anything, or about to.
 *  @param directory as of readReport
 *  @throws Failure `file.denied` */
export function newestReport(directory: string): { readonly report: Report | undefined; readonly silent: readonly string[] } {
  const silent: string[] = []
  for (const run of runsIn(directory)) {
    const report = readReport(directory, run)
    if (report) return { report, silent }
    silent.push(run)
  }
  return { report: undefined, silent }
}

/** What of a run tells whether it was the one that a process was, and how far it came. */
export interface Trace {
  readonly run: string
  readonly pid: number
  readonly command: string
  /** ISO 8601 in UTC. */
  readonly startedAt: string
  /** undefined: it had none yet. */
  readonly role: string | undefined
  /** The source's commit; undefined: none, or not known yet. */
  readonly revision: string | undefined
  /** undefined: it has not told its end. */
  readonly exitCode: number | undefined
  /** The resource that it was at when it told something last. */
  readonly atWork: ResourceId | undefined
}

/** @param directory as of readReport @param run one of runsIn's @returns undefined where it has told nothing @throws Failure `file.denied` */
export function traceOf(directory: string, run: string): Trace | undefined {
  let trace: Trace | undefined
  for (const event of readEvents(directory, run)) {
    if (event.type === 'run.started') trace = { run, pid: event.pid, command: event.command, startedAt: event.at, role: undefined, revision: undefined, exitCode: undefined, atWork: undefined }
    if (trace === undefined) continue
    if (event.type === 'run.role') trace = { ...trace, role: event.role, revision: event.revision }
    if (event.type === 'resource.started') trace = { ...trace, atWork: event.id }
    if (event.type === 'resource.finished') trace = { ...trace, atWork: undefined }
    if (event.type === 'run.finished') trace = { ...trace, exitCode: event.exitCode }
  }
  return trace
}

/** The run's events as far as they can be read: the last line may be torn, and one in the middle where a full disk was. */
function* eventsOf(text: string): Iterable<Event> {
  for (const line of text.split('\n')) {
    const event = parsed(line)
    if (isRecord(event) && typeof event.type === 'string') yield event as unknown as Event
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readText(file: string): string | undefined {
  return unlessMissing(file, () => readRegularText(file))
}

function unlessMissing<T>(file: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw new Failure('file.denied', `the record of runs ${file} can't be read: ${messageOf(error)}`, { cause: error, hint: 'It belongs to whoever ran `sunup boot`, usually root.' })
  }
}
