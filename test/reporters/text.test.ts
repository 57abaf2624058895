import fc from 'fast-check'
import t from 'tap'
import type { Event, EventBody, EventType } from '../../src/core/events.ts'
import { textReporter, type TextOptions } from '../../src/reporters/text.ts'
import { matchesGolden } from '../support/golden.ts'
import { RUNS } from '../support/runs.ts'
import { screen } from '../support/screen.ts'
import { aRun, resource, told } from '../support/telling.ts'

const FAILED = { code: 'command.failed', message: 'it failed', hint: null, output: null } as const

function shown(events: readonly Event[], options: Partial<TextOptions> = {}): string {
  let text = ''
  const reporter = textReporter({ write: more => void (text += more), columns: () => 80, interactive: false, colour: false, verbose: false, ...options })
  events.forEach(reporter.sink)
  reporter.finish()
  return text
}

/** A terminal on which so many milliseconds pass at every event, and the progress line's timer runs after each. */
function onTerminal(events: readonly Event[], { columns = 80, msPerEvent = 150 } = {}) {
  let ms = 0
  let tick: (() => void) | undefined
  let writes = 0
  const terminal = screen(columns)
  const reporter = textReporter({
    write(text) {
      writes++
      terminal.write(text)
    },
    columns: () => columns,
    interactive: true,
    colour: true,
    verbose: false,
    now: () => ms,
    every(_ms, act) {
      tick = act
      return () => void (tick = undefined)
    },
  })
  for (const event of events) {
    reporter.sink(event)
    ms += msPerEvent
    if (msPerEvent >= 100) tick?.()
  }
  return { rows: terminal.rows, finish: reporter.finish, isTicking: () => tick !== undefined, writes: () => writes }
}

function plainRows(events: readonly Event[], columns: number): string[] {
  const paper = screen(columns)
  paper.write(shown(events))
  return paper.rows()
}

