import type { Row } from '../core/cloud.ts'

/** One way to write the registry's rows. It is asked for by its file's name, and gives text piece by piece: a fleet of ten thousand is never held whole. */
export type Format = (rows: AsyncIterable<Row>, options: FormatOptions) => AsyncIterable<string>

export interface FormatOptions {
  /** The reader's wall clock, epoch milliseconds: ages and leases are told by it. */
  readonly now: number
  /** Text from outside as one line that a terminal can't be made to obey. */
  readonly visible: (text: string) => string
  readonly paint: (tone: 'good' | 'bad' | 'warn' | 'faint', text: string) => string
}
