import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { everyDeath } from '../support/deaths.ts'
import type { Repository } from '../support/git-repository.ts'
import { leftovers } from '../support/plain-tree.ts'
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

async function heals(t: Test, before: Premises): Promise<void> {
  await everyDeath(t, before, { most: MOST_DEATHS }, whole => {
    const wanted = settledState(whole)
    return (where, point) => {
      t.strictSame(settledState(where), wanted, `${point}: all is as if it had not died`)
      t.strictSame([...leftovers(where.root), ...leftovers(where.cloud)], [], `${point}: nothing is left over`)
      t.notOk(existsSync(join(where.state, 'journal.ndjson')), `${point}: nothing is owed`)
      t.equal(where.rows()[0]?.state, 'in-service', `${point}: the one row says so`)
      t.equal(readdirSync(join(where.state, 'decisions')).length, 1, `${point}: one decision is kept`)
    }
  })
}
