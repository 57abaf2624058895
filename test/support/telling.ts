import type { Change } from '../../src/core/change.ts'
import { noCounts, type Counts, type Event, type EventBody, type Outcome } from '../../src/core/events.ts'
import type { FailureRecord } from '../../src/core/failure.ts'

const RUN = '20261120T224155-3fa9c1'
const STARTED_MS = Date.UTC(2026, 10, 20, 22, 41, 55)

/** Events as one run tells them, a tenth of a second apart. */
export function told(bodies: readonly EventBody[]): Event[] {
  return bodies.map((body, index) => ({ ...body, run: RUN, at: new Date(STARTED_MS + index * 100).toISOString() }))
}

export interface Telling {
  readonly changes?: readonly Change[]
  readonly output?: string
  readonly durationMs?: number
  readonly reason?: string
  readonly error?: FailureRecord
}

/** One resource from its start to its end. */
export function resource(id: string, outcome: Outcome, { changes, output, durationMs = 0.4, reason, error }: Telling = {}): EventBody[] {
  return [
    { type: 'resource.started', id },
    ...(changes || outcome === 'unchanged' ? [{ type: 'resource.checked', id, changes: changes ?? [] } as const] : []),
    ...(output === undefined ? [] : [{ type: 'resource.output', id, stream: 'stdout', text: output } as const]),
    { type: 'resource.finished', id, outcome, durationMs, ...(reason !== undefined && { reason }), ...(error && { error }) },
  ]
}

/** A run of the role web around its resources. */
export function aRun(command: string, resources: readonly EventBody[], end: Partial<Extract<EventBody, { type: 'run.finished' }>> = {}): EventBody[] {
  const closes = !command.includes('plan')
  const counts = countsOf(resources)
  return [
    { type: 'run.started', command, version: '1.2.3', pid: 4711 },
    ...(closes ? ([{ type: 'gate.closed', step: 'health' }, { type: 'gate.closed' }] as const) : []),
    { type: 'run.role', role: 'web', groups: ['web', 'default'], candidates: ['web'] },
    ...resources,
    ...(closes && (end.exitCode ?? 0) === 0 ? opening(resources) : []),
    { type: 'run.finished', counts, gate: closes ? 'open' : 'untouched', role: 'web', exitCode: 0, durationMs: 2_400, ...end },
  ]
}

function opening(resources: readonly EventBody[]): EventBody[] {
  const checked = resources.filter(event => event.type === 'resource.finished').length
  return [{ type: 'run.verified', checked }, { type: 'gate.opened', step: 'registry' }, { type: 'gate.opened', step: 'health' }, { type: 'gate.opened' }]
}

function countsOf(resources: readonly EventBody[]): Counts {
  const counts = noCounts()
  for (const event of resources) if (event.type === 'resource.finished') counts[event.outcome]++
  return counts
}
