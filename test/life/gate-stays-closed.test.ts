import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { aside } from '../support/git-repository.ts'
import { copyOf } from '../support/crashes.ts'
import { abreast } from '../support/program.ts'
import { premises, recipeText, SMALL, type Premises } from '../support/repository.ts'

t.setTimeout(120_000)

interface Case {
  /** Makes it fail. */
  readonly spoil: (where: Premises) => void
  readonly code: number
  /** What is said, on the console, in report.json, in the row and to the group. */
  readonly why: RegExp
  /** What has failed, where it is one resource. */
  readonly id?: string
  /** No row can say so. Default: it says `failed`, and why. */
  readonly row?: boolean
  /** No report of this instance can be kept. */
  readonly kept?: boolean
  /** Default: the group is told. */
  readonly told?: boolean
}

/** SMALL with commands of the test's own after the file. */
const ROLE = SMALL.replace('  - eip', '  - commands: []\n  - eip')
const COMMAND = recipeText('params.map(one => execute(one))', 'z.array(z.any())')
/** The same after the address and the row. */
const LATE = COMMAND.replace('params:', "phase: 'activate', params:")

const runs = (script: string, more = '') => (where: Premises): void => where.edit('roles/demo.yaml', 'commands: []', `commands: [{ name: given, argv: [/bin/sh, -c, '${script}']${more} }]`)
const edits = (from: string, to: string) => (where: Premises): void => where.edit('roles/demo.yaml', from, to)

/** An instance that served, and whose next boot fails. */
const CASES: Readonly<Record<string, Case>> = {
  'a template that names what nobody gives': { spoil: edits('content: "hello\\n"', 'template: bad.txt'), code: 78, why: /bad\.txt:2: there is no "nobody"/ },
  'a recipe that throws': { spoil: where => where.write({ 'recipes/commands/recipe.ts': recipeText('(() => { throw new Error("broken by hand") })()', 'z.any()') }), code: 78, why: /broken by hand/ },
  'a role file that is no YAML': { spoil: edits('recipes:', 'recipes: ['), code: 78, why: /roles\/demo\.yaml:\d/ },
  'an instance without a role': { spoil: where => where.edit('instance.yaml', '[default, demo]', '[default]'), code: 78, why: /no role answers/ },
  'an instance file that is broken': { spoil: where => where.edit('instance.yaml', 'securityGroups', 'securityGruops'), code: 78, why: /securityGruops/, row: false, kept: false },
  'a secret that can’t be had': { spoil: edits('content: "hello\\n"', 'template: motd.mustache, vars: { x: { secret: "file:/nonexistent/secret" } }'), code: 1, why: /\/nonexistent\/secret/ },
  'a file that can’t be written': {
    spoil: where => {
      rmSync(join(where.root, 'etc/motd'))
      mkdirSync(join(where.root, 'etc/motd/in-the-way'), { recursive: true })
    },
    code: 1,
    why: /etc\/motd/,
    id: 'file[/etc/motd]',
  },
  'a command that fails': { spoil: runs('echo the last words; exit 7'), code: 1, why: /execute\[given\].*7/s, id: 'execute[given]' },
  'an apply that another takes back': { spoil: runs('echo other > "$SUNUP_ROOT/etc/motd"'), code: 3, why: /not settled.*motd/ },
  'an address that another holds': {
    spoil(where) {
      edits('- eip', '- eip: { tries: 1 }')(where)
      writeFileSync(join(where.cloud, 'addresses/eipalloc-demo.json'), '{ "holder": "i-0other" }')
    },
    code: 1,
    why: /i-0other/,
    id: 'address[tag allocation-id]',
  },
  'a deadline that passes': { spoil: where => (runs('exec sleep 60')(where), edits('recipes:', 'deadline: 500ms\nrecipes:')(where)), code: 4, why: /deadline/, id: 'execute[given]' },
  'a deadline that passes over a command that does not heed SIGTERM': {
    spoil: where => (runs('trap "" TERM; echo $$ > "$SUNUP_ROOT/../pid"; while :; do sleep 1; done')(where), edits('recipes:', 'deadline: 1s\nrecipes:')(where)),
    code: 4,
    why: /deadline/,
    id: 'execute[given]',
  },
  'SIGTERM, and a command that does not heed it': {
    spoil: runs('trap "" TERM; echo $$ > "$SUNUP_ROOT/../pid"; kill -TERM $PPID; while :; do sleep 1; done'),
    code: 143,
    why: /SIGTERM/,
    id: 'execute[given]',
    told: false,
  },
  'a deadline that passes while nothing waits': { spoil: edits('recipes:', 'deadline: 1ms\nrecipes:'), code: 4, why: /deadline/ },
  'a health file that can’t be written': { spoil: runs('mkdir -p "$SUNUP_ROOT/run/sunup/health/ping.html/x"'), code: 1, why: /health file/ },
  'a row that was taken away meanwhile': { spoil: where => edits('- registry', `- registry\n  - late: [{ name: given, argv: [rm, ${where.cloud}/registry/demo/i-0demo.json] }]`)(where), code: 3, why: /registry\[demo\]/ },
  'a registry that can’t be written': {
    spoil(where) {
      rmSync(join(where.cloud, 'registry'), { recursive: true })
      writeFileSync(join(where.cloud, 'registry'), '')
    },
    code: 1,
    why: /registry/,
    row: false,
  },
  'a state directory that can’t be written': {
    spoil(where) {
      rmSync(join(where.state, 'runs'), { recursive: true })
      writeFileSync(join(where.state, 'runs'), '')
    },
    code: 1,
    why: /i-0demo/,
    kept: false,
  },
  'a lock that can’t be had': {
    spoil(where) {
      rmSync(join(where.run, 'lock'), { force: true })
      mkdirSync(join(where.run, 'lock'))
    },
    code: 1,
    why: /lock/,
    kept: false,
    told: false,
    row: false,
  },
  'SIGTERM': { spoil: runs('echo $$ > "$SUNUP_ROOT/../pid"; kill -TERM $PPID; exec sleep 60'), code: 143, why: /SIGTERM/, id: 'execute[given]', told: false },
  'SIGHUP': { spoil: runs('echo $$ > "$SUNUP_ROOT/../pid"; kill -HUP $PPID; exec sleep 60'), code: 143, why: /SIGHUP/, id: 'execute[given]', told: false },
  'SIGINT': { spoil: runs('echo $$ > "$SUNUP_ROOT/../pid"; kill -INT $PPID; exec sleep 60'), code: 130, why: /SIGINT/, id: 'execute[given]', told: false },
}

