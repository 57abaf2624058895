import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { everyDeath } from '../support/deaths.ts'
import { leftovers } from '../support/plain-tree.ts'
import { premises, recipeText, type Premises } from '../support/repository.ts'

const MOST_DEATHS = 44

t.setTimeout(600_000)

/** Two files and what each has to have run once it changed: the one at once, the other after both. */
const ROLE = `securityGroups: [demo]
recipes:
  - files: [{ path: /etc/a.conf, content: "a of version 1\\n" }, { path: /etc/b.conf, content: "b of version 1\\n" }]
  - reloads
`

/** Each run writes a line outside of the root, with what it found. */
const RELOADS = recipeText(`[
      execute({ name: 'a', argv: ['/bin/sh', '-c', 'cat "$SUNUP_ROOT/etc/a.conf" >> "$SUNUP_ROOT/../runs-of-a"'], runOn: ['file[/etc/a.conf]'] }),
      execute({ name: 'both', argv: ['/bin/sh', '-c', 'cat "$SUNUP_ROOT/etc/a.conf" "$SUNUP_ROOT/etc/b.conf" | tr -d "\\\\n" >> "$SUNUP_ROOT/../runs-of-both"; echo >> "$SUNUP_ROOT/../runs-of-both"'], runOn: ['file[/etc/a.conf]', 'file[/etc/b.conf]'] }),
    ]`)

t.test('what a first boot owes is paid, whichever call it was killed before', async t => {
  await pays(t, premises(t, { role: ROLE, files: { 'recipes/reloads/recipe.ts': RELOADS } }), 1)
})

t.test('what an update owes is paid, whichever call it was killed before', async t => {
  const before = premises(t, { role: ROLE, files: { 'recipes/reloads/recipe.ts': RELOADS } })
  t.equal((await before.sunup('boot')).code, 0)
  for (const name of ['runs-of-a', 'runs-of-both']) rmSync(join(before.dir, name))
  before.write({ 'roles/demo.yaml': ROLE.replaceAll('version 1', 'version 2') })
  await pays(t, before, 2)
})

async function pays(t: Test, before: Premises, version: number): Promise<void> {
  await everyDeath(t, before, { most: MOST_DEATHS }, whole => {
    t.strictSame(runs(whole), { a: [`a of version ${version}`], both: [`a of version ${version}b of version ${version}`] }, 'a boot that lives runs each once')
    return async (where, point) => {
      const { a, both } = runs(where)
      t.equal(a.at(-1), `a of version ${version}`, `${point}: the act ran after the change`)
      t.equal(both.at(-1), `a of version ${version}b of version ${version}`, `${point}: the other one ran after both`)
      t.ok(a.length <= 2 && both.length <= 2, `${point}: neither ran more often than it was begun`)
      t.notOk(existsSync(join(where.state, 'journal.ndjson')), `${point}: nothing is owed`)
      t.strictSame(leftovers(where.root), [], `${point}: nothing is left over`)
      t.equal((await where.sunup('plan')).code, 0, `${point}: and nothing more would run`)
    }
  })
}

function runs(where: Premises): { a: string[]; both: string[] } {
  const of = (name: string): string[] => {
    const file = join(where.dir, `runs-of-${name}`)
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(line => line !== '') : []
  }
  return { a: of('a'), both: of('both') }
}

t.test('a journal whose last line was torn by a power cut, or that begins with one, forgets no debt', async t => {
  const where = premises(t, { role: ROLE, files: { 'recipes/reloads/recipe.ts': RELOADS } })
  t.equal((await where.sunup('boot')).code, 0)
  const owed = (id: string, cause: string): string => `${JSON.stringify({ t: 'owe', id, act: 'run', cause })}\n`
  writeFileSync(join(where.state, 'journal.ndjson'), `{"t":"o\n${owed('execute[a]', 'file[/etc/a.conf]')}${owed('execute[both]', 'file[/etc/b.conf]').slice(0, -9)}`)
  const { code, stdout } = await where.sunup('plan')
  t.equal(code, 2, 'a plan foretells what is owed')
  t.match(stdout, 'execute[a]')
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame([runs(where).a.length, runs(where).both.length], [2, 1], 'what was owed whole ran again, and nothing else')
  t.notOk(existsSync(join(where.state, 'journal.ndjson')))
})

t.test('a journal that a run died over while it was taken away is taken away', async t => {
  const where = premises(t, { role: ROLE, files: { 'recipes/reloads/recipe.ts': RELOADS } })
  t.equal((await where.sunup('boot')).code, 0)
  writeFileSync(join(where.state, 'journal.ndjson'), '')
  t.equal((await where.sunup('boot')).code, 0)
  t.notOk(existsSync(join(where.state, 'journal.ndjson')))
})
