import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { localCloud } from '../../../src/clouds/local/cloud.ts'
import type { Cloud } from '../../../src/core/cloud.ts'
import type { Event } from '../../../src/core/events.ts'
import { Failure } from '../../../src/core/failure.ts'
import { closeFailed, type CloseFailedParts } from '../../../src/life/systemd/close-failed.ts'
import { verdictOn } from '../../../src/life/systemd/cut-off.ts'
import { unitEnd } from '../../../src/life/systemd/unit-end.ts'
import { systemClock } from '../../../src/machine/clock.ts'
import { tryLock } from '../../../src/machine/lock.ts'
import { hostMachine } from '../../../src/machine/machine.ts'
import { configOfNone, loadConfig } from '../../../src/roles/config.ts'
import { premises, recipeText, SMALL, type Premises } from '../../support/repository.ts'
import { infrastructure } from '../../support/source.ts'

const { signal } = new AbortController()
const KILLED = { ActiveState: 'failed', Result: 'signal', ExecMainCode: '2', ExecMainStatus: '9', ExecMainPID: '999999', InvocationID: 'a1' }
const exited = (code: number, pid = 999_999) => ({ ...KILLED, Result: 'exit-code', ExecMainCode: '1', ExecMainStatus: String(code), ExecMainPID: String(pid) })

/** The machine of a test, with a systemd that says so of sunup.service. */
function parts(where: Premises, properties: Readonly<Record<string, string>>, more: Partial<CloseFailedParts> = {}): CloseFailedParts {
  const machine = hostMachine({ root: where.root })
  const text = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join('')
  const settings = loadConfig({ file: join(where.infra, 'sunup.yaml'), env: undefined, cwd: () => where.dir })
  const { instance: instanceFile, directory } = settings.local
  return {
    machine: { ...machine, probe: async () => ({ code: 0, stdout: text, stderr: '' }) },
    settings,
    run: where.run,
    state: join(where.root, 'var/lib/sunup'),
    fault: undefined,
    cloud: async () => localCloud({ instanceFile, directory, leaseMs: 90_000, clock: systemClock, exclusively: async (_file, _signal, work) => await work() }),
    env: {},
    attended: false,
    ...more,
  }
}

async function served(t: Test, role = SMALL): Promise<Premises> {
  const where = premises(t, { role })
  where.write({ '.sunup/cloud/lifecycle.json': '{ "target": "InService", "hook": true }' })
  t.equal((await where.sunup('boot')).code, 0)
  return where
}

const isOpen = (where: Premises): boolean => existsSync(where.health)
const said = (where: Premises): readonly string[] => where.answers().map(({ answer }) => answer)

/** A boot whose process ended with this code, and which process it was. */
async function booted(where: Premises, code: number): Promise<number> {
  const ran = await where.sunup('boot', '--format', 'json')
  if (ran.code !== code) throw new Error(`exit code ${ran.code}: ${ran.stdout}`)
  return (ran.events()[0] as Extract<Event, { type: 'run.started' }>).pid
}

t.test('of a run that was killed the gate is closed, the row says failed, and the group is told', async t => {
  const where = await served(t)
  const { verdict, wasOpen, told, cause } = await closeFailed(parts(where, KILLED), signal)
  t.strictSame([verdict, wasOpen, told?.row, told?.group, told?.failures], ['cut off', true, true, true, []])
  t.notOk(isOpen(where))
  t.match(where.rows(), [{ state: 'failed', failure: 'sunup.service was ended by SIGKILL' }])
  t.match(where.answers().at(-1), { answer: 'failed', reason: 'sunup.service was ended by SIGKILL' })
  t.match(cause, { code: 'run.killed', hint: /journalctl/ })
  t.notOk(readdirSync(where.run).includes('lock.holder'), 'and the lock is free')
})

/** A boot that was killed while it was at execute[wait]. @returns its process */
async function killedAtWork(where: Premises): Promise<number> {
  const started = where.started({}, 'boot')
  const events = (): string => globSync(join(where.state, 'runs/*/events.ndjson')).map(file => readFileSync(file, 'utf8')).join('')
  while (!events().includes('execute[wait]')) await new Promise(resolve => setTimeout(resolve, 10))
  const { pid } = JSON.parse(events().split('\n')[0] as string) as { pid: number }
  started.process.kill('SIGKILL')
  await started.end
  return pid
}

const HANGING = { 'roles/demo.yaml': 'securityGroups: [demo]\nrecipes: [registry, own]\n', 'recipes/own/recipe.ts': recipeText("[execute({ name: 'wait', argv: ['sleep', '1000'] })]") }

