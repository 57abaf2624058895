import type { Event, EventBody } from '../../src/core/events.ts'
import { reportOf } from '../../src/core/report.ts'
import { timelinePage } from '../../src/reporters/html/page.ts'
import { timeline } from '../../src/reporters/timeline.ts'
import type { Before } from '../../src/reporters/units.ts'
import { RUNS } from './runs.ts'
import { aRun, resource } from './telling.ts'

const RUN = '20261120T224155.000-3fa9'
const STARTED_MS = Date.UTC(2026, 10, 20, 22, 41, 55)
/** How long a run takes until it tells these, of its own. */
const OWN_MS: Readonly<Partial<Record<EventBody['type'], number>>> = { 'gate.closed': 4, 'run.role': 240, 'run.verified': 310, 'gate.opened': 120, 'gate.kept-closed': 20, 'run.finished': 15 }

/** Events at the times at which a run would tell them, with the phases of their resources; how long it took is made to fit. */
export function toldInTime(bodies: readonly EventBody[]): Event[] {
  let ms = 0
  return bodies.map(body => {
    ms += body.type === 'resource.finished' ? body.durationMs : (OWN_MS[body.type] ?? 0)
    const at = new Date(STARTED_MS + Math.round(ms)).toISOString()
    if (body.type === 'run.finished') return { ...body, durationMs: ms, run: RUN, at }
    if (body.type === 'resource.finished' && body.id.startsWith('service[')) return { ...body, leftToBoot: 'services are started by the boot', run: RUN, at }
    if (body.type !== 'resource.started' || /^(?:source|probe)\[/.test(body.id)) return { ...body, run: RUN, at }
    return { ...body, phase: /^(?:address|registry)\[/.test(body.id) ? 'activate' : 'prepare', run: RUN, at }
  })
}

/** A machine whose cloud-init waited for the network, and sunup for cloud-init; snapd went on beside them. */
export const BEFORE: Before = {
  from: 'kernel',
  systemdMs: 1_320,
  unit: 'sunup.service',
  startedMs: 5_210,
  runMs: 5_290,
  units: [
    { name: 'systemd-udev-settle.service', startMs: 1_500, upMs: 2_300, after: [] },
    { name: 'cloud-init-local.service', startMs: 1_700, upMs: 2_750, after: [] },
    { name: 'systemd-networkd-wait-online.service', startMs: 2_800, upMs: 3_900, after: ['cloud-init-local.service'] },
    { name: 'network-online.target', startMs: 3_900, upMs: 3_900, after: ['systemd-networkd-wait-online.service'] },
    { name: 'cloud-init.service', startMs: 3_920, upMs: 5_180, after: ['systemd-networkd-wait-online.service'] },
    { name: 'snapd.seeded.service', startMs: 3_000, upMs: 7_000, after: [] },
    { name: 'sunup.service', startMs: 5_200, upMs: Infinity, after: ['cloud-init.service', 'network-online.target', 'absent.service'] },
  ],
}

/** What would take a page over, or hide in it. */
export const EVIL = `"><script>alert(1)</script><img src=x onerror=alert(1)>' onload='x' \`\${1}\` </style></pre>\u202e\x1b[2J\r\0`

/** Runs of every kind, by name. */
export const TOLD: Readonly<Record<string, readonly Event[]>> = {
  ...Object.fromEntries(Object.entries(RUNS).map(([name, bodies]) => [name, toldInTime(bodies)])),
  'first-boot': toldInTime(firstBoot()),
  torn: toldInTime(firstBoot().slice(0, 13)),
  'a-thousand': toldInTime(aRun('boot', Array.from({ length: 1_000 }, (_, index) => index).flatMap(index => template(index, index % 97 === 0)))),
  evil: toldInTime(evilRun()),
}

export function pageOf(events: readonly Event[], before?: Before): string {
  const report = reportOf(events)
  if (!report) throw new Error('these events make no report')
  return timelinePage(report, timeline(events, before), { instance: 'i-0abc123def456' })
}

function firstBoot(): EventBody[] {
  const bodies = [...(RUNS['first-boot'] ?? [])]
  const source = resource('source[https://git.example.com/infra.git]', 'changed', { durationMs: 640, changes: [{ type: 'create', field: 'commit', to: 'ab12cd34' }] })
  bodies.splice(bodies.findIndex(({ type }) => type === 'run.role'), 0, ...source)
  bodies.splice(bodies.findIndex(({ type }) => type === 'run.verified') + 1, 0, ...resource('probe[http://127.0.0.1/]', 'unchanged', { durationMs: 420 }))
  return bodies
}

function template(index: number, changes: boolean): EventBody[] {
  const diff = '--- is\n+++ should be\n@@ -1,2 +1,2 @@\n-workers = 4\n+workers = 8\n keep = yes\n'
  return resource(`template[/etc/app/conf.d/${index}.conf]`, changes ? 'changed' : 'unchanged', changes ? { durationMs: 40 + index / 20, changes: [{ type: 'update', field: 'content', diff }] } : { durationMs: 0.2 })
}

function evilRun(): EventBody[] {
  const error = { code: 'command.failed', message: EVIL, hint: EVIL, output: `${EVIL}\n${EVIL}` } as const
  return [
    { type: 'run.started', command: EVIL, version: EVIL, pid: 1 },
    { type: 'gate.closed', step: 'health' },
    { type: 'run.role', role: EVIL, groups: [EVIL], candidates: [EVIL] },
    ...resource(EVIL, 'failed', {
      durationMs: 300,
      error,
      changes: [
        { type: 'update', field: EVIL, from: EVIL, to: { [EVIL]: EVIL }, reason: EVIL },
        { type: 'update', field: EVIL, diff: `--- a\n+++ b\n@@ -1 +1 @@ ${EVIL}\n-${EVIL}\n+${EVIL}\n` },
        { type: 'create', field: 'content', secret: true, to: 'hunter2', diff: '@@\n+hunter2\n' },
      ],
    }),
    ...resource(`2${EVIL}`, 'skipped', { reason: EVIL }),
    { type: 'gate.kept-closed', reason: EVIL },
    { type: 'run.finished', counts: { unchanged: 0, changed: 0, failed: 1, skipped: 1, pending: 0, unknown: 0 }, gate: 'closed', role: EVIL, exitCode: 1, durationMs: 1, calls: { [EVIL]: { count: 1, retries: 0, throttles: 0 } }, error: { ...error, message: `other ${EVIL}` } },
  ]
}
