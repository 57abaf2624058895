import { appendFileSync, lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '../core/failure.ts'
import { ownPath } from '../core/own-path.ts'

/** Runs are named by the clock, and a clock can have been ahead: in `<state>/order` they stand as they began, one id a line. */
const ORDER = 'order'
/** Bytes; some thousand runs. */
const MOST = 65_536

/** Writes down that a run has begun. @param runs `<state>/<instance id>/runs` @throws as appendFile, Failure `file.escape` */
export function noteRun(runs: string, id: string): void {
  const file = ownPath(stateOf(runs), ORDER)
  if ((lstatSync(file, { throwIfNoEntry: false })?.size ?? 0) > MOST) writeFileSync(file, `${linesOf(file).slice(-1_000).join('\n')}\n`, { mode: 0o600 })
  appendFileSync(file, `${id}\n`, { mode: 0o600 })
}

/** The same ids, the oldest first. Those that nobody wrote down are older than all others, and go by their names.
 *  @param runs `<state>/<instance id>/runs` */
export function byAge(runs: string, ids: readonly string[]): string[] {
  const ranks = new Map(linesOf(join(stateOf(runs), ORDER)).map((id, index) => [id, index]))
  const rank = (id: string): number => ranks.get(id) ?? -1
  return [...ids].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

function stateOf(runs: string): string {
  return join(runs, '../..')
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(line => line !== '')
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    // Their names are an order, too.
    return []
  }
}