t.test('it says what the run was at', async t => {
  const where = premises(t, { role: HANGING['roles/demo.yaml'], files: HANGING })
  const pid = await killedAtWork(where)
  const { cause } = await closeFailed(parts(where, { ...KILLED, ExecMainPID: String(pid) }), signal)
  t.equal(cause?.message, 'sunup.service was ended by SIGKILL, while it was at execute[wait]')
  t.match(where.rows(), [{ state: 'failed', failure: /execute\[wait\]/ }])
  // It clears away what the killed one left.
  where.write({ 'roles/demo.yaml': SMALL })
  t.equal((await where.sunup('boot')).code, 0)
})

t.test('for the breaker, a commit that hangs has failed, and is counted once', async t => {
  const infra = infrastructure(t, HANGING)
  const where = premises(t, { config: `source: { repository: ${infra.url} }\n` })
  const pid = await killedAtWork(where)
  const cut = parts(where, { ...KILLED, ExecMainPID: String(pid) })
  for (const time of ['first', 'again']) {
    t.match(await closeFailed(cut, signal), { verdict: 'cut off', told: { failures: [] } })
    const { revisions } = await (await cut.cloud()).revisions.history('demo', signal)
    t.match(revisions, [{ revision: infra.git('rev-parse', 'HEAD'), failures: 1, failed: [{ instanceId: 'i-0demo', failure: /execute\[wait\]/ }] }], time)
  }
})

t.test('a run that told its failure itself is not told again', async t => {
  const where = await served(t)
  where.write({ 'roles/demo.yaml': `${SMALL}health: { probe: { url: "http://127.0.0.1:9/", within: 1s } }\nx: 1\n` })
  const pid = await booted(where, 78)
  const before = where.answers()
  t.equal(before.at(-1)?.answer, 'failed')
  t.match(await closeFailed(parts(where, exited(78, pid)), signal), { verdict: 'told', cause: undefined, told: undefined })
  t.match(await closeFailed(parts(where, { ...KILLED, ExecMainPID: String(pid) }), signal), { verdict: 'told' }, 'also if it was killed after that')
  t.strictSame(where.answers(), before)
  t.match(await closeFailed(parts(where, exited(78)), signal), { verdict: 'cut off' }, 'and the record of another process is no record of this one')
})

t.test('an exit code of sunup’s that no run stands behind is told', async t => {
  const where = await served(t)
  const pid = await booted(where, 0)
  t.match(await closeFailed(parts(where, exited(1)), signal), { verdict: 'cut off', cause: { message: 'sunup.service ended with exit code 1, and has told nobody why' } })
  t.equal(said(where).at(-1), 'failed')
  t.match(await closeFailed(parts(where, exited(70, pid)), signal), { verdict: 'cut off' }, 'nor is a run that went well its reason')
})

t.test('who ends a boot on purpose tells nobody; whose time was over does', async t => {
  const where = await served(t)
  for (const code of [64, 130, 143]) t.match(await closeFailed(parts(where, exited(code)), signal), { verdict: 'on purpose', told: undefined }, String(code))
  t.strictSame(said(where), ['ready'])
  t.notOk(isOpen(where))
  const { cause } = await closeFailed(parts(where, { ...exited(143), Result: 'timeout' }), signal)
  t.match(cause?.message, 'took longer than systemd allows')
  t.strictSame(said(where), ['ready', 'failed'])
})

t.test('a gate is left to the run that is at work, and to one that has not failed', async t => {
  const where = await served(t)
  t.match(await closeFailed(parts(where, exited(5)), signal), { verdict: 'at work', wasOpen: undefined })
  t.match(await closeFailed(parts(where, { ...KILLED, ActiveState: 'activating' }), signal), { verdict: 'at work' })
  for (const ActiveState of ['inactive', 'active']) t.match(await closeFailed(parts(where, { ...KILLED, ActiveState, Result: 'success' }), signal), { verdict: 'well' })
  const lock = tryLock(join(where.run, 'lock'), { command: 'boot', pid: process.pid })
  t.match(await closeFailed(parts(where, KILLED), signal), { verdict: 'at work' })
  lock?.release()
  t.ok(isOpen(where))
  t.strictSame(said(where), ['ready'])
})

