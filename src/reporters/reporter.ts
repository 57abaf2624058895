import type { EventSink } from '../core/events.ts'

/** Someone who is told what a run does. */
export interface Reporter {
  readonly sink: EventSink
  /** Takes away what was only for the moment and stops timers. May be called more than once. */
  finish(): void
}
