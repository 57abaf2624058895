import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { allProcesses, look } from './git-processes.ts'

/** Processes that are to end: a command's group, a git with what it started. */
export interface Ending {
  isThere(): boolean
  tell(signal: NodeJS.Signals): void
}

export interface Endings {
  /** Asks them to end, and kills them 5 s later. */
  end(one: Ending): void
  /** When all that was asked to end is gone: 6 s after it was asked at the latest. What can't even be killed is not waited for any longer. */
  ended(): Promise<void>
}

/** Between the request to end and the end. */
const GRACE_MS = 5_000
/** Between the end by force and giving up on it. */
const DYING_MS = 1_000
const LOOK_EVERY_MS = 20

/** Ends processes, and keeps account of those that have not ended yet. */
export function endings(): Endings {
  const going = new Set<Promise<void>>()
  return {
    end(one) {
      const gone = finish(one).finally(() => going.delete(gone))
      going.add(gone)
    },
    async ended() {
      while (going.size > 0) await Promise.all(going)
    },
  }
}

async function finish({ isThere, tell }: Ending): Promise<void> {
  const askedAt = performance.now()
  tell('SIGTERM')
  for (;;) {
    await sleep(LOOK_EVERY_MS)
    if (!isThere()) return
    const passedMs = performance.now() - askedAt
    if (passedMs > GRACE_MS + DYING_MS) return
    // Again and again: it may be starting others.
    if (passedMs > GRACE_MS) tell('SIGKILL')
  }
}

/** A process group. One of which only zombies are left, that nobody collects, is gone. */
export function groupEnding(group: number): Ending {
  return {
    isThere: () => send(-group, 0) && allProcesses().some(pid => look(() => isOf(group, readFileSync(`/proc/${pid}/stat`, 'latin1')), false)),
    tell: signal => void send(-group, signal),
  }
}

function isOf(group: number, stat: string): boolean {
  // The name before it may hold anything.
  const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(itsGroup) === group && state !== 'Z' && state !== 'X'
}

/** false: nobody is there any more. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}
