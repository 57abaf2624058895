import t from 'tap'
import { execute } from '../../src/resources/execute.ts'
import { user } from '../../src/resources/user.ts'
import { settles } from '../conformance/settles.ts'
import { testHost } from '../support/machine.ts'
import { failing, settling } from '../support/settling.ts'

t.test('a command runs as a user, with its groups, home and name', async t => {
  const machine = testHost(t)
  await settling(machine, user({ name: 'ann', groups: ['adm', 'games'] }))
  machine.makeDirectory('/srv/out', { owner: 'ann' })
  await settles(t, machine, execute({ name: 'as ann', argv: ['sh', '-c', 'echo "$(id -un) $(id -Gn) $HOME $USER $PWD" > /srv/out/who'], user: 'ann', cwd: '/srv', creates: '/srv/out/who' }), [
    { type: 'create', field: 'creates', to: '/srv/out/who', reason: 'there is nothing yet' },
  ])
  t.equal(machine.readText('/srv/out/who'), 'ann ann adm games /home/ann ann /srv\n')
  t.equal(machine.stat('/srv/out/who')?.uid, machine.account('ann')?.uid)
})

t.test('a user may not do what it may not', async t => {
  const machine = testHost(t)
  const failure = await failing(machine, execute({ name: 'too much', argv: ['cat', '/etc/shadow'], user: 'ann' }))
  t.match(failure, { code: 'command.failed', output: /Permission denied/ })
})

t.test('a user that is not there is absent', async t => {
  t.match(await failing(testHost(t), execute({ name: 'nobody', argv: ['true'], user: 'nobody-here' })), { code: 'absent.user', subject: 'nobody-here' })
})
