import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CallCount } from '../../src/core/cloud.ts'
import { awsFleet } from '../support/aws-fleet.ts'
import { repository } from '../support/git-repository.ts'

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
})
