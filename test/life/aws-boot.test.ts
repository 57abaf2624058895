import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CallCount, Row } from '../../src/core/cloud.ts'
import { awsFleet, SMALL } from '../support/aws-fleet.ts'
import { repository } from '../support/git-repository.ts'
import type { Ran } from '../support/program.ts'

t.setTimeout(110_000)

const WRITES = /:(Put|Update|Delete|Associate|Disassociate|Complete|Record|Set|Create)/

function counted(calls: Readonly<Record<string, CallCount>>): { readonly all: number; readonly writing: number } {
  const sum = (names: readonly string[]): number => names.reduce((total, name) => total + (calls[name]?.count ?? 0), 0)
  return { all: sum(Object.keys(calls)), writing: sum(Object.keys(calls).filter(name => WRITES.test(name))) }
}

t.test('the role boots from the metadata service alone: address, row and hook in this order; once more it writes only its gate and its lease', async t => {
  const app = repository(t, { 'public/index.html': '<h1>1</h1>\n' })
  const fleet = await awsFleet(t, {
    role: `securityGroups: [web]
recipes:
  - files: [{ path: /etc/motd, content: "hello\\n" }]
  - git-sync: { repository: "${app.url}", ref: main, path: /srv/app }
  - eip
  - registry: { meta: { port: 8080 } }
`,
  })
  const web = await fleet.launch('i-1')
  const opened: boolean[] = []
  fleet.fault = ({ api }) => {
    if (api === 'autoscaling:CompleteLifecycleAction') opened.push(web.isOpen())
    return undefined
  }
  const first = await web.boot()
  t.match(first, { code: 0, stderr: '' }, first.stdout)
  t.equal(readFileSync(join(web.root, 'etc/motd'), 'utf8'), 'hello\n')
  t.equal(fleet.ec2.holder('eipalloc-1'), 'i-1')
  t.match(await fleet.rows(), [{ role: 'web', instanceId: 'i-1', state: 'in-service', publicIp: '203.0.113.20', publicHostname: /^ec2-203-0-113-20\./, privateIp: '10.0.1.17', instanceType: 't3.small', meta: { port: 8080 } }])
  t.equal(web.groupState(), 'InService')
  t.strictSame(opened, [true], 'the group is told to go on when the health file is there')
  const writes = fleet.calls.filter(({ api }) => WRITES.test(api)).map(({ api, params }) => (api === 'dynamodb:PutItem' ? `row ${(params.Item as { state?: { S: string }; role: { S: string } }).state?.S ?? (params.Item as { role: { S: string } }).role.S}` : api))
  t.strictSame(writes, ['row booting', 'row #address', 'ec2:AssociateAddress', 'row booting', 'row in-service', 'autoscaling:CompleteLifecycleAction'])

  t.equal(fleet.calls.length, 18)

  fleet.calls.length = 0
  const second = await web.boot()
  t.match(second, { code: 0, stderr: '' }, second.stdout)
  const { calls, counts } = web.report()
  t.match(counts, { changed: 0, failed: 0 })
  t.strictSame(fleet.calls.filter(({ api }) => WRITES.test(api)).map(({ params }) => (params.Item as { state: { S: string } }).state.S), ['booting', 'in-service'])
  const { all, writing } = counted(calls)
  t.equal(all, fleet.calls.length, 'all are counted')
  t.ok(all <= 8 && writing <= 3, `${all} calls, ${writing} of them write`)
  t.ok(existsSync(web.health))

  // A reboot: the row is an earlier boot's.
  const [row] = (await fleet.rows()) as [Row]
  await fleet.registry.remove(row, AbortSignal.timeout(5_000))
  await fleet.registry.register({ ...row, bootId: '1000000000000-earlier' }, row, AbortSignal.timeout(5_000))
  fleet.calls.length = 0
  t.match(await web.boot(), { code: 0, stderr: '' })
  t.match(web.report().counts, { changed: 0, failed: 0 })
  const rebooted = counted(web.report().calls)
  t.ok(rebooted.all <= 8 && rebooted.writing <= 3, `${rebooted.all} calls, ${rebooted.writing} of them write, after a reboot`)
  t.match(await fleet.rows(), [{ bootId: row.bootId, state: 'in-service', publicIp: '203.0.113.20', meta: { port: 8080 } }])
})

t.test('a plan asks, and writes nothing; once booted there is nothing to foretell', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1')
  const plan = async (): Promise<Ran> => await web.started({}, 'plan').end
  const first = await plan()
  t.match(first, { code: 2, stdout: /address\[tag allocation-id\]\n[^]*unknown until address\[tag allocation-id\]/ }, first.stdout)
  t.strictSame(readdirSync(web.root), [])
  t.equal((await web.boot()).code, 0)
  t.match(await plan(), { code: 0, stderr: '' })
  fleet.calls.length = 0
  await plan()
  t.strictSame(fleet.calls.filter(({ api }) => WRITES.test(api)), [])
  t.equal(web.groupState(), 'InService')
})

t.test('a role asks only what it needs', async t => {
  const fleet = await awsFleet(t, { role: 'recipes:\n  - files: [{ path: /etc/motd, content: "hello" }]\n' })
  const web = await fleet.launch('i-1')
  t.equal((await web.boot()).code, 0)
  t.strictSame(fleet.calls.map(({ api }) => api), ['autoscaling:DescribeAutoScalingInstances', 'autoscaling:DescribeLifecycleHooks', 'autoscaling:CompleteLifecycleAction'])
  t.match(await web.started({}, 'close').end, { code: 0 })
  t.equal(fleet.calls.length, 3, 'closing asks nobody')
  t.notOk(web.isOpen())
})

t.test('tags that the metadata service does not tell are asked of EC2, where one is read', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1', { documents: { 'meta-data/tags/instance/Name': undefined, 'meta-data/tags/instance/allocation-id': undefined } })
  fleet.ec2.instances.set('i-1', { id: 'i-1', tags: { 'allocation-id': 'eipalloc-2' } })
  t.match(await web.boot(), { code: 0, stderr: '' })
  t.equal(fleet.ec2.holder('eipalloc-2'), 'i-1')
  t.equal((await web.boot()).code, 0)
  const { all } = counted(web.report().calls)
  t.ok(all <= 8, `${all} calls`)
  t.equal(web.report().calls['ec2:DescribeTags']?.count, 1)
})
