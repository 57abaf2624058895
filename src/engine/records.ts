import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Event, EventSink } from '../core/events.ts'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { reportOf } from '../core/report.ts'
import { makeDirectory } from '../core/make-directory.ts'
import { byAge, noteRun } from './run-order.ts'

/** Keeps a run's events and report under `<state>/<instance id>/runs/<run id>/`. */
export interface Records {
  readonly sink: EventSink
  /** Where they go; until it is said they are held in memory. What was told so far is put there. @throws Failure `file.denied`, `disk.full` */
  keepIn(directory: string): void
  /** Puts what was told so far on disk. */
  flush(): void
  /** Writes the report and lets go of the oldest runs. */
  finish(): void
}

const RUNS_KEPT = 20
/** Settled resources are told by the thousand: they are written together. */
const FLUSH_AFTER = 500

export function records(): Records {
  const events: Event[] = []
  let written = 0
  let directory: string | undefined

  function flush(): void {
    if (directory === undefined || written === events.length) return
    const text = events.slice(written).map(event => `${JSON.stringify(event)}\n`).join('')
    const file = join(directory, 'events.ndjson')
    guarded(file, () => appendFileSync(file, text, { mode: 0o600 }))
    written = events.length
  }

  return {
    sink(event) {
      events.push(event)
      if (events.length - written >= FLUSH_AFTER || isTurn(event)) {
        try {
          flush()
        } catch {
          // A sink must not throw; the end of the run writes again, and fails aloud.
        }
      }
    },
    keepIn(chosen) {
      directory = chosen
      guarded(chosen, () => {
        makeDirectory(dirname(chosen), 0o700)
        // Before its directory: killed in between, it is still the last one.
        noteRun(dirname(chosen), basename(chosen))
        makeDirectory(chosen, 0o700)
      })
      flush()
    },
    flush,
    finish() {
      if (directory === undefined) return
      flush()
      const report = reportOf(events)
      const file = join(directory, 'report.json')
      // One that was cut off in the middle is no JSON: then the events tell of it.
      guarded(file, () => writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`, { mode: 0o600 }))
      forgetOldest(dirname(directory))
    },
  }
}

/** Whether a run may now be slow, or changes something, or has: were it killed, its record would have to say so. A settled run has one such turn. */
function isTurn(event: Event): boolean {
  if (event.type === 'resource.checked') return event.changes.length > 0
  return event.type === 'run.role' || (event.type === 'resource.finished' && event.outcome === 'changed')
}

function forgetOldest(runs: string): void {
  const ids = byAge(runs, readdirSync(runs))
  for (const id of ids.slice(0, Math.max(0, ids.length - RUNS_KEPT))) rmSync(join(runs, id), { recursive: true, force: true })
}

function guarded(file: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied'
    throw new Failure(code, `the run's record ${file} can't be written: ${messageOf(error)}`, { cause: error })
  }
}
