import t from 'tap'
import { beforeOf, unitsBefore } from '../../../src/life/systemd/units-before.ts'
import { testMachine } from '../../support/machine.ts'

/** As systemctl(1) prints it, in microseconds. */
const UNITS = `Id=sunup.service
After=network-online.target sysinit.target system.slice
ExecMainPID=611
ExecMainStartTimestampMonotonic=5210000
InactiveExitTimestampMonotonic=5200000
ActiveEnterTimestampMonotonic=9000000
InactiveEnterTimestampMonotonic=0

Id=network-online.target
After=wait.service
InactiveExitTimestampMonotonic=3900000
ActiveEnterTimestampMonotonic=3900000
InactiveEnterTimestampMonotonic=0

Id=once.service
After=
ExecMainPID=400
ExecMainStartTimestampMonotonic=2000000
InactiveExitTimestampMonotonic=2000000
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=2500000

Id=still.service
After=
InactiveExitTimestampMonotonic=4000000
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=0

Id=never.mount
After=
InactiveExitTimestampMonotonic=0
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=0
`

function manager(virtualization: string): string {
  return `UserspaceTimestampMonotonic=1320000\nVirtualization=${virtualization}\n`
}

t.test('times count from the kernel’s start, on hardware and in a virtual machine', async t => {
  for (const virtualization of ['', 'kvm', 'amazon', 'xen']) {
    t.match(beforeOf(manager(virtualization), UNITS, { pid: 611, toldMs: 5_290 }), { from: 'kernel', systemdMs: 1_320, unit: 'sunup.service', startedMs: 5_210, runMs: 5_290 })
  }
})

t.test('in a container they count from its systemd’s: the kernel is somebody else’s', async t => {
  t.match(beforeOf(manager('systemd-nspawn'), UNITS, { pid: 611, toldMs: 5_290 }), { from: 'systemd', systemdMs: 0, startedMs: 3_890, runMs: 3_970 })
})

t.test('a unit was up when it became active; a oneshot that does not remain, when it ended; others are not up yet, or never began', async t => {
  t.strictSame(beforeOf(manager(''), UNITS, { pid: 611, toldMs: 5_290 })?.units, [
    { name: 'sunup.service', startMs: 5_200, upMs: 9_000, after: ['network-online.target', 'sysinit.target', 'system.slice'] },
    { name: 'network-online.target', startMs: 3_900, upMs: 3_900, after: ['wait.service'] },
    { name: 'once.service', startMs: 2_000, upMs: 2_500, after: [] },
    { name: 'still.service', startMs: 4_000, upMs: Infinity, after: [] },
  ])
})

t.test('a run that no unit of this boot began has no units before it', async t => {
  for (const pid of [612, 0, -1, NaN]) t.equal(beforeOf(manager(''), UNITS, { pid, toldMs: 5_290 }), undefined)
  t.equal(beforeOf('', '', { pid: 611, toldMs: undefined }), undefined)
})

t.test('a beginning that can’t be, because the clock was set since, is not believed', async t => {
  for (const toldMs of [undefined, 4_000, 500_000, NaN]) t.equal(beforeOf(manager(''), UNITS, { pid: 611, toldMs })?.runMs, 5_210)
})

t.test('where there is no systemd nothing is said, and nothing fails', async t => {
  const observer = { ...testMachine(t), probe: async () => ({ code: 1, stdout: '', stderr: 'System has not been booted with systemd as init system' }) }
  t.equal(await unitsBefore(observer, { pid: 611, startedAt: new Date().toISOString() }, AbortSignal.timeout(5_000)), undefined)
  const without = { ...observer, probe: async () => { throw new Error('no systemctl') } }
  t.equal(await unitsBefore(without, { pid: 611, startedAt: new Date().toISOString() }, AbortSignal.timeout(5_000)), undefined)
})
