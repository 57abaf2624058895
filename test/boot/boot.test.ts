import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Event } from '../../src/core/events.ts'
import { ASK_MANAGER, ASK_UNITS, beforeOf } from '../../src/life/systemd/units-before.ts'
import { drawTimeline } from '../../src/reporters/timeline-text.ts'
import { criticalPath, timeline } from '../../src/reporters/timeline.ts'
import { answered, until, world, type Answer, type Instance } from './world.ts'

// One instance of the baked image, from the first byte of its metadata to the gate, as EC2 would start it.

const at = (events: readonly Event[], type: Event['type'], step?: string): number =>
  Date.parse(events.find(event => event.type === type && (step === undefined || ('step' in event && event.step === step)))?.at ?? 'never')

const healthy = (answers: readonly Answer[]): readonly Answer[] => answers.filter(({ status }) => status === 200)

/** Not one good answer before all was verified and the registry's row said so; then good ones. */
function isOpenedLast(t: Test, events: readonly Event[], answers: readonly Answer[]): void {
  const first = healthy(answers)[0]
  t.ok(answers.length > 0 && answers[0]?.status !== 200, 'the health check was asked before anything answered')
  t.ok(first !== undefined, 'and answers in the end')
  t.ok((first?.at ?? 0) >= at(events, 'gate.opened', 'registry'), 'after the registry’s row said in-service')
  for (const event of events) if (event.type === 'resource.finished') t.ok((first?.at ?? 0) >= Date.parse(event.at), `after ${event.id}`)
  t.ok(at(events, 'gate.opened', 'registry') >= at(events, 'run.verified'))
}

/** Prints where the time went, from systemd's start until traffic was let in. */
async function draw(t: Test, { machine }: Instance, events: readonly Event[]): Promise<void> {
  const [manager, units] = [await machine.run(...ASK_MANAGER), await machine.run(...ASK_UNITS)]
  const started = events.find(event => event.type === 'run.started')
  const drawn = timeline(events, beforeOf(manager.output, units.output, { pid: started?.pid ?? 0, toldMs: undefined }))
  t.ok(drawn && criticalPath(drawn).some(({ kind }) => kind === 'unit') && (drawn.healthyMs ?? 0) > drawn.runMs, 'units were waited for, and then the run')
  if (drawn) for (const line of drawTimeline(drawn).trimEnd().split('\n')) t.comment(`| ${line}`)
}

async function isClosed(t: Test, instance: Instance): Promise<void> {
  t.strictSame(healthy(instance.answers), [], `not one good answer of ${instance.answers.length}`)
  t.not(await instance.ask(), 200)
}

t.test('a launched instance answers its health check only when everything else is done, and so after a reboot', async t => {
  const { fleet, launch } = await world(t)
  const instance = await launch(10)
  await instance.machine.powerOn()
  const first = await instance.ended(1)
  t.match(first.at(-1), { type: 'run.finished', exitCode: 0, gate: 'open', role: 'web' })
  t.equal(await instance.ask(), 200)
  isOpenedLast(t, first, instance.answers)
  await draw(t, instance, first)
  t.strictSame(answered(fleet), ['CONTINUE'])
  const last = fleet.calls.findLastIndex(({ api }) => api.startsWith('dynamodb:') && !api.endsWith('GetItem'))
  t.ok(fleet.calls.findIndex(({ api }) => api === 'autoscaling:CompleteLifecycleAction') > fleet.calls.findIndex(({ api }) => api === 'dynamodb:PutItem') && last > 0)
  t.equal(instance.groupState(), 'InService')
  const [row] = await fleet.rows()
  t.match(row, { role: 'web', instanceId: instance.id, state: 'in-service', publicIp: '203.0.113.20' })
  t.equal((await instance.machine.run('cloud-init', 'status', '--wait')).output.trim().split('\n').at(-1), 'status: done')
  await until('the agent keeps its lease', async () => (await instance.machine.run('systemctl', 'is-active', 'sunup-watch.service')).output.trim() === 'active', 10_000)
  t.match((await instance.machine.run('systemctl', 'list-units', '--failed', '--no-legend', '--plain', 'sunup*')).output, /^$/)

  await instance.machine.shutDown()
  const before = instance.answers.length
  t.not(instance.answers.at(-1)?.status, 200, 'nothing answers for a machine that is off')
  await instance.machine.powerOn()
  const second = await instance.ended(2)
  t.match(second.at(-1), { type: 'run.finished', exitCode: 0, gate: 'open' })
  t.equal(await instance.ask(), 200)
  isOpenedLast(t, second, instance.answers.slice(before))
  t.strictSame(answered(fleet), ['CONTINUE'], 'the group is told once')
  const [again] = await fleet.rows()
  t.equal(again?.state, 'in-service')
  t.not(again?.bootId, row?.bootId, 'the row is that of the new boot')
})

t.test('a commit that breaks the role leaves it closed, with the cause on the console, and the group is told', async t => {
  const { fleet, git, launch } = await world(t)
  git.commit('infra', { 'roles/web.yaml': 'securityGroups: [web]\nrecipes:\n  - nginxx: { sites: [] }\n  - registry\n' })
  const instance = await launch(11)
  await instance.machine.powerOn()
  t.match((await instance.ended(1)).at(-1), { type: 'run.finished', exitCode: 78, gate: 'closed' })
  t.match((await instance.machine.run('cloud-init', 'status', '--wait')).output, /status: error/, 'cloud-init tells of it')
  await isClosed(t, instance)
  t.strictSame(answered(fleet), ['ABANDON'])
  t.match(instance.machine.console(), /roles\/web\.yaml.*nginxx[\s\S]*nginx/, 'with the nearest right name')
})

t.test('a health file that is there before the boot never answers', async t => {
  const { launch, git } = await world(t)
  git.commit('app', { 'public/index.html': 'goodbye\n' })
  const instance = await launch(12)
  // systemd itself puts it there, before anything of ours runs.
  mkdirSync(join(instance.machine.root, 'etc/tmpfiles.d'), { recursive: true })
  writeFileSync(join(instance.machine.root, 'etc/tmpfiles.d/stale.conf'), 'd /run/sunup 0755\nd /run/sunup/health 0755\nf /run/sunup/health/ping.html 0644 - - - stale\n')
  await instance.machine.powerOn()
  t.match((await instance.ended(1)).at(-1), { type: 'run.finished', exitCode: 1, gate: 'closed' }, 'its probe is not answered as it should be')
  t.match((await instance.machine.run('journalctl', '-u', 'sunup-close.service', '-o', 'cat')).output, /gate closed \(.*emptied\)/, 'it was there')
  await isClosed(t, instance)
})
