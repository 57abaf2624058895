import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startRecorder } from '../support/start-recorder.ts'
import { premises, recipeText, SMALL } from '../support/repository.ts'
import { treeOf } from '../support/tree.ts'

/** What each run may write: lock, gate, lease, and its own report. */
const EACH_RUNS = /^\.\/(?:root\/(?:run\/sunup(?:|\/lock|\/health|\/health\/ping\.html)|var\/lib\/sunup(?:|\/order|\/i-0demo\/runs(?:|\/.*)))|infra\/\.sunup\/cloud\/(?:lock|registry\/demo(?:|\/i-0demo\.json)))$/

t.test('a second boot of the demo changes nothing, and writes only lock, gate, lease and its own report', async t => {
  const where = premises(t)
  t.equal((await where.sunup('boot')).code, 0)
  const before = treeOf(where.dir)
  const { code, events } = await where.sunup('boot', '--format', 'json')
  t.equal(code, 0)
  t.match(events().at(-1), { type: 'run.finished', counts: { changed: 0, failed: 0, pending: 0, unknown: 0 }, gate: 'open' })
  t.strictSame(differing(before, treeOf(where.dir)).filter(path => !EACH_RUNS.test(path)), [])
})

t.test('a third is like the second', async t => {
  const where = premises(t)
  for (const _ of [1, 2]) t.equal((await where.sunup('boot')).code, 0)
  const before = treeOf(where.dir)
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame(differing(before, treeOf(where.dir)).filter(path => !EACH_RUNS.test(path)), [])
})

t.test('a second boot starts no program but git, once, and to look', async t => {
  const where = premises(t)
  const recorder = startRecorder(t)
  t.equal((await where.sunupWith(recorder.options, 'boot')).code, 0)
  const first = recorder.starts().length
  t.ok(first > 1, 'the first started some')
  t.equal((await where.sunupWith(recorder.options, 'boot')).code, 0)
  const [ask, ...others] = recorder.starts().slice(first).map(({ argv }) => argv)
  t.match(ask, [/(?:^|\/)git$/])
  t.ok(ask?.includes('ls-remote'))
  t.strictSame(others, [])
})

t.test('of a row, only what belongs to the run is written again', async t => {
  const where = premises(t)
  t.equal((await where.sunup('boot')).code, 0)
  const [first] = where.rows()
  t.equal((await where.sunup('boot')).code, 0)
  const [second, ...others] = where.rows()
  t.strictSame(others, [])
  const { seq, leaseUntil, expiresAt, bootedInMs, ...rest } = { ...second }
  t.match(first, rest)
  t.ok((seq ?? 0) > (first?.seq ?? 0) && (leaseUntil ?? 0) > (first?.leaseUntil ?? 0) && expiresAt !== undefined && bootedInMs !== undefined)
})

t.test('guards and what came to be keep a command from running again; an unguarded one runs in every boot', async t => {
  const argv = (name: string): string => `argv: ['/bin/sh', '-c', 'echo ${name} >> "$SUNUP_ROOT/ran"; touch "$SUNUP_ROOT/${name}"']`
  const where = premises(t, {
    role: 'securityGroups: [demo]\nrecipes:\n  - files: [{ path: /etc/motd, content: hello }]\n  - commands\n',
    files: {
      'recipes/commands/recipe.ts': recipeText(`[
      execute({ name: 'creates', creates: '/creates', ${argv('creates')} }),
      execute({ name: 'guarded', notIf: ['/bin/sh', '-c', 'test -e "$SUNUP_ROOT/guarded"'], ${argv('guarded')} }),
      execute({ name: 'triggered', runOn: ['file[/etc/motd]'], ${argv('triggered')} }),
      execute({ name: 'always', ${argv('always')} }),
    ]`),
    },
  })
  t.equal((await where.sunup('boot')).code, 0)
  const { events } = await where.sunup('boot', '--format', 'json')
  t.match(events().at(-1), { counts: { changed: 1, unchanged: 3, skipped: 1 } })
  t.equal(readFileSync(join(where.root, 'ran'), 'utf8'), 'creates\nguarded\ntriggered\nalways\nalways\n')
})

function differing(before: Record<string, string>, after: Record<string, string>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(path => before[path] !== after[path])
}

t.test('the state is its owner’s alone, what it lies in is everybody’s to pass through', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  t.strictSame(['var', 'var/lib', 'var/lib/sunup', 'run', 'run/sunup', 'run/sunup/health'].map(name => modeOf(join(where.root, name))), ['755', '755', '700', '755', '755', '755'])
})
