import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Event } from '../../src/core/events.ts'
import { ASK_MANAGER, ASK_UNITS, beforeOf } from '../../src/life/systemd/units-before.ts'
import { timeline } from '../../src/reporters/timeline.ts'

// A boot that systemd began, and the units of the machine that were before it.

const checkout = join(import.meta.dirname, '../..')
const infra = mkdtempSync('/root/report-')
const sunup = [process.execPath, join(checkout, 'bin/sunup.js')]
const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' })

mkdirSync(join(infra, 'roles'))
mkdirSync(join(infra, '.sunup/cloud'), { recursive: true })
writeFileSync(join(infra, 'sunup.yaml'), `cloud: local\nstate: ${infra}/state\nrun: ${infra}/run\n`)
writeFileSync(join(infra, 'instance.yaml'), 'id: i-0report\ntype: t3.micro\nregion: eu-west-1\nzone: eu-west-1a\nprivateIp: 192.0.2.1\nsecurityGroups: [web]\n')
writeFileSync(join(infra, 'roles/web.yaml'), 'recipes:\n  - files: [{ path: /etc/report-test, content: "here\\n" }]\n')
// Something takes its time, and the boot waits for it.
run('systemd-run', '--unit=slow', '--remain-after-exit', '--property=Type=oneshot', 'sleep', '0.5')
run('systemd-run', '--unit=report-boot', '--remain-after-exit', '--property=Type=oneshot', '--property=After=slow.service', ...sunup, 'boot', '--config', join(infra, 'sunup.yaml'))

t.test('the page of a boot that a unit began has the units that it waited for', async t => {
  const page = run(sunup[0] as string, sunup[1] as string, 'report', '--html', '-', '--config', join(infra, 'sunup.yaml'))
  t.match(page, 'after systemd’s start', 'a container has the kernel of its host')
  t.match(page, 'Before sunup')
  t.match(page, '<code>slow.service</code>')
  t.match(page, 'the program starts')
})

t.test('what they took and what the run took is what passed from the machine’s start to the open gate', async t => {
  const runs = join(infra, 'state/i-0report/runs')
  const events = readFileSync(join(runs, readdirSync(runs)[0] as string, 'events.ndjson'), 'utf8').trim().split('\n').map(line => JSON.parse(line) as Event)
  const pid = Number(run('systemctl', 'show', '--value', '--property=ExecMainPID', 'report-boot.service'))
  const ask = ([program = '', ...args]: readonly string[]): string => run(program, ...args)
  const before = beforeOf(ask(ASK_MANAGER), ask(ASK_UNITS), { pid, toldMs: undefined })
  const found = timeline(events, before)
  t.ok(found && found.healthyMs !== null && found.healthyMs > found.runMs)
  const path = found?.spans.filter(({ isCritical }) => isCritical) ?? []
  t.ok((path.find(({ name }) => name === 'slow.service')?.durationMs ?? 0) >= 500)
  const together = path.reduce((sum, { durationMs }) => sum + durationMs, 0)
  t.ok(Math.abs(together - (found?.healthyMs ?? 0)) < 40, `${together} of ${found?.healthyMs}`)
})

t.test('of a boot that somebody began by hand no unit is shown', async t => {
  run(sunup[0] as string, sunup[1] as string, 'boot', '--config', join(infra, 'sunup.yaml'))
  const page = run(sunup[0] as string, sunup[1] as string, 'report', '--html', '-', '--config', join(infra, 'sunup.yaml'))
  t.notMatch(page, 'Before sunup')
  t.match(page, 'after the run’s start')
})