t.test('what systemd gave counts more than what it says by now', async t => {
  const where = await served(t)
  const observer = (properties: object) => parts(where, { ...KILLED, ...properties }).machine
  const env = { MONITOR_UNIT: 'my.service', MONITOR_SERVICE_RESULT: 'oom-kill', MONITOR_EXIT_CODE: 'killed', MONITOR_EXIT_STATUS: 'KILL', MONITOR_INVOCATION_ID: 'a1' }
  t.strictSame(await unitEnd(env, observer({ ActiveState: 'failed' }), signal), { unit: 'my.service', result: 'oom-kill', pid: 999_999, isAtWork: false, exitCode: undefined, signal: 'SIGKILL' })
  t.match(await unitEnd(env, observer({ InvocationID: 'b2' }), signal), { isAtWork: true, pid: 0 }, 'it was started again since')
  t.match(await unitEnd({ SERVICE_RESULT: 'exit-code', EXIT_CODE: 'exited', EXIT_STATUS: '78', INVOCATION_ID: 'a1' }, observer({ ActiveState: 'deactivating' }), signal), { exitCode: 78, isAtWork: false })
  t.match(await unitEnd({}, observer({ Result: 'resources', ExecMainPID: '0', ExecMainCode: '0', ExecMainStatus: '0' }), signal), { result: 'resources', exitCode: undefined, signal: undefined, pid: 0 })
})

t.test('without a word of systemd the gate is closed, and nobody told', async t => {
  const where = await served(t)
  const machine = { ...parts(where, KILLED).machine, probe: async () => ({ code: 1, stdout: '', stderr: 'System has not been booted with systemd' }) }
  await t.rejects(closeFailed(parts(where, KILLED, { machine }), signal), { code: 'service.failed', message: 'systemd does not answer for sunup.service' })
  t.notOk(isOpen(where))
  t.strictSame(said(where), ['ready'])
})

t.test('a configuration that can’t be read keeps neither the gate open nor the group in the dark', async t => {
  const where = await served(t)
  const fault = new Failure('config.invalid', 'sunup.yaml:1: that is no YAML')
  const pid = await booted(where, 0)
  const broken = { fault, settings: configOfNone('/') }
  t.match(await closeFailed(parts(where, KILLED, broken), signal), { verdict: 'cut off', told: { group: true } })
  t.notOk(isOpen(where))
  t.equal((await where.sunupWith({}, 'boot')).code, 0)
  where.write({ 'roles/demo.yaml': 'no: role\n' })
  const failed = await booted(where, 78)
  t.not(failed, pid)
  t.match(await closeFailed(parts(where, exited(78, failed), broken), signal), { verdict: 'told', cause: { code: 'config.invalid' }, told: { group: true } }, 'of such a fault the boot could tell nobody')
})

t.test('a registry that does not answer keeps nobody from telling the group', async t => {
  const where = await served(t)
  const usual = parts(where, KILLED)
  const cloud = async (): Promise<Cloud> => {
    const real = await usual.cloud()
    return { ...real, registry: { ...real.registry, read: async () => { throw new Failure('cloud.unreachable', 'no answer') } } }
  }
  t.match(await closeFailed({ ...usual, cloud }, signal), { told: { row: false, group: true, failures: [{ code: 'cloud.unreachable' }] } })
  t.equal(said(where).at(-1), 'failed')
})

t.test('an instance that is nobody’s yet is told of all the same', async t => {
  const where = premises(t, { role: SMALL })
  t.match(await closeFailed(parts(where, KILLED), signal), { verdict: 'cut off', wasOpen: false, told: { row: false, group: true } })
  t.strictSame(where.rows(), [])
})

t.test('who wants to look himself is not reported', async t => {
  const where = await served(t, `${SMALL}onFailure: hold\n`)
  t.match(await closeFailed(parts(where, KILLED), signal), { told: { row: true, group: undefined } })
  t.strictSame(said(where), ['ready'])
  t.match(await closeFailed(parts(where, KILLED, { attended: true }), signal), { verdict: 'cut off', told: undefined })
})

t.test('a lock that nobody can have does not keep the gate open', async t => {
  const where = await served(t)
  rmSync(join(where.run, 'lock'))
  mkdirSync(join(where.run, 'lock'))
  t.match(await closeFailed(parts(where, KILLED), signal), { verdict: 'cut off' })
  t.notOk(isOpen(where))
})

t.test('every end that systemd knows of has its verdict', async t => {
  const end = { unit: 'sunup.service', result: 'exit-code', exitCode: 1, signal: undefined, pid: 7, isAtWork: false } as const
  const trace = { run: '', pid: 7, command: 'boot', startedAt: '', exitCode: 1, role: 'web', revision: undefined, atWork: undefined }
  t.equal(verdictOn(end, trace), 'told')
  t.equal(verdictOn(end, { ...trace, exitCode: undefined }), 'cut off', 'killed before its end')
  t.equal(verdictOn(end, { ...trace, exitCode: 143 }), 'cut off', 'what was ended on purpose told nobody')
  for (const result of ['timeout', 'oom-kill', 'watchdog', 'core-dump', 'signal', 'resources', 'protocol', 'start-limit-hit']) t.equal(verdictOn({ ...end, result, exitCode: undefined }, undefined), 'cut off', result)
  t.equal(verdictOn({ ...end, exitCode: 203 }, undefined), 'cut off', 'the program is not there')
})
