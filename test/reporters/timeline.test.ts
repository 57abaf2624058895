import fc from 'fast-check'
import t from 'tap'
import type { Event, EventBody } from '../../src/core/events.ts'
import { criticalPath, timeline, type Timeline } from '../../src/reporters/timeline.ts'
import { drawTimeline, headline, showCriticalPath } from '../../src/reporters/timeline-text.ts'
import { matchesGolden } from '../support/golden.ts'
import { BEFORE, EVIL, TOLD, toldInTime } from '../support/report-pages.ts'
import { aRun, resource } from '../support/telling.ts'

const FIRST = TOLD['first-boot'] ?? []

function drawn(events: Iterable<Event>, before?: typeof BEFORE): Timeline {
  const found = timeline(events, before)
  if (!found) throw new Error('no run began')
  return found
}

function names(found: Timeline): readonly string[] {
  return found.spans.map(({ name }) => name)
}

t.test('a boot from the kernel’s start to the open gate reads as it always did', async t => matchesGolden(t, 'timeline.txt', drawTimeline(drawn(FIRST, BEFORE), 110)))

t.test('the spans of a run follow each other, and leave nothing out', async t => {
  for (const [name, events] of Object.entries(TOLD)) {
    const { spans, durationMs } = drawn(events)
    let at = 0
    for (const span of spans) {
      t.ok(Math.abs(span.startMs - at) <= 1.5, `${name}: ${JSON.stringify(span.name)} begins at ${span.startMs}, and what came before it ended at ${at}`)
      at = span.startMs + span.durationMs
    }
    t.ok(Math.abs(at - durationMs) <= 1.5, name)
  }
})

t.test('all up to the gate’s opening is critical, and nothing after it', async t => {
  const found = drawn(FIRST)
  t.strictSame(found.spans.filter(({ isCritical }) => !isCritical).map(({ name }) => name), ['end of the run'])
  t.equal(found.healthyMs, found.marks.find(({ name }) => name === 'gate open')?.atMs)
})

t.test('of the units those are critical that the run waited for, one after another', async t => {
  const found = drawn(FIRST, BEFORE)
  const units = criticalPath(found).filter(({ phase }) => phase === 'units')
  t.strictSame(units.map(({ name }) => name), ['kernel', 'systemd', 'cloud-init-local.service', 'systemd', 'systemd-networkd-wait-online.service', 'systemd', 'cloud-init.service', 'systemd', 'the program starts'])
  t.equal(units.reduce((sum, { durationMs }) => sum + durationMs, 0), BEFORE.runMs, 'together they are all of the time before the run')
  t.strictSame(found.spans.filter(({ kind, isCritical }) => kind === 'unit' && !isCritical).map(({ name, startMs, durationMs }) => [name, startMs + durationMs]), [
    ['systemd-udev-settle.service', 2_300],
    ['snapd.seeded.service', BEFORE.runMs],
  ], 'what went on beside them is cut off where the run begins')
})

t.test('units that wait for each other make no endless chain', async t => {
  const unit = (name: string, after: string) => ({ name, startMs: 100, upMs: 200, after: [after] })
  const found = drawn(FIRST, { ...BEFORE, units: [unit('sunup.service', 'a.service'), unit('a.service', 'b.service'), unit('b.service', 'a.service')] })
  t.match(names(found), ['kernel'])
})

t.test('in a container zero is systemd’s start, and no kernel is named', async t => {
  const found = drawn(FIRST, { ...BEFORE, from: 'systemd', systemdMs: 0 })
  t.notOk(names(found).includes('kernel'))
  t.match(headline(found), /after systemd’s start$/)
})

t.test('each part of a run has its phase', async t => {
  const { spans, phases } = drawn(FIRST, BEFORE)
  t.strictSame(phases.map(({ phase }) => phase), ['units', 'outset', 'prepare', 'activate', 'verify', 'open', 'end'])
  const of = (name: string): string | undefined => spans.find(span => span.name === name)?.phase
  t.strictSame(['source[https://git.example.com/infra.git]', 'role', 'package[git nginx]', 'address[app]', 'verify', 'probe[http://127.0.0.1/]', 'health file'].map(of), ['outset', 'outset', 'prepare', 'activate', 'verify', 'verify', 'open'])
})

