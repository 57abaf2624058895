import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Event } from '../../src/core/events.ts'
import { child } from '../support/children.ts'
import { premises, recipeText, SMALL } from '../support/repository.ts'
import { treeOf } from '../support/tree.ts'

/** Commands of the role's own, as executes. */
const COMMANDS = recipeText('params.map(one => execute(one))', 'z.array(z.any())')

/** Says that it has come so far, and waits for a file without which the run goes no further. */
const waitsFor = (file: string): string => `{ name: waits, argv: [/bin/sh, -c, 'touch "{{dir}}/begun"; until [ -e "${file}" ]; do sleep 0.01; done'] }`

t.test('the gate is closed before anything else, and opened last', async t => {
  const where = premises(t, { role: `${SMALL}health: { url: "http://127.0.0.1:9/" }\n` })
  const { code, events } = await where.sunup('boot', '--format', 'json')
  t.equal(code, 0)
  const order = events().map(shown)
  t.strictSame(order, [
    'run.started',
    'gate.closed health',
    'run.role',
    'gate.closed registry',
    ...['template', 'address', 'registry'].flatMap(() => ['resource.started', 'resource.checked', 'resource.finished']),
    'run.verified',
    'gate.opened registry',
    'gate.opened health',
    'gate.opened hook',
    'gate.opened',
    'run.finished',
  ])
})

t.test('whoever asks for the health file sees none from the closing until all else is done', async t => {
  const where = premises(t, {
    role: `securityGroups: [demo]
recipes:
  - commands: [${waitsFor('{{dir}}/seen-closed')}]
  - files: [{ path: /etc/motd, content: "last\\n" }]
  - eip
  - registry
`,
    files: { 'recipes/commands/recipe.ts': COMMANDS },
  })
  const row = join(where.cloud, 'registry/demo/i-0demo.json')
  plant(where.health, 'stale')
  const poller = child(
    t,
    `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
const [health, row, motd, seen] = process.argv.slice(1)
const look = () => existsSync(health)
const sights = []
let done = false
process.stdin.on('end', () => (done = true)).resume()
let before
function poll() {
  for (let i = 0; i < 200; i++) {
    const open = look()
    if (open === before) continue
    before = open
    const state = open && existsSync(row) ? JSON.parse(readFileSync(row, 'utf8')).state : null
    sights.push({ open, state, motd: existsSync(motd) })
    if (!open) writeFileSync(seen, '')
  }
  if (done) console.log(JSON.stringify(sights))
  else setImmediate(poll)
}
before = look()
sights.push({ open: before })
console.log('polling')
poll()`,
    [where.health, row, join(where.root, 'etc/motd'), join(where.dir, 'seen-closed')],
  )
  t.equal(await poller.line(), 'polling')
  t.equal((await where.sunup('boot')).code, 0)
  poller.process.stdin?.end()
  t.strictSame(JSON.parse(await poller.line()), [{ open: true }, { open: false, state: null, motd: false }, { open: true, state: 'in-service', motd: true }])
})

t.test('what an image or an earlier boot left in the health directory is removed first', async t => {
  const where = premises(t, { role: SMALL, files: { 'recipes/commands/recipe.ts': COMMANDS } })
  where.edit('roles/demo.yaml', '  - eip', '  - commands: [{ name: looks, argv: [/bin/sh, -c, \'find "$SUNUP_ROOT/run/sunup/health" -mindepth 1 > "$SUNUP_ROOT/found"\'] }]\n  - eip')
  const outside = join(where.dir, 'outside')
  plant(join(outside, 'kept'), 'kept')
  plant(where.health, 'stale')
  plant(join(dirname(where.health), 'deep/er/ping.html'), 'stale')
  plant(join(dirname(where.health), '.hidden'), 'stale')
  symlinkSync(outside, join(dirname(where.health), 'linked'))
  symlinkSync('ping.html', join(dirname(where.health), 'other.html'))
  t.equal((await where.sunup('boot')).code, 0)
  t.equal(readFileSync(join(where.root, 'found'), 'utf8'), '', 'while resources are settled there is nothing')
  t.strictSame(Object.keys(treeOf(dirname(where.health))), ['.', './ping.html'], 'then there is its own file alone')
  t.match(readFileSync(where.health, 'utf8'), /^ok i-0demo \d{8}T/)
  t.ok(existsSync(join(outside, 'kept')), 'a link is removed, not followed')
})

t.test('a health directory that is a link is removed, not followed', async t => {
  const where = premises(t, { role: SMALL })
  const outside = join(where.dir, 'outside')
  plant(join(outside, 'kept'), 'kept')
  mkdirSync(where.run, { recursive: true })
  symlinkSync(outside, dirname(where.health))
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame(Object.keys(treeOf(outside)), ['.', './kept'])
  t.ok(existsSync(where.health))
})

t.test('a warm pool: settled, told, and kept closed', async t => {
  const where = premises(t, { role: SMALL })
  where.write({ '.sunup/cloud/lifecycle.json': '{ "target": "Warmed:Stopped", "hook": true }' })
  plant(where.health, 'stale')
  const { code, stdout } = await where.sunup('boot')
  t.equal(code, 0)
  t.match(stdout, 'Warmed:Stopped', 'it says so')
  t.notOk(existsSync(where.health))
  t.ok(existsSync(join(where.root, 'etc/motd')), 'what a baked image may hold is there')
  t.notOk(existsSync(join(where.cloud, 'addresses')), 'no address is taken')
  t.strictSame(where.rows(), [], 'and nobody is registered')
  t.strictSame(where.answers().map(({ answer }) => answer), ['ready'])
  t.equal(where.report().gate, 'closed')
})

t.test('a second boot while one is at work ends at once with 5, and touches nothing', async t => {
  const where = premises(t, {
    role: SMALL.replace('recipes:', `recipes:\n  - commands: [${waitsFor('{{dir}}/go')}]`),
    files: { 'recipes/commands/recipe.ts': COMMANDS },
  })
  const first = where.started({}, 'boot')
  while (!existsSync(join(where.dir, 'begun'))) await new Promise(resolve => setImmediate(resolve))
  const before = [treeOf(where.root), treeOf(where.infra)]
  const second = await where.sunup('boot')
  const after = [treeOf(where.root), treeOf(where.infra)]
  writeFileSync(join(where.dir, 'go'), '')
  t.equal(second.code, 5)
  t.match(second.stdout + second.stderr, `process ${first.process.pid}`, 'it says who has the lock')
  t.strictSame(after, before)
  t.equal((await first.end).code, 0)
  t.ok(existsSync(where.health))
})

t.test('a sunup.yaml that can’t be read closes the gate of the default run directory', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  where.write({ 'sunup.yaml': 'cloud: [local\n' })
  const { code, stdout } = await where.sunup('boot')
  t.equal(code, 78)
  t.match(stdout, /sunup\.yaml:\d/)
  t.notOk(existsSync(where.health))
})

function plant(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function shown(event: Event): string {
  return 'step' in event && event.step !== undefined ? `${event.type} ${event.step}` : event.type
}
