import t from 'tap'
import { awsFleet, SMALL } from '../../support/aws-fleet.ts'

// The agent as a program, against everything on the wire; its lease is short, so that a test need not last for one.

t.test('the address of an instance that serves goes to another: its gate is closed, its row says why, and its group replaces it', async t => {
  const fleet = await awsFleet(t, { role: SMALL, config: 'registry: { lease: 3s }\n' })
  const web = await fleet.launch('i-1')
  t.match(await web.boot(), { code: 0 })
  const asked = fleet.calls.length
  const agent = web.started({}, 'watch', '--format', 'json')
  fleet.ec2.instances.set('i-9', { id: 'i-9' })
  fleet.ec2.give('eipalloc-1', 'i-9')
  const { code, events, stderr } = await agent.end
  t.equal(code, 1, stderr)
  t.match(events().at(-1), { gate: 'closed', error: { code: 'address.lost', message: /203\.0\.113\.20 was taken from this instance: i-9 holds it/ } })
  t.notOk(web.isOpen())
  t.match(await fleet.rows(), [{ instanceId: 'i-1', state: 'failed', failure: /203\.0\.113\.20/ }])
  const calls = fleet.calls.slice(asked).map(({ api }) => api)
  t.ok(calls.includes('autoscaling:SetInstanceHealth'), calls.join())
  t.strictSame([...new Set(calls.filter(api => api.startsWith('ec2:')))], ['ec2:DescribeAddresses'])
})

t.test('a metadata service that is behind EC2 takes no address from anybody, and while all is as it should be EC2 is asked nothing', async t => {
  const fleet = await awsFleet(t, { role: SMALL, config: 'registry: { lease: 600ms }\n' })
  const web = await fleet.launch('i-1')
  t.match(await web.boot(), { code: 0 })
  const usual = web.imds.documents.get.bind(web.imds.documents)
  const asked = fleet.calls.length
  const ec2 = (): number => fleet.calls.slice(asked).filter(({ api }) => api.startsWith('ec2:')).length
  const renewals = (): number => fleet.calls.slice(asked).filter(({ api }) => api === 'dynamodb:UpdateItem' || api === 'dynamodb:PutItem').length
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) await new Promise(resolve => setTimeout(resolve, 10))
  }
  const agent = web.started({}, 'watch')
  await until(() => renewals() >= 3)
  t.equal(ec2(), 0)
  web.imds.documents.get = path => (path === 'meta-data/public-ipv4' ? '198.51.100.1' : usual(path))
  await until(() => ec2() >= 5)
  agent.process.kill('SIGTERM')
  t.equal((await agent.end).code, 143)
  t.ok(web.isOpen())
  t.match(await fleet.rows(), [{ state: 'in-service' }])
})