t.test('resources of which no phase was told are drawn all the same', async t => {
  const events = FIRST.map(event => (event.type === 'resource.started' ? { type: event.type, id: event.id, run: event.run, at: event.at } : event)) as Event[]
  t.strictSame(drawn(events).phases.map(({ phase }) => phase), ['outset', 'converge', 'verify', 'open', 'end'])
})

t.test('a gate that was closed again let nobody in', async t => {
  t.equal(drawn(TOLD['closed-by-the-probe'] ?? []).healthyMs, null)
  const reopened = toldInTime([...aRun('boot', resource('file[/a]', 'unchanged')).slice(0, -1), { type: 'gate.closed', step: 'hook' }, { type: 'gate.kept-closed', reason: 'the hook' }])
  t.equal(drawn(reopened).healthyMs, null)
})

t.test('a run that was killed is drawn as far as it came, and says what it was at', async t => {
  const found = drawn(TOLD.torn ?? [])
  t.strictSame(found.spans.filter(({ isCutOff }) => isCutOff).map(({ name }) => name), ['directory[/srv/app]'])
  t.match(headline(found), /^no more was told 2\.3 s after/)
  t.match(drawTimeline(found), 'directory[/srv/app] (cut off)')
})

t.test('a run that told nothing but its beginning has a timeline, and one that told nothing has none', async t => {
  const found = drawn(FIRST.slice(0, 1))
  t.match(found, { durationMs: 0, spans: [], healthyMs: null })
  t.equal(drawTimeline(found).split('\n').length, 5)
  t.equal(timeline([]), undefined)
  t.equal(timeline(FIRST.slice(1)), undefined)
})

t.test('a clock that is set while a machine boots moves nothing', async t => {
  const still = drawn(FIRST)
  const finished = FIRST.findIndex(event => event.type === 'resource.finished' && event.id === 'package[git nginx]')
  const role = FIRST.findIndex(({ type }) => type === 'run.role')
  for (const [where, from] of [['in a resource', finished], ['between resources', role]] as const) {
    for (const [by, ms] of [['a year on', 365 * 86_400_000], ['an hour back', -3_600_000]] as const) {
      const set = FIRST.map((event, index) => (index < from ? event : { ...event, at: new Date(Date.parse(event.at) + ms).toISOString() }))
      const found = drawn(set)
      const slack = where === 'between resources' && ms < 0 ? 300 : 2
      t.ok(Math.abs(found.durationMs - still.durationMs) <= slack, `${where}, ${by}: ${found.durationMs} instead of ${still.durationMs}`)
      t.ok(Math.abs((found.spans.find(({ name }) => name === 'package[git nginx]')?.durationMs ?? 0) - 1_412.5) < 1, `${where}, ${by}`)
    }
  }
})

t.test('the critical path names the longest first, and sums up the rest', async t => {
  t.equal(showCriticalPath(drawn(FIRST, BEFORE), 3), 'package[git nginx] 1.4 s, kernel 1.3 s, cloud-init.service 1.3 s, and 27 more 5.1 s')
})

t.test('no line of a drawing is longer than it may be, none holds what a console obeys, and a bar is never off its axis', async () => {
  const body = fc.oneof(
    fc.record({ id: fc.constantFrom('file[/a]', EVIL, 'x'.repeat(300)), ms: fc.integer({ min: 0, max: 1e7 }), outcome: fc.constantFrom('changed' as const, 'failed' as const) }).map(({ id, ms, outcome }) => resource(id, outcome, { durationMs: ms })),
    fc.constant([{ type: 'gate.opened' } as EventBody]),
    fc.constant([{ type: 'run.verified', checked: 1 } as EventBody]),
  )
  fc.assert(
    fc.property(fc.array(body, { maxLength: 12 }), fc.integer({ min: 75, max: 200 }), fc.boolean(), (bodies, width, over) => {
      const run = toldInTime(aRun('boot', bodies.flat()))
      const lines = drawTimeline(drawn(over ? run : run.slice(0, -1), BEFORE), width).split('\n')
      return lines.every(line => /^[\x20-\x7e]*$/.test(line)) && lines.slice(2, -2).every(line => line.length <= width)
    }),
  )
})

t.test('a thousand resources are drawn in some dozens of lines', async t => {
  const text = drawTimeline(drawn(TOLD['a-thousand'] ?? []))
  t.ok(text.split('\n').length < 50)
  t.match(text, /and \d+ shorter waits, /)
})
