import t from 'tap'
import { execute } from '../../src/resources/execute.ts'
import { look } from '../../src/engine/settle.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { converging, flag } from '../support/converging.ts'
import { testMachine } from '../support/machine.ts'
import { failing, settling } from '../support/settling.ts'

const EVERY_BOOT = { type: 'act', field: 'run', reason: 'it runs in every boot' } as const

t.test('a command without any guard runs in every boot, and is an act', async t => {
  const machine = testMachine(t)
  const resource = execute({ name: 'count', argv: ['sh', '-c', 'echo once >> runs'] })
  t.ok(resource.unguarded)
  await settles(t, machine, resource, [EVERY_BOOT])
  await settling(machine, resource)
  t.equal(machine.readText('/runs'), 'once\nonce\n')
})

t.test('with creates it runs while there is nothing', async t => {
  const machine = testMachine(t)
  const resource = execute({ name: 'make', argv: ['sh', '-c', 'echo made > made'], creates: '/made' })
  t.notOk(resource.unguarded)
  await settles(t, machine, resource, [{ type: 'create', field: 'creates', to: '/made', reason: 'there is nothing yet' }])
})

t.test('a command that does not make what it should have made is not settled', async t => {
  const machine = testMachine(t)
  const { failure } = await converging(t, machine, [execute({ name: 'make', argv: ['true'], creates: '/made' })])
  t.match(failure, { id: null, failure: { code: 'run.unsettled', message: /execute\[make\] \(creates\)/ } })
})

t.test('one that was cut off runs again, whatever it left behind', async t => {
  const machine = testMachine(t, { made: 'half of it' })
  const resource = execute({ name: 'make', argv: ['sh', '-c', 'echo whole > made'], creates: '/made' })
  const around = surroundings(machine, [])
  around.journal.begin(resource.id)
  t.strictSame(await look(resource, around), [{ type: 'act', field: 'run', reason: 'it was cut off' }])
  await settling(machine, resource, { around })
  t.equal(machine.readText('/made'), 'whole\n')
  t.strictSame(await look(resource, around), [])
})

t.test('with runOn it runs when that changed, and at no other time', async t => {
  const machine = testMachine(t)
  const cause = flag(machine, { path: '/flag' })
  const resource = execute({ name: 'follow', argv: ['sh', '-c', 'echo ran >> runs'], runOn: [cause] })
  t.strictSame((await converging(t, machine, [cause, resource])).counts, { unchanged: 0, changed: 2, failed: 0, skipped: 0, pending: 0, unknown: 0 })
  t.strictSame((await converging(t, machine, [cause, resource])).counts, { unchanged: 2, changed: 0, failed: 0, skipped: 0, pending: 0, unknown: 0 })
  t.equal(machine.readText('/runs'), 'ran\n')
})

t.test('a guard decides', async t => {
  const machine = testMachine(t)
  const resource = execute({ name: 'guarded', argv: ['sh', '-c', 'echo ran >> runs'], notIf: ['test', '-e', 'runs'] })
  t.notOk(resource.unguarded)
  await settling(machine, resource)
  await settling(machine, resource)
  t.equal(machine.readText('/runs'), 'ran\n')
})

t.test('what it says is told line by line, and its last lines when it fails', async t => {
  const machine = testMachine(t)
  const { events } = await settling(machine, execute({ name: 'says', argv: ['sh', '-c', 'echo hello; echo there >&2'] }))
  t.match(events.filter(event => event.type === 'resource.output').map(({ stream, text }) => `${stream}: ${text}`).sort(), ['stderr: there', 'stdout: hello'])
  t.match(await failing(machine, execute({ name: 'fails', argv: ['sh', '-c', 'echo the reason; exit 9'] })), {
    code: 'command.failed',
    message: /exit code 9/,
    output: 'the reason',
  })
})

t.test('in a staging root it runs below it, with SUNUP_ROOT, env and cwd', async t => {
  const machine = testMachine(t, { srv: {} })
  await settling(machine, execute({ name: 'where', argv: ['sh', '-c', 'echo "$PWD $SUNUP_ROOT $EXTRA" > where'], cwd: '/srv', env: { EXTRA: 'yes' } }))
  t.equal(machine.readText('/srv/where'), `${machine.dir}/srv ${machine.dir} yes\n`)
})

t.test('a command that is not there is absent', async t => {
  t.match(await failing(testMachine(t), execute({ name: 'none', argv: ['sunup-no-such-command'] })), { code: 'absent.command', subject: 'sunup-no-such-command' })
})

t.test('its timeout ends it', async t => {
  t.match(await failing(testMachine(t), execute({ name: 'long', argv: ['sleep', '1000'], timeout: '100ms' })), { code: 'resource.timeout' })
})

t.test('props that are none are refused', async t => {
  t.throws(() => execute({ name: 'x' } as never), { code: 'resource.invalid', message: /"argv" is missing/ })
  t.throws(() => execute({ name: 'x', argv: 'ls -l' as never }), { code: 'resource.invalid', message: /list of strings/ })
  t.throws(() => execute({ name: 'x', argv: ['ls'], env: { A: 1 as never } }), { code: 'resource.invalid', message: /env\.A/ })
  t.throws(() => execute({ name: 'x', argv: ['ls'], create: '/x' } as never), { code: 'resource.invalid', hint: 'Did you mean creates?' })
})

t.test('NUL bytes in a command or its environment are refused when it is written', async t => {
  t.throws(() => execute({ name: 'x', argv: ['echo', 'a\0b'] }), { code: 'resource.invalid' } as object as Error)
  t.throws(() => execute({ name: 'x', argv: ['echo'], env: { A: 'a\0b' } }), { code: 'resource.invalid' } as object as Error)
})
