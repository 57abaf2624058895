import { showDuration } from '../core/duration.ts'
import type { Event } from '../core/events.ts'
import type { ResourceId } from '../core/resource.ts'
import { outputLines } from './failures.ts'
import type { Paint } from './paint.ts'
import { cut, visible } from './visible.ts'

export interface ProgressOptions {
  write(text: string): void
  /** Asked each time: terminals are resized. */
  columns(): number
  readonly paint: Paint
  /** Milliseconds from an arbitrary start. */
  now(): number
  /** Calls `act` every so often, until the function it returns is called. */
  every(ms: number, act: () => void): () => void
}

/** The line at the bottom of a terminal that says what is being done right now. */
export interface Progress {
  /** Takes note; paints when the line was last painted a while ago. */
  note(event: Event): void
  /** Writes whole lines above the progress line. */
  print(text: string): void
  /** Takes the line away and paints no more. */
  end(): void
}

/** Shorter runs show no progress at all, and a thousand settled files cost no writes. */
const PAINT_MS = 100
/** Back to the first column, and erase to the end of the line. */
const ERASE = '\r\x1b[K'

export function progress({ write, columns, paint, now, every }: ProgressOptions): Progress {
  const startedAt = now()
  let paintedAt = startedAt
  let shown = false
  let done = 0
  let changed = 0
  let current: { readonly id: ResourceId; readonly since: number; said: string } | undefined

  const draw = (): string => {
    const at = now()
    paintedAt = at
    shown = true
    const counted = `${done} done${changed > 0 ? `, ${changed} changed` : ''}`
    const doing = current && [visible(current.id), at - current.since >= 1_000 ? `for ${seconds(at - current.since)}` : '', current.said].filter(Boolean).join(' ')
    const line = [seconds(at - startedAt), counted, ...(doing ? [doing] : [])].join('  ')
    // The last column stays free: writing there leaves terminals in two minds about where the cursor is.
    return `${ERASE}${paint('faint', cut(line, columns() - 1))}`
  }
  const stop = every(PAINT_MS, () => write(draw()))

  return {
    note(event) {
      if (event.type === 'resource.started') current = { id: event.id, since: now(), said: '' }
      if (event.type === 'resource.output' && current) current.said = outputLines(event.text).findLast(line => line.trim() !== '')?.trim() ?? current.said
      if (event.type === 'resource.finished') {
        done++
        if (event.outcome === 'changed') changed++
        current = undefined
      }
      // A check that does not yield lets no timer run.
      if (now() - paintedAt >= PAINT_MS) write(draw())
    },
    print(text) {
      write(shown ? `${ERASE}${text}${draw()}` : text)
    },
    end() {
      stop()
      if (shown) write(ERASE)
      shown = false
    },
  }
}

/** With one decimal always, so that the line does not tremble. */
function seconds(ms: number): string {
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : showDuration(ms)
}
