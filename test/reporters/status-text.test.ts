import t from 'tap'
import type { EventBody } from '../../src/core/events.ts'
import { reportOf } from '../../src/core/report.ts'
import { statusText, type StatusFacts } from '../../src/reporters/status-text.ts'
import { matchesGolden } from '../support/golden.ts'
import { RUNS } from '../support/runs.ts'
import { told } from '../support/telling.ts'

function status(bodies: readonly EventBody[], more: Partial<StatusFacts> = {}): string {
  const facts: StatusFacts = {
    instance: 'i-0abc',
    role: 'web',
    revision: '8f3c2d19a7',
    checkedOut: false,
    gate: 'open',
    healthFile: '/run/sunup/health/ping.html',
    debts: [],
    begun: [],
    running: null,
    silent: null,
    report: reportOf(told(bodies)) ?? null,
    at: '2026-11-20T22:45:10.000Z',
    ...more,
  }
  return statusText(facts, { colour: false, reportCommand: 'sunup report' })
}

t.test('an instance that serves', async t => matchesGolden(t, 'serving.status.txt', status(RUNS['first-boot'] ?? [])))

t.test('an instance whose boot failed', async t => matchesGolden(t, 'failed.status.txt', status(RUNS['failed-boot'] ?? [], { gate: 'closed' })))

t.test('an instance that was never booted', async t => {
  matchesGolden(t, 'never.status.txt', status([], { instance: null, role: null, revision: null, gate: 'unknown', healthFile: null }))
})

t.test('what a killed run owes, and who pays it', async t => {
  const debts = [{ id: 'service[nginx]', act: 'reload', cause: 'file[/etc/nginx/nginx.conf]' }] as const
  matchesGolden(t, 'killed.status.txt', status((RUNS['first-boot'] ?? []).slice(0, 12), { gate: 'closed', debts }))
})

t.test('a revision of a directory that may have been edited is not shown as all there is', async t => {
  t.match(status(RUNS['first-boot'] ?? [], { checkedOut: true }), 'revision  8f3c2d19a7 (as checked out: edits in the directory are no part of it)\n')
})

t.test('a run that is going on', async t => {
  const text = status(RUNS['second-boot'] ?? [], { gate: 'closed', running: { command: 'boot', pid: 4711, run: null } })
  t.match(text, 'now       `sunup boot` is going on (process 4711)\n')
})

t.test('a run that has not ended is not called killed while somebody holds the lock', async t => {
  const text = status((RUNS['first-boot'] ?? []).slice(0, 12), { running: { command: null, pid: null, run: null } })
  t.match(text, 'not over yet')
  t.notMatch(text, 'killed')
})

t.test('an apply that was cut off is named; of a run that goes on it is what it is at', async t => {
  const events = (RUNS['first-boot'] ?? []).slice(0, 12)
  t.match(status(events, { begun: ['execute[migrate]'] }), 'cut off   execute[migrate] was cut off in the middle\n          hint: the next `sunup boot` does it anew\n')
  t.match(status(events, { begun: ['execute[migrate]'], running: { command: 'boot', pid: 1, run: null } }), 'at work   execute[migrate] was begun, and has not ended\n')
})

t.test('a newest run that left nothing is told of, before the last that can be read', async t => {
  t.match(status(RUNS['second-boot'] ?? [], { silent: 'x' }), /newest    run x left no record: it was killed, or could write none.*\nlast run  boot/)
  t.match(status([], { silent: 'x', running: { command: 'boot', pid: 1, run: 'x' } }), 'newest    run x has told nothing yet\n')
})

t.test('a run that failed by itself says why, too', async t => {
  t.match(status(RUNS['closed-by-the-probe'] ?? [], { gate: 'closed' }), 'failed    the probe http://127.0.0.1/ answered 502, not 200, for 30 s\n')
})

t.test('how long ago is said in one unit', async t => {
  const ago = (at: string): string | undefined => /\((.*) ago\)/.exec(status(RUNS['second-boot'] ?? [], { at }))?.[1]
  t.equal(ago('2026-11-20T22:41:56.000Z'), '1 second')
  t.equal(ago('2026-11-20T22:45:10.000Z'), '3 minutes')
  t.equal(ago('2026-11-21T22:45:10.000Z'), '24 hours')
  t.equal(ago('2026-11-30T22:45:10.000Z'), '10 days')
  t.equal(ago('2026-11-20T22:00:00.000Z'), undefined)
})