for (const [name, bodies] of Object.entries(RUNS)) {
  t.test(`${name} reads as it always did`, async t => matchesGolden(t, `${name}.txt`, shown(told(bodies))))
  t.test(`${name} in colours reads as it always did`, async t => matchesGolden(t, `${name}.colour.txt`, shown(told(bodies), { colour: true })))
  t.test(`${name} told in full reads as it always did`, async t => matchesGolden(t, `${name}.verbose.txt`, shown(told(bodies), { verbose: true })))

  t.test(`colours are all that colours add to ${name}`, async t => {
    t.equal(shown(told(bodies), { colour: true }).replace(/\x1b\[\d+m/g, ''), shown(told(bodies)))
  })

  t.test(`what remains of ${name} on a terminal is what a file would have`, async t => {
    for (const columns of [20, 80]) {
      const terminal = onTerminal(told(bodies), { columns })
      terminal.finish()
      t.strictSame(terminal.rows(), plainRows(told(bodies), columns))
    }
  })
}

t.test('every kind of event can be told', async t => {
  const samples: { readonly [T in EventType]: Extract<EventBody, { type: T }> } = {
    'run.started': { type: 'run.started', command: 'boot', version: '1.2.3', pid: 1 },
    'run.role': { type: 'run.role', role: 'web', groups: [], candidates: ['web'] },
    'gate.closed': { type: 'gate.closed' },
    'resource.started': { type: 'resource.started', id: 'file[/a]' },
    'resource.checked': { type: 'resource.checked', id: 'file[/a]', changes: [{ type: 'create' }] },
    'resource.output': { type: 'resource.output', id: 'file[/a]', stream: 'stdout', text: 'said\n' },
    'resource.finished': { type: 'resource.finished', id: 'file[/a]', outcome: 'failed', durationMs: 1 },
    'run.verified': { type: 'run.verified', checked: 1 },
    'gate.opened': { type: 'gate.opened' },
    'gate.kept-closed': { type: 'gate.kept-closed', reason: 'a warm pool' },
    'lease.kept': { type: 'lease.kept', role: 'web', everyMs: 30_000, load: 0.25 },
    'lease.missed': { type: 'lease.missed', error: FAILED },
    'run.finished': { type: 'run.finished', counts: { unchanged: 0, changed: 0, failed: 1, skipped: 0, pending: 0, unknown: 0 }, gate: 'closed', role: null, exitCode: 1, durationMs: 1 },
  }
  const silent = Object.values(samples).filter(body => shown(told([body]), { verbose: true }) === '')
  t.strictSame(silent.map(body => body.type), ['resource.started'])
})

t.test('what is settled is counted, not listed', async t => {
  const text = shown(told(aRun('boot', resource('file[/settled]', 'unchanged'))))
  t.notMatch(text, '/settled')
  t.match(text, '0 changed, 1 unchanged')
})

t.test('verbose lists what is settled and what is skipped', async t => {
  const text = shown(told(aRun('boot', [...resource('file[/settled]', 'unchanged'), ...resource('cron[x]', 'skipped', { reason: 'notIf: true' })])), { verbose: true })
  t.match(text, '= file[/settled]')
  t.match(text, '. cron[x] skipped: notIf: true')
})

t.test('what commands print is kept for a failure that does not bring its own', async t => {
  const failing = (error: object): string => shown(told(resource('execute[x]', 'failed', { output: 'first\nlast words\n', error: { ...FAILED, ...error } })))
  t.match(failing({}), '    | first\n    | last words\n')
  t.notMatch(failing({ output: 'its own' }), 'last words')
})

t.test('what a command printed for one resource is not shown for the next', async t => {
  const text = shown(told([...resource('execute[a]', 'changed', { changes: [{ type: 'act' }], output: 'from a\n' }), ...resource('execute[b]', 'failed', { error: FAILED })]))
  t.notMatch(text, 'from a')
})

t.test('a failure below the line of its resource does not name it again', async t => {
  const text = shown(told(resource('git[/a]', 'failed', { error: { ...FAILED, message: 'git[/a]: the ref is gone' } })))
  t.match(text, 'x git[/a] failed\n    the ref is gone\n')
})

t.test('a failure is explained once', async t => {
  const text = shown(told(RUNS['failed-boot'] ?? []))
  t.equal(text.split('nginx -t ended with 1').length, 2)
  t.match(text, 'failed: configTree[/etc/nginx/sunup], see above')
})

t.test('what was slow is named when it took a tenth of the run and more than a blink', async t => {
  const slow = (durationMs: number, runMs: number): boolean => /^slow: /m.test(shown(told(aRun('boot', resource('git[/a]', 'unchanged', { durationMs }), { durationMs: runMs }))))
  t.equal(slow(60, 400), true)
  t.equal(slow(60, 700), false)
  t.equal(slow(40, 45), false)
})

t.test('the three slowest are named, slowest first', async t => {
  const resources = [100, 400, 200, 300].flatMap(durationMs => resource(`git[/${durationMs}]`, 'unchanged', { durationMs }))
  t.match(shown(told(aRun('boot', resources, { durationMs: 1_000 - 1 }))), 'slow: git[/400] 400 ms, git[/300] 300 ms, git[/200] 200 ms\n')
})

t.test('a plan says that nothing was changed, whether there is something to change or not', async t => {
  t.match(shown(told(RUNS.plan ?? [])), '4 would change, 1 unknown, 1 unchanged; nothing was changed')
  t.match(shown(told(aRun('plan', resource('file[/a]', 'unchanged')))), '0 would change, 0 unknown, 1 unchanged; nothing was changed')
})

t.test('no text from outside reaches the terminal as a command to it', async t => {
  const evil = 'x\x1b[2J\x9b2J\r\x07\u202e\x7fy'
  const error = { code: 'command.failed', message: evil, hint: evil, output: evil } as const
  const text = shown(
    told([
      { type: 'run.started', command: evil, version: evil, pid: 1 },
      { type: 'run.role', role: evil, groups: [evil], candidates: [] },
      ...resource(evil, 'failed', {
        changes: [
          { type: 'update', field: evil, from: evil, to: { key: evil }, reason: evil },
          { type: 'update', field: evil, diff: `--- a\n+++ b\n@@ -1 +1 @@\n-${evil}\n+${evil}\n` },
          { type: 'act', field: evil, reason: evil },
        ],
        output: `${evil}\n`,
        error,
      }),
      ...resource(`2${evil}`, 'unknown', { reason: evil }),
      ...resource(`3${evil}`, 'skipped', { reason: evil }),
      { type: 'gate.kept-closed', reason: evil },
      { type: 'run.finished', counts: { unchanged: 0, changed: 0, failed: 1, skipped: 1, pending: 0, unknown: 1 }, gate: 'closed', role: evil, exitCode: 1, durationMs: 1, error: { ...error, code: 'bug' } },
    ]),
    { verbose: true },
  )
  t.notMatch(text, /[^\n\x20-\x7e]/)
  t.match(text, 'x\\x1b[2J\\x9b2J')
})

t.test('a line of the progress is never longer than the terminal, whatever it names', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 120 }), fc.string({ unit: 'binary', maxLength: 60 })), { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 60 }), (names, columns) => {
      const events = told([
        { type: 'run.started', command: 'boot', version: '1', pid: 1 },
        ...names.flatMap(([id, output]) => resource(id, 'unchanged', { output })).slice(0, -1),
      ])
      // All that was told so far is one line, and the progress below it.
      return onTerminal(events, { columns }).rows().length === plainRows(events, columns).length
    }),
  )
})

