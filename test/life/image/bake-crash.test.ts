import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copyOf, killer } from '../../support/crashes.ts'
import { everyDeath } from '../../support/deaths.ts'
import { aside, repository } from '../../support/git-repository.ts'
import { leftovers, plainTree } from '../../support/plain-tree.ts'
import { premises, type Premises } from '../../support/repository.ts'

t.setTimeout(600_000)

/** So many deaths: SUNUP_TEST_CRASHES=all dies them all. */
const MOST_DEATHS = 45

const NOTE = `import { recipe, z, file, execute } from 'sunup'
export default recipe({
  description: 'Notes that a file was made.',
  params: z.object({}),
  resources() {
    const one = file({ path: '/etc/x', content: 'x' })
    return [one, execute({ name: 'note', argv: ['touch', 'noted'], runOn: [one] })]
  },
})
`

t.test('a bake that was killed before any call is made good by the next one, and nothing is owed', async t => {
  const app = repository(t)
  const role = `securityGroups: [demo]\nrecipes:\n  - note: {}\n  - files: [{ path: /etc/app.conf, content: "x\\n" }]\n  - git-sync: { repository: "${app.url}", ref: main, path: /srv/app }\n`
  const before = premises(t, { role, files: { 'recipes/note/recipe.ts': NOTE } })
  const made = (root: string): unknown => ['etc', 'noted', 'srv/app/releases'].map(name => plainTree(join(root, name)))
  const dead = (where: Premises, point: string): void => void t.notOk(existsSync(where.health), `${point}: the gate is closed`)
  await everyDeath(t, before, { line: ['bake', '--role', 'demo'], most: MOST_DEATHS, dead }, whole => (where, point) => {
    t.strictSame(made(where.root), made(whole.root), `${point}: all is as if it had not died`)
    t.ok(existsSync(join(where.root, 'noted')), `${point}: what was owed is paid`)
    t.strictSame(leftovers(where.root), [], `${point}: nothing is left over`)
    t.notOk(existsSync(join(where.run, 'bake/journal.ndjson')), `${point}: nothing is owed`)
  })
})

t.test('an image of a bake that died while it owed something is refused', async t => {
  const role = 'securityGroups: [demo]\nrecipes:\n  - note: {}\n'
  const before = premises(t, { role, files: { 'recipes/note/recipe.ts': NOTE } })
  const work = aside(t, 'bake-debt')
  const kill = killer(work, ['bake', '--role', 'demo'])
  const { calls } = await kill.callsOf(before, join(work, 'whole'))
  for (let n = 0; n < calls; n++) {
    const where = copyOf(before, join(work, `at-${n}`))
    await kill.boot(where, n)
    if (!existsSync(join(where.root, 'etc/x')) || existsSync(join(where.root, 'noted'))) continue
    const sealed = await where.sunup('seal', '--fix')
    t.equal(sealed.code, 1)
    t.match(sealed.stdout, /refused debt of a bake: \/run\/sunup\/bake\/journal\.ndjson \((?:run of )?execute\[note\]|runOn of execute\[note\]/)
    t.ok(readFileSync(join(where.run, 'bake/journal.ndjson'), 'utf8').includes('execute[note]'), 'and is not forgotten')
    t.ok(readdirSync(where.root).length > 0)
    return
  }
  t.fail('no death left a debt')
})
