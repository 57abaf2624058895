import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { premises, recipeText, SMALL } from '../support/repository.ts'

const COMMANDS = { 'recipes/own/recipe.ts': recipeText(`[execute({ name: 'migrate', argv: ['/bin/sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do echo "line $i"; done; echo "no such table" >&2; exit 7'] })]`) }

t.test('a failure tells its cause, its resource, the last lines and what to do: on the console, in the report, in the row, to the group', async t => {
  const where = premises(t, { role: SMALL.replace('  - eip', '  - own\n  - eip'), files: COMMANDS })
  const { code, stdout } = await where.sunup('boot')
  t.equal(code, 1)
  const { error, resources } = where.report()
  t.match(resources.map(({ id, outcome, reason }) => [id, outcome, reason]), [
    ['file[/etc/motd]', 'changed'],
    ['execute[migrate]', 'failed'],
    ['address[tag allocation-id]', 'skipped', 'not reached'],
    ['registry[demo]', 'skipped', 'not reached'],
  ])
  const failed = resources.find(one => one.outcome === 'failed')?.error
  for (const [what, record] of [['the run', error], ['the resource', failed]] as const) {
    t.match(record, { code: 'command.failed', message: /7/, hint: /./, output: /line 8[^]*no such table/ }, `the report, of ${what}`)
  }
  t.match(error?.message, 'execute[migrate]')
  for (const said of ['execute[migrate]', 'line 8', 'no such table', 'hint:', 'exit code 1', 'gate closed']) t.match(stdout, said, `the console: ${said}`)
  t.match(where.rows(), [{ state: 'failed', failure: /execute\[migrate\][^]*no such table/ }])
  t.match(where.answers(), [{ answer: 'failed', reason: /execute\[migrate\][^]*no such table/ }])
})

t.test('the row says what failed before the group is told', async t => {
  const where = premises(t, { role: SMALL.replace('  - eip', '  - own\n  - eip'), files: COMMANDS })
  // Where the group can't be told, all else is done.
  mkdirSync(join(where.cloud, '.lifecycle.json.new/in-the-way'), { recursive: true })
  t.equal((await where.sunup('boot')).code, 1)
  t.strictSame(where.answers(), [])
  t.match(where.rows(), [{ state: 'failed', failure: /no such table/ }])
  t.match(where.report(), { exitCode: 1, gate: 'closed' })
})

t.test('what failed once is asked again by the next boot, which opens the gate and forgets the failure', async t => {
  const where = premises(t, { role: SMALL.replace('  - eip', '  - own\n  - eip'), files: COMMANDS })
  t.equal((await where.sunup('boot')).code, 1)
  where.edit('recipes/own/recipe.ts', 'exit 7', 'exit 0')
  t.equal((await where.sunup('boot')).code, 0)
  const [row] = where.rows()
  t.match(row, { state: 'in-service' })
  t.equal(row?.failure, undefined)
  t.match(where.report(), { exitCode: 0, gate: 'open', error: null })
})
