import t from 'tap'
import type { Resource } from '../../src/core/resource.ts'
import { service } from '../../src/resources/service.ts'
import { systemdUnit } from '../../src/resources/systemd-unit.ts'
import { settles } from '../conformance/settles.ts'
import { testHost } from '../support/machine.ts'
import { settling } from '../support/settling.ts'

const content = (seconds: number): string => `[Service]\nExecStart=/bin/sleep ${seconds}\n[Install]\nWantedBy=multi-user.target\n`
const unit = (seconds: number, more: { enabled?: boolean } = {}): Resource => systemdUnit({ name: 'demo.service', content: content(seconds), ...more })

t.test('a unit is written, known and enabled', async t => {
  const machine = testHost(t)
  await settles(t, machine, unit(1000, { enabled: true }), [
    { type: 'create', field: 'content', to: content(1000) },
    { type: 'update', field: 'enabled', from: false, to: true },
  ])
  t.equal((await machine.probe(['systemctl', 'is-enabled', 'demo.service'])).stdout, 'enabled\n')
})

t.test('a changed one is what systemd starts from then on', async t => {
  const machine = testHost(t)
  await settling(machine, service({ name: 'demo' }))
  await settles(t, machine, unit(2000), [{ type: 'update', field: 'content', from: content(1000), to: content(2000) }])
  t.match((await machine.probe(['systemctl', 'show', '--property=ExecStart', 'demo.service'])).stdout, /sleep 2000/)
})

t.test('a run that died before systemd was told is made good by the next', async t => {
  const machine = testHost(t)
  machine.write('/etc/systemd/system/demo.service', content(3000))
  await settles(t, machine, unit(3000), [{ type: 'update', field: 'loaded', reason: 'systemd has read an older one' }])
  t.match((await machine.probe(['systemctl', 'show', '--property=ExecStart', 'demo.service'])).stdout, /sleep 3000/)
})

t.test('it can be disabled', async t => {
  const machine = testHost(t)
  await settles(t, machine, unit(3000, { enabled: false }), [{ type: 'update', field: 'enabled', from: true, to: false }])
  t.equal((await machine.probe(['systemctl', 'is-enabled', 'demo.service'])).stdout, 'disabled\n')
})

t.test('a drop-in changes its unit', async t => {
  const machine = testHost(t)
  const text = '[Service]\nEnvironment=EXTRA=yes\n'
  await settles(t, machine, systemdUnit({ name: 'demo.service.d/extra.conf', content: text }), [{ type: 'create', field: 'content', to: text }])
  t.match((await machine.probe(['systemctl', 'show', '--property=Environment', 'demo.service'])).stdout, /EXTRA=yes/)
})
