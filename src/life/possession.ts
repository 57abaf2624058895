import type { Clock } from '../core/clock.ts'
import { holderOf, lockHeld, tryLock, type Lock } from '../machine/lock.ts'

/** How long a boot waits for a re-render of the agent; never for a boot or a drain. */
const WAIT_FOR_WATCH_MS = 10_000
const ASK_AGAIN_MS = 50

/** Takes the machine for one run. @throws Failure `lock.held`, having touched nothing */
export async function possess(file: string, command: string, clock: Clock, signal: AbortSignal): Promise<Lock> {
  const until = clock.monotonic() + WAIT_FOR_WATCH_MS
  for (;;) {
    const lock = tryLock(file, { command, pid: process.pid })
    if (lock) return lock
    if (holderOf(file)?.command !== 'watch' || clock.monotonic() > until) throw lockHeld(file)
    await clock.sleep(ASK_AGAIN_MS, signal)
  }
}
