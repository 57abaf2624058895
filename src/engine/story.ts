import type { Clock } from '../core/clock.ts'
import type { Event, EventBody, EventSink } from '../core/events.ts'

/** Tells what happens, in order, to everyone who listens. */
export interface Story {
  readonly run: string
  tell(event: EventBody): void
}

/** @param run the run's id, which every event carries */
export function story(run: string, clock: Clock, sinks: readonly EventSink[]): Story {
  return {
    run,
    tell(body) {
      const event: Event = { ...body, run, at: new Date(clock.now()).toISOString() }
      for (const sink of sinks) sink(event)
    },
  }
}
