import { showDuration } from '../core/duration.ts'
import type { WorthBaking } from '../core/report.ts'
import { counted } from './counted.ts'
import type { Showing } from './changes.ts'
import { visible } from './visible.ts'

/** The slowest are what it is about. */
const SHOWN = 10

/** What a boot changed that its image could have had, slowest first, each with its time. Nothing where there is none. */
export function showWorthBaking(found: WorthBaking | null, { paint, verbose }: Showing): string[] {
  if (found === null || found.resources.length === 0) return []
  const shown = found.resources.slice(0, verbose ? undefined : SHOWN)
  const rest = found.resources.slice(shown.length)
  const restMs = rest.reduce((sum, { durationMs }) => sum + durationMs, 0)
  return [
    `${paint('note', 'worth baking:')} ${counted(found.resources.length, 'resource')} that an image could have had, ${showDuration(found.durationMs)} together`,
    ...shown.map(({ id, durationMs }) => `    ${showDuration(durationMs).padStart(8)}  ${visible(id)}`),
    ...(rest.length === 0 ? [] : [paint('faint', `    ${showDuration(restMs).padStart(8)}  ${rest.length} more (--verbose names them)`)]),
  ]
}
