import t from 'tap'
import { makeSecret } from '../../src/core/secret.ts'
import { systemdUnit } from '../../src/resources/systemd-unit.ts'
import { settles } from '../conformance/settles.ts'
import { testMachine } from '../support/machine.ts'

const content = '[Service]\nExecStart=/bin/true\n'

t.test('in a staging root the file is written, and nothing is enabled', async t => {
  const machine = testMachine(t)
  await settles(t, machine, systemdUnit({ name: 'app.service', content, enabled: true }), [{ type: 'create', field: 'content', to: content }])
  t.equal(machine.readText('/etc/systemd/system/app.service'), content)
})

t.test('one with other content is replaced', async t => {
  const machine = testMachine(t, { etc: { systemd: { system: { 'app.service': 'old\n' } } } })
  await settles(t, machine, systemdUnit({ name: 'app.service', content }), [
    { type: 'update', field: 'content', from: 'old\n', to: content },
  ])
})

t.test('a secret one is read by root alone, and shown to nobody', async t => {
  const machine = testMachine(t)
  await settles(t, machine, systemdUnit({ name: 'app.service', content: makeSecret(`${content}Environment=TOKEN=abc123xyz\n`) }), [{ type: 'create', field: 'content', secret: true }])
  t.equal(machine.stat('/etc/systemd/system/app.service')?.mode, '0600')
})

t.test('a drop-in is written beside its unit', async t => {
  const machine = testMachine(t)
  await settles(t, machine, systemdUnit({ name: 'nginx.service.d/limits.conf', content: '[Service]\nLimitNOFILE=9999\n' }), [
    { type: 'create', field: 'content', to: '[Service]\nLimitNOFILE=9999\n' },
  ])
  t.ok(machine.stat('/etc/systemd/system/nginx.service.d/limits.conf'))
})

t.test('names of no unit are refused', async t => {
  for (const name of ['app', '../app.service', 'a/b.service', 'app.service.d', 'app.conf', '']) t.throws(() => systemdUnit({ name, content }), { code: 'resource.invalid' }, JSON.stringify(name))
  t.throws(() => systemdUnit({ name: 'app.service.d/x.conf', content, enabled: true }), { code: 'resource.invalid', message: /drop-in/ })
})
