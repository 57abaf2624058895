import type { Plain } from './plain.ts'

/** One thing that is not yet as it should be, as data: any reporter can show it.
 *  `from` and `to` are the values before and after; a text is given whole and shown as a unified diff.
 *  An `act` (restart, reload, command) is a deed, not a state: verify does not find it again. */
export interface Change {
  readonly type: 'create' | 'update' | 'remove' | 'act'
  readonly field?: string
  readonly from?: Plain
  readonly to?: Plain
  /** A unified diff; stands in place of `from` and `to` where these are texts of several lines. */
  readonly diff?: string
  readonly reason?: string
  /** The value is made with a secret: neither from, to nor diff is given. */
  readonly secret?: true
}
