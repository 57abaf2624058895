import type { Event, EventSink } from '../../core/events.ts'
import { boot } from '../../life/boot.ts'
import { partsOf } from '../place.ts'
import { reporting } from '../reporting.ts'
import type { Command } from '../verbs.ts'

const command: Command = (asked, world) => reporting('boot', asked, world, frame => boot({ ...frame, sinks: frame.sinks.map(afterClosing) }, partsOf(asked, world)))

export default command

/** That a run begins is told with what it does next, which is to close the gate: output that can't be written must not keep it open. */
function afterClosing(sink: EventSink): EventSink {
  let begun: Event | undefined
  return event => {
    if (event.type === 'run.started') begun = event
    else {
      if (begun) sink(begun)
      begun = undefined
      sink(event)
    }
  }
}
