import type { Clock } from '../core/clock.ts'
import type { Gate } from '../core/gate.ts'
import { probe } from './probe.ts'

export interface HealthUrlOptions {
  readonly url: string
  readonly clock: Clock
  /** How long it may take to answer 200. Default 30 s. */
  readonly withinMs?: number | undefined
}

/** Asks for the health file the way a balancer will, through the real server. It has nothing to close: the file is what is asked for. */
export function healthUrlGate({ url, clock, withinMs = 30_000 }: HealthUrlOptions): Gate {
  return {
    step: 'url',
    open: (_verified, signal) => probe({ url, headers: {}, status: 200, contains: undefined, withinMs }, signal, clock),
    async close() {},
  }
}