t.test('the progress says what is being done, for how long, and what it last said', async t => {
  const events = told([{ type: 'run.started', command: 'boot', version: '1', pid: 1 }, ...resource('file[/a]', 'changed', { changes: [{ type: 'create' }] }), ...resource('git[/b]', 'unchanged', { output: 'Receiving:  10%\rReceiving:  70%\r\n' }).slice(0, 3)])
  t.equal(onTerminal(events, { msPerEvent: 600 }).rows().at(-1), '4.2 s  1 done, 1 changed  git[/b] for 1.8 s Receiving:  70%')
})

t.test('the progress is gone and its timer stopped when the run is over, and when it is given up', async t => {
  const events = told([{ type: 'run.started', command: 'boot', version: '1', pid: 1 }, ...resource('file[/a]', 'unchanged')])
  const given = onTerminal(events)
  t.equal(given.isTicking(), true)
  given.finish()
  given.finish()
  t.equal(given.isTicking(), false)
  t.equal(given.rows().at(-1), '')
  t.equal(onTerminal(told(aRun('boot', []))).isTicking(), false)
})

t.test('a run that is over at once shows no progress', async t => {
  const events = told(aRun('boot', resource('file[/a]', 'unchanged')))
  let text = ''
  const reporter = textReporter({ write: more => void (text += more), columns: () => 80, interactive: true, colour: false, verbose: false, now: () => 1, every: () => () => {} })
  events.forEach(reporter.sink)
  t.equal(text, shown(events))
})

t.test('the work for a resource does not grow with their number', async t => {
  const many = (count: number, outcome: 'unchanged' | 'changed'): readonly Event[] =>
    told(aRun('boot', Array.from({ length: count }, (_, index) => resource(`file[/${String(index).padStart(5, '0')}]`, outcome, { changes: outcome === 'changed' ? [{ type: 'create' }] : [], durationMs: index % 900 })).flat(), { durationMs: 1e9 }))
  const settled = onTerminal(many(10_000, 'unchanged'), { msPerEvent: 0.1 })
  // 30,000 events in 3 seconds: the line is painted each tenth of one.
  t.ok(settled.writes() < 60, `${settled.writes()} writes`)
  t.ok(shown(many(10_000, 'changed')).length < 11 * shown(many(1_000, 'changed')).length)
})

t.test('a second run in one process starts anew', async t => {
  const once = shown(told(RUNS['failed-boot'] ?? []))
  t.equal(shown(told([...(RUNS['failed-boot'] ?? []), ...(RUNS['failed-boot'] ?? [])])), once + once)
})
