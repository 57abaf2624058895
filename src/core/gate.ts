import type { GateStep } from './events.ts'

declare const proof: unique symbol

/** The proof that every resource was found settled after the last apply. Only engine/verify.ts makes one. */
export interface Verified {
  readonly [proof]: true
  readonly checked: number
}

/** Something that stands between the instance and traffic. */
export interface Gate {
  readonly step: GateStep
  open(verified: Verified, signal: AbortSignal): Promise<void>
  /** Closed already is fine. */
  close(signal: AbortSignal): Promise<void>
}
