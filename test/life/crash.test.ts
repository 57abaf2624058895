import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { chosen, copyOf, killer } from '../support/crashes.ts'
import { aside, type Repository } from '../support/git-repository.ts'
import { leftovers } from '../support/plain-tree.ts'
import { abreast } from '../support/program.ts'
import { application, premises, type Premises } from '../support/repository.ts'
import { settledState } from '../support/settled.ts'

/** So many deaths of each boot: SUNUP_TEST_CRASHES=all dies them all. */
const MOST_DEATHS = 55

t.setTimeout(600_000)

t.test('a first boot from nothing, killed before any call, is healed by the next one', async t => {
  const { before } = demo(t)
  await heals(t, before)
})

t.test('an update, of a new commit and an edited template, killed before any call, is healed by the next one', async t => {
  const { before, app } = demo(t)
  t.equal((await before.sunup('boot')).code, 0)
  app.commit({ 'public/index.html': '<h1>2</h1>\n', README: null, 'bin/run': '#!/bin/sh\n' })
  before.edit('templates/app.conf.mustache', '=404', '/index.html')
  await heals(t, before)
})

t.test('a boot that changes nothing, killed before any call, is healed by the next one', async t => {
  const { before } = demo(t)
  t.equal((await before.sunup('boot')).code, 0)
  await heals(t, before)
})

function demo(t: Test): { before: Premises; app: Repository } {
  const app = application(t)
  const role = readFileSync(new URL('../../roles/demo.yaml', import.meta.url), 'utf8').replace('https://git.example.com/app.git', app.url)
  return { before: premises(t, { role }), app }
}

/** Dies at every call in turn, each time on a copy, and boots again. */
async function heals(t: Test, before: Premises): Promise<void> {
  const work = aside(t, 'crashes')
  const kill = killer(work)
  const { calls, whole } = await kill.callsOf(before, join(work, 'whole'))
  const wanted = settledState(whole)
  const { at, seed } = chosen(calls, MOST_DEATHS)
  t.comment(`${at.length} of ${calls} calls, SUNUP_TEST_SEED=${seed}`)
  await abreast(at, async n => {
    const where = copyOf(before, join(work, `at-${n}`))
    const died = await kill.boot(where, n)
    const point = `call ${n} (${died.stderr.trim().replaceAll(where.dir, '')})`
    const healed = await where.sunup('boot')
    t.match({ signal: died.signal, code: healed.code, stderr: healed.stderr }, { signal: 'SIGKILL', code: 0, stderr: /^$/ }, `${point}: it died, and the next boot settled`)
    t.strictSame(settledState(where), wanted, `${point}: all is as if it had not died`)
    t.strictSame([...leftovers(where.root), ...leftovers(where.cloud)], [], `${point}: nothing is left over`)
    t.notOk(existsSync(join(where.state, 'journal.ndjson')), `${point}: nothing is owed`)
    t.equal(where.rows()[0]?.state, 'in-service', `${point}: the one row says so`)
    t.equal(readdirSync(join(where.state, 'decisions')).length, 1, `${point}: one decision is kept`)
    rmSync(where.dir, { recursive: true })
  })
}