t.test('an instance that served is out of traffic when its next boot fails', async t => {
  const served = premises(t, { role: ROLE, files: { 'recipes/commands/recipe.ts': COMMAND, 'recipes/late/recipe.ts': LATE, 'templates/bad.txt': 'one\n{{nobody}}\n' } })
  served.write({ '.sunup/cloud/lifecycle.json': '{ "target": "InService", "hook": true }' })
  const { code } = await served.sunup('boot')
  t.ok(code === 0 && existsSync(served.health) && served.rows()[0]?.state === 'in-service', 'it served')
  const work = aside(t, 'closed')
  await abreast(Object.entries(CASES), async ([name, one]) => {
    const where = copyOf(served, join(work, name.replaceAll(/\W/g, '-')))
    one.spoil(where)
    await t.test(name, async t => staysClosed(t, where, one))
  })
})

async function staysClosed(t: Test, where: Premises, { code: expected, why, id, told = true, kept = true, row: hasRow = true }: Case): Promise<void> {
  const { code, stdout, stderr } = await where.sunup('boot')
  t.equal(code, expected)
  t.notOk(existsSync(where.health), 'the health file is gone')
  t.match(stdout, why, 'the console says why')
  if (id !== undefined) t.match(stdout, id, 'and what')
  t.notMatch(stdout + stderr, /^\s+at /m, 'and shows no stack')
  if (kept) {
    const { gate, exitCode, error, resources } = where.report()
    t.match({ gate, exitCode, error: error?.message }, { gate: 'closed', exitCode: expected, error: why }, 'the report says so')
    if (id !== undefined) t.equal(resources.find(one => one.outcome === 'failed')?.id, id)
  }
  if (hasRow) t.match(where.rows(), [{ state: 'failed', failure: why }], 'the row says so')
  t.match(where.answers().slice(1), told ? [{ answer: 'failed', reason: why }] : [], told ? 'the group is told' : 'the group is not told')
  const pid = join(where.dir, 'pid')
  if (existsSync(pid)) t.throws(() => process.kill(Number(readFileSync(pid, 'utf8')), 0), { code: 'ESRCH' }, 'the command it had started is ended')
}
