import { showDuration } from '../core/duration.ts'
import type { Event, EventType, GateStep } from '../core/events.ts'
import { LEGEND, showChanges, type Showing } from './changes.ts'
import { ofResource, outputLines, showFailureRecord } from './failures.ts'
import { painter } from './paint.ts'
import { progress, type Progress, type ProgressOptions } from './progress.ts'
import type { Reporter } from './reporter.ts'
import { isPlan, showVerified, summary } from './summary.ts'
import { tally, type Tally } from './tally.ts'
import { visible } from './visible.ts'

export interface TextOptions {
  write(text: string): void
  /** The terminal's width, asked at each painting of the progress line; without a terminal it is never asked. */
  columns(): number
  /** Whether a terminal shows it: then a line tells what is going on. */
  readonly interactive: boolean
  readonly colour: boolean
  /** Settled resources, what commands print, and long diffs whole. */
  readonly verbose: boolean
  /** Default: performance.now. */
  now?(): number
  /** Default: an interval that keeps no process alive. */
  every?: ProgressOptions['every']
}

/** Tells a run to people, as it happens. What is as it should be is only counted, unless `verbose`. */
export function textReporter(options: TextOptions): Reporter {
  const { write, interactive, columns, now = () => performance.now(), every = interval } = options
  const showing: Showing = { paint: painter(options.colour), verbose: options.verbose }
  let told = beginning()
  let live: Progress | undefined
  let part: Part | undefined

  return {
    sink(event) {
      if (event.type === 'run.started') {
        told = beginning()
        part = undefined
        live?.end()
        live = interactive ? progress({ write, columns, paint: showing.paint, now, every }) : undefined
      }
      const lines = (FORMATTERS[event.type] as Formatter<EventType>)(event, told, showing)
      if (event.type === 'run.finished') {
        live?.end()
        live = undefined
      }
      live?.note(event)
      if (lines.length === 0) return
      const gap = part !== undefined && part !== PARTS[event.type] ? '\n' : ''
      part = PARTS[event.type]
      const text = `${gap}${lines.join('\n')}\n`
      if (live) live.print(text)
      else write(text)
    },
    finish() {
      live?.end()
      live = undefined
    },
  }
}

/** What later events of a run need of earlier ones. */
interface Told {
  command: string
  readonly resources: Tally
  /** What the resource at work has printed, as far as a failure would show it. */
  said: string[]
}

function beginning(): Told {
  return { command: '', resources: tally(), said: [] }
}

type Formatter<T extends EventType> = (event: Extract<Event, { readonly type: T }>, told: Told, showing: Showing) => readonly string[]

const GATE_CLOSED: Readonly<Record<GateStep, string>> = {
  registry: 'the registry row says so',
  health: 'the health file is gone',
  url: 'the health check is not asked',
  hook: 'the launch hook waits',
}
const GATE_OPENED: Readonly<Record<GateStep, string>> = {
  registry: 'the registry row says in service',
  health: 'the health file is written',
  url: 'the health check answers',
  hook: 'the launch hook, if any, is completed',
}

