import t, { type Test } from 'tap'
import type { Change } from '../../src/core/change.ts'
import { look, settle } from '../../src/engine/settle.ts'
import { cron, type CronProps } from '../../src/resources/cron.ts'
import { surroundings } from '../conformance/settles.ts'
import { testMachine, type TestMachine } from '../support/machine.ts'

const job = { name: 'job', schedule: '*/5 * * * *', argv: ['/usr/bin/true'] } as const

function staged(t: Test, etc: Record<string, object | string> = {}): TestMachine {
  return testMachine(t, { etc: { passwd: 'root:x:0:0:root:/root:/bin/bash\n', group: 'root:x:0:\n', ...etc }, usr: { sbin: { cron: '' } } })
}

function found(t: Test, props: CronProps, machine = staged(t)): Promise<readonly Change[]> {
  return Promise.resolve().then(() => look(cron(props), surroundings(machine, [])))
}

async function line(t: Test, props: CronProps): Promise<string | undefined> {
  const [change] = await found(t, props)
  return String(change?.to).split('\n')[1]
}

t.test('a job is a line with schedule, user and command, below a PATH', async t => {
  t.strictSame(await found(t, job), [{ type: 'create', field: 'content', to: 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n*/5 * * * * root /usr/bin/true\n' }])
})

t.test('words are quoted for the shell, and % and backslashes for cron', async t => {
  t.equal(await line(t, { ...job, schedule: '@daily', argv: ['date', '+%F', 'a b', '$HOME', 'it\'s', '\\', 'A=b'] }), String.raw`@daily root date '+\%F' 'a b' '$HOME' 'it'\\''s' '\\' 'A=b'`)
})

t.test('a job that is to be absent has its file removed', async t => {
  const machine = staged(t, { 'cron.d': { 'sunup-job': 'old\n' } })
  t.strictSame(await found(t, { ...job, state: 'absent' }, machine), [{ type: 'remove', field: 'content', from: 'old\n' }])
  t.strictSame(await found(t, { ...job, state: 'absent' }), [])
})

t.test('a user that is not there is absent', async t => {
  await t.rejects(found(t, { ...job, user: 'nobody-here' }), { code: 'absent.user', subject: 'nobody-here' })
})

t.test('a staging root has no cron', async t => {
  t.strictSame(await settle(cron(job), surroundings(staged(t), [])), { outcome: 'skipped' })
})

t.test('what cron would pass over or take for something else is refused', async t => {
  t.throws(() => cron({ ...job, name: 'job.sh' }), { code: 'resource.invalid', message: /passes over/ })
  t.throws(() => cron({ ...job, argv: ['echo', 'a\nb'] }), { code: 'resource.invalid', message: /new line/ })
  t.throws(() => cron({ ...job, user: 'root rm' }), { code: 'resource.invalid' })
  for (const schedule of ['* * * *', '* * * * * *', '@often', 'every day', '* * * * *\n* * * * *']) {
    t.throws(() => cron({ ...job, schedule }), { code: 'resource.invalid', message: /no schedule/ }, JSON.stringify(schedule))
  }
  for (const schedule of ['@reboot', '0 3 * * mon-fri', '0,30 */2 1-7 jan *']) t.ok(cron({ ...job, schedule }), schedule)
})
