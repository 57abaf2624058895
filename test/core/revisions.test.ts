import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import type { BootOfRevision, RevisionHistory } from '../../src/core/cloud.ts'
import { FAILURES_COUNTED, historyFault, lastGood, NO_HISTORY, REVISIONS_KEPT, shouldLeave, withFailed, withGood } from '../../src/core/revisions.ts'

interface Boot {
  readonly revision: string
  readonly isGood: boolean
}

function bootOf(revision: string, run: string, appRevision: string | null = null): BootOfRevision {
  return { revision, appRevision, instanceId: 'i-1', run }
}

/** One boot after the other, each a run of its own. */
function after(boots: readonly Boot[], from: RevisionHistory = NO_HISTORY): RevisionHistory {
  return boots.reduce((history, { revision, isGood }, index) => (isGood ? withGood(history, bootOf(revision, `run-${index}`)) : withFailed(history, bootOf(revision, `run-${index}`), 'no')), from)
}

const boots = (revisions: number) => fc.array(fc.record({ revision: fc.integer({ min: 1, max: revisions }).map(n => `revision-${n}`), isGood: fc.boolean() }), { maxLength: 60 })
/** As many as are kept: nothing is forgotten. */
const few = boots(REVISIONS_KEPT)
const many = boots(40)

t.test('the last good revision is the one whose gate opened last', async t => {
  fc.assert(fc.property(many, all => assert.equal(lastGood(after(all))?.revision, all.findLast(boot => boot.isGood)?.revision)))
  t.pass()
})

t.test('a revision is left exactly when so many boots of it failed, none succeeded, and there is a good one', async t => {
  fc.assert(
    fc.property(few, fc.integer({ min: 1, max: 5 }), (all, failures) => {
      const history = after(all)
      for (const revision of new Set(all.map(boot => boot.revision))) {
        const own = all.filter(boot => boot.revision === revision)
        const expected = own.every(boot => !boot.isGood) && own.length >= failures && all.some(boot => boot.isGood)
        assert.equal(shouldLeave(history, revision, failures), expected)
      }
    }),
  )
  t.notOk(shouldLeave(NO_HISTORY, 'never-heard-of', 1))
})

t.test('a revision that is good is never left, whatever fails afterwards', async t => {
  fc.assert(
    fc.property(few, fc.integer({ min: 1, max: 5 }), (all, failures) => {
      const history = after([...all, { revision: 'revision-1', isGood: true }, ...Array<Boot>(10).fill({ revision: 'revision-1', isGood: false })])
      assert.equal(shouldLeave(history, 'revision-1', failures), false)
    }),
  )
  t.pass()
})

t.test('where one is left, the one to go to is not left itself', async t => {
  fc.assert(
    fc.property(many, fc.integer({ min: 1, max: 5 }), (all, failures) => {
      const history = after(all)
      for (const { revision } of history.revisions) {
        if (shouldLeave(history, revision, failures)) assert.equal(shouldLeave(history, lastGood(history)?.revision as string, failures), false)
      }
    }),
  )
  t.pass()
})

t.test('a history is of bounded size', async t => {
  const long = 'x'.repeat(40)
  let history = withGood(NO_HISTORY, bootOf(`good-${long}`, 'run-0'))
  for (let n = 1; n < 500; n++) history = withFailed(history, bootOf(`bad-${n % 50}-${long}`, `run-${n}-${long}`), 'no '.repeat(10_000))
  t.equal(history.revisions.length, REVISIONS_KEPT)
  t.ok(JSON.stringify(history).length < 16_384, `${JSON.stringify(history).length} bytes`)
  t.equal(lastGood(history)?.revision, `good-${long}`, 'the good one stays')
})

t.test('nothing changes by what is known already', async t => {
  const history = after([{ revision: 'a', isGood: true }, { revision: 'b', isGood: false }])
  t.equal(withGood(history, bootOf('a', 'another')), history)
  t.equal(withFailed(history, bootOf('b', 'run-1'), 'no'), history, 'a boot fails once')
  t.not(withGood(history, bootOf('a', 'another', 'app-2')), history, 'but by another application')
  const worn = after(Array<Boot>(FAILURES_COUNTED + 5).fill({ revision: 'b', isGood: false }))
  t.equal(worn.revisions[0]?.failures, FAILURES_COUNTED)
  t.equal(withFailed(worn, bootOf('b', 'another'), 'no'), worn)
  t.ok(shouldLeave(withGood(worn, bootOf('a', 'another')), 'b', FAILURES_COUNTED * 10), 'a breaker that asks for more is content')
})

t.test('going back to an earlier revision makes that the last good one', async t => {
  t.equal(lastGood(after([{ revision: 'a', isGood: true }, { revision: 'b', isGood: true }, { revision: 'a', isGood: true }]))?.revision, 'a')
})

t.test('whatever was recorded is read as sound, also through JSON', async t => {
  fc.assert(fc.property(many, all => assert.equal(historyFault(JSON.parse(JSON.stringify(after(all))) as Record<string, unknown>), undefined)))
  for (const broken of [{}, { seq: 1 }, { seq: 1, revisions: [{}] }, { seq: 1, revisions: [null] }, { seq: 'x', revisions: [] }]) t.type(historyFault(broken), 'string')
})