/** An event without a formatter does not compile. */
const FORMATTERS: { readonly [T in EventType]: Formatter<T> } = {
  'run.started': ({ command, version, run }, told, { paint }) => {
    told.command = command
    return [
      `${paint('strong', `sunup ${visible(command)}`)} ${paint('faint', `${visible(version)}, run ${visible(run)}`)}`,
      ...(isPlan(command) ? [paint('faint', `Looks only, changes nothing. ${LEGEND}`)] : []),
    ]
  },
  'run.role': ({ role, groups }, _told, { paint }) => [
    `role ${paint('strong', visible(role))}${groups.length === 0 ? '' : paint('faint', ` (security group${groups.length === 1 ? '' : 's'} ${groups.map(visible).join(', ')})`)}`,
  ],
  'gate.closed': ({ step }, _told, { paint }) => [`${paint('warn', 'gate closed')}: ${step === undefined ? 'no traffic comes in' : GATE_CLOSED[step]}`],
  'resource.started': (_event, told) => {
    told.said = []
    return []
  },
  'resource.checked': ({ id, changes }, _told, showing) => (changes.length === 0 ? [] : showChanges(id, changes, showing)),
  'resource.output': ({ text }, told, { paint, verbose }) => {
    const lines = outputLines(text)
    told.said = [...told.said, ...lines].slice(-SAID_LINES)
    return verbose ? lines.map(line => paint('faint', `    | ${line}`)) : []
  },
  'resource.finished': (event, told, showing) => {
    told.resources.note({ ...event, reason: event.reason ?? null, error: event.error ?? null })
    return finished(event, told, showing)
  },
  'run.verified': ({ checked }) => [showVerified(checked)],
  'gate.opened': ({ step }, _told, { paint }) => [step === undefined ? `${paint('good', 'gate open')}: traffic may come in` : `gate opening: ${GATE_OPENED[step]}`],
  'gate.kept-closed': ({ reason }, _told, { paint }) => [`${paint('warn', 'gate kept closed')}: ${visible(reason.split('\n', 1)[0] ?? '')}`],
  'lease.kept': ({ role, everyMs, load }) => [`lease kept: the row in ${visible(role)} is renewed every ${showDuration(everyMs)}, load ${load} per core`],
  'lease.missed': ({ error }, _told, { paint }) => [`${paint('warn', 'lease not renewed')}: ${visible(error.message.split('\n', 1)[0] ?? '')}; it is tried again`],
  'run.finished': (event, { resources, command }, { paint }) => summary({ ...event, command, error: event.error ?? null }, resources, paint),
}

type Part = 'frame' | 'work' | 'end'

/** An empty line stands between them. */
const PARTS: Readonly<Record<EventType, Part>> = {
  'run.started': 'frame',
  'run.role': 'frame',
  'gate.closed': 'frame',
  'resource.started': 'work',
  'resource.checked': 'work',
  'resource.output': 'work',
  'resource.finished': 'work',
  'run.verified': 'frame',
  'gate.opened': 'frame',
  'gate.kept-closed': 'frame',
  'lease.kept': 'frame',
  'lease.missed': 'frame',
  'run.finished': 'end',
}

const SAID_LINES = 20
/** What took less needs no mention where it happened. */
const LONG_MS = 1_000

function finished(event: Extract<Event, { readonly type: 'resource.finished' }>, told: Told, { paint, verbose }: Showing): string[] {
  const id = visible(event.id)
  const took = event.durationMs >= LONG_MS ? showDuration(event.durationMs) : undefined
  switch (event.outcome) {
    case 'failed': {
      const error = event.error ?? { message: 'no reason was given', hint: null, output: null }
      // What was printed is shown already where everything is, and again where the failure brings its last lines itself.
      const output = error.output ?? (verbose ? null : told.said.join('\n'))
      const lines = showFailureRecord(ofResource(event.id, { ...error, output }), paint)
      return [`${paint('bad', 'x')} ${paint('strong', id)} ${paint('bad', 'failed')}${took ? ` after ${took}` : ''}`, ...lines.map(line => `    ${line}`)]
    }
    case 'unknown':
      return [`${paint('note', '?')} ${paint('strong', id)} unknown${event.reason === undefined ? '' : ` ${visible(event.reason)}`}`]
    case 'changed':
      return took ? [paint('faint', `    took ${took}`)] : []
    case 'unchanged':
      return verbose ? [paint('faint', `= ${id}${took ? ` ${took}` : ''}`)] : []
    case 'skipped':
      return verbose ? [paint('faint', `. ${id} skipped${event.reason === undefined ? '' : `: ${visible(event.reason)}`}`)] : []
    case 'pending':
      return []
  }
}

/** Keeps no process alive: what is worth waiting for waits for itself. */
function interval(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms).unref()
  return () => clearInterval(timer)
}
