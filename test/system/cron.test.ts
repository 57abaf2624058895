import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { cron } from '../../src/resources/cron.ts'
import { packages } from '../../src/resources/packages.ts'
import { service } from '../../src/resources/service.ts'
import { settles } from '../conformance/settles.ts'
import { testHost } from '../support/machine.ts'
import { settling } from '../support/settling.ts'

const WORDS = ['100%', 'a b', '$HOME', '\'', '"', '\\%', '\\\\', 'a\\b', '%%', '*', ';', 'A=b']

t.test('without a cron there is nobody to run it', async t => {
  await t.rejects(settling(testHost(t), cron({ name: 'job', schedule: '@hourly', argv: ['true'] })), { code: 'absent.command', subject: 'cron' })
})

t.test('a user that is not there is absent', async t => {
  await t.rejects(settling(testHost(t), cron({ name: 'job', schedule: '@hourly', user: 'nobody-here', argv: ['true'] })), { code: 'absent.user', subject: 'nobody-here' })
})

t.test('cron runs the command, and every word of it arrives as it was written', async t => {
  const machine = testHost(t)
  await settling(machine, packages({ install: ['cron'] }))
  await settling(machine, service({ name: 'cron', state: 'stopped' }))
  // What is to run at reboot runs when cron starts for the first time: it remembers that it did in this file.
  machine.remove('/run/crond.reboot')
  machine.makeDirectory('/srv/cron', { owner: 'daemon' })
  machine.write('/srv/cron/say', '#!/bin/sh\nprintf "%s\\n" "$@" > /srv/cron/said.new\nid -un >> /srv/cron/said.new\nmv /srv/cron/said.new /srv/cron/said\n', { mode: '0755' })
  const job = cron({ name: 'say', schedule: '@reboot', user: 'daemon', argv: ['/srv/cron/say', ...WORDS] })
  await settling(machine, job)
  await settles(t, machine, job, [])
  await settling(machine, service({ name: 'cron' }))
  while (machine.stat('/srv/cron/said') === undefined) await sleep(50)
  t.strictSame(machine.readText('/srv/cron/said')?.trimEnd().split('\n'), [...WORDS, 'daemon'])
})

t.test('a file that others may write is mended: cron would not read it', async t => {
  const machine = testHost(t)
  const job = cron({ name: 'mended', schedule: '*/5 * * * *', argv: ['true'] })
  await settling(machine, job)
  machine.setMode('/etc/cron.d/sunup-mended', '0666')
  await settles(t, machine, job, [{ type: 'update', field: 'content', reason: 'cron reads plain files of root with mode 0644 alone' }])
})

t.test('a job can go', async t => {
  const machine = testHost(t)
  const content = machine.readText('/etc/cron.d/sunup-mended') as string
  await settles(t, machine, cron({ name: 'mended', schedule: '@hourly', argv: ['true'], state: 'absent' }), [{ type: 'remove', field: 'content', from: content }])
  t.equal(machine.stat('/etc/cron.d/sunup-mended'), undefined)
})
