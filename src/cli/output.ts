import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { errnoOf } from '../core/failure.ts'

/** How long a run that nobody attends waits for a reader that has stopped reading. */
const PATIENCE_MS = 2_000
const LOOK_AGAIN_MS = 5

/** Writes to a descriptor: synchronously, and without loading Node's streams. A reader that has gone away is no fault of the run.
 *  @param leavesOut what nobody reads is left out after a while, and the run goes on: with a full pipe it would stand still, deadline and signals
 *    unheard. Of a pipe alone: a socket can't be opened anew */
export function output(descriptor: number, leavesOut: boolean): (text: string) => void {
  let own: number | undefined
  let isStuck = false
  return text => {
    own ??= leavesOut ? unblocking(descriptor) : descriptor
    const bytes = Buffer.from(text)
    let waitedMs = 0
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(own, bytes, at)
        waitedMs = 0
        isStuck = false
      } catch (error) {
        const code = errnoOf(error)
        if (code === 'EPIPE') return
        if (code !== 'EAGAIN') throw error
        isStuck ||= leavesOut && waitedMs >= PATIENCE_MS
        if (isStuck) return
        // A full pipe that does not block: wait for its reader.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS)
        waitedMs += LOOK_AGAIN_MS
      }
    }
  }
}

/** The same pipe, as a descriptor that never blocks: to say so of the one that was given would say it to all who share it. */
function unblocking(descriptor: number): number {
  try {
    return fstatSync(descriptor).isFIFO() ? openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK) : descriptor
  } catch {
    // It has no reader, or is another user's: then as it was given.
    return descriptor
  }
}
