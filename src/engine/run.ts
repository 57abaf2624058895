import type { CallCount } from '../core/cloud.ts'
import type { Clock } from '../core/clock.ts'
import type { Counts, EventSink, GateState } from '../core/events.ts'
import { noCounts } from '../core/events.ts'
import { asFailure, exitCodeOf, Failure, failureRecord } from '../core/failure.ts'
import { showDuration } from '../core/duration.ts'
import { records, type Records } from './records.ts'
import { story, type Story } from './story.ts'

type Calls = ReadonlyMap<string, CallCount>

export interface Frame {
  readonly command: string
  readonly version: string
  readonly clock: Clock
  readonly sinks: readonly EventSink[]
  /** Aborted by SIGINT, SIGTERM and SIGHUP, with the Failure as its reason. */
  readonly signal: AbortSignal
}

/** What a run's body is given, and tells about itself. */
export interface RunControl {
  readonly id: string
  readonly story: Story
  readonly clock: Clock
  /** Aborted by signals and by the deadline. */
  readonly signal: AbortSignal
  readonly records: Records
  /** Milliseconds since the run began. */
  elapsedMs(): number
  /** Ends the run so long after its beginning. */
  deadline(ms: number): void
  /** Work that never waits gives no timer its turn: asked before what must not be late. @throws Failure `run.deadline` */
  onTime(): void
  /** Ends the run with this failure, wherever it is. */
  abort(failure: Failure): void
  role(name: string): void
  gate(state: GateState): void
  counts(counts: Counts): void
  /** What the cloud was asked, by API; asked for when the run ends. */
  calls(of: () => Calls | undefined): void
  /** The exit code of a run that did not fail. Default 0. */
  exit(code: number): void
}

export interface Ended {
  readonly exitCode: number
  readonly failure: Failure | undefined
}

/** The frame of every run: it is told from its start to its end, whatever happens in between, and it has one exit code.
 *  @param body does the work; what it throws is how the run failed
 *  @param undo gets that failure, on a fresh signal, before the end is told: to close, and to tell the group. What it returns is the failure that
 *    is told, where it knows of worse */
export async function run(
  frame: Frame,
  body: (control: RunControl) => Promise<void>,
  undo: (failure: Failure, control: RunControl) => Promise<Failure | void>,
): Promise<Ended> {
  const { clock } = frame
  const startedAt = clock.monotonic()
  const kept = records()
  const id = runId(clock.now())
  const told = story(id, clock, [kept.sink, ...frame.sinks])
  const limit = new AbortController()
  const state = { counts: noCounts() as Counts, gate: 'untouched' as GateState, role: null as string | null }
  let exitCode = 0
  let limitMs = 0
  let late: Failure | undefined
  let calls: () => Calls | undefined = () => undefined
  let timer: NodeJS.Timeout | undefined
  const control: RunControl = {
    id,
    story: told,
    clock,
    records: kept,
    signal: AbortSignal.any([frame.signal, limit.signal]),
    elapsedMs: () => clock.monotonic() - startedAt,
    deadline(ms) {
      clearTimeout(timer)
      limitMs = ms
      late = new Failure('run.deadline', `the run's deadline of ${showDuration(ms)} has passed`, { hint: 'See which resource took so long with `sunup report`; the role may set a longer `deadline`.' })
      timer = setTimeout(() => limit.abort(late), Math.max(0, ms - control.elapsedMs()))
    },
    onTime() {
      if (late && control.elapsedMs() > limitMs) throw late
    },
    abort: failure => limit.abort(failure),
    role: name => void (state.role = name),
    gate: gate => void (state.gate = gate),
    counts: counts => void (state.counts = counts),
    calls: of => void (calls = of),
    exit: code => void (exitCode = code),
  }

  told.tell({ type: 'run.started', command: frame.command, version: frame.version, pid: process.pid })
  async function undone(why: Failure): Promise<Failure> {
    let worse: Failure | void = undefined
    await failureOf(async () => void (worse = await undo(why, control)))
    return worse ?? why
  }
  let failure = await failureOf(() => body(control))
  clearTimeout(timer)
  // Its end is recorded before it is told: a run that can't keep its record has failed.
  failure ??= await failureOf(async () => kept.flush())
  if (failure) failure = await undone(failure)
  const finished = (why: Failure | undefined): void =>
    told.tell({
      type: 'run.finished',
      ...state,
      exitCode: why ? exitCodeOf(why) : exitCode,
      durationMs: Math.round(control.elapsedMs() * 1_000) / 1_000,
      ...(calls()?.size && { calls: Object.fromEntries(calls() as Calls) }),
      ...(why && { error: failureRecord(why) }),
    })
  finished(failure)
  const unrecorded = await failureOf(async () => kept.finish())
  if (unrecorded && !failure) {
    failure = await undone(unrecorded)
  }
  return { exitCode: failure ? exitCodeOf(failure) : exitCode, failure }
}

async function failureOf(act: () => Promise<void>): Promise<Failure | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    return asFailure(error)
  }
}

/** Sorts by time, and can be typed: 20261120T224155.042-3fa9. */
function runId(now: number): string {
  return `${new Date(now).toISOString().slice(0, 23).replace(/[-:]/g, '')}-${Math.floor(Math.random() * 0x1_0000).toString(16).padStart(4, '0')}`
}
