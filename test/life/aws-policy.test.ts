import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Policy } from '../../src/clouds/aws/policy-document.ts'
import { awsFleet, type Fleet, type FleetOptions } from '../support/aws-fleet.ts'
import { allows, coveredBy, requestOf } from '../support/iam.ts'

t.setTimeout(110_000)

const TAGS = { pool: 'web', 'sunup-role': 'web' }

/** An account in which nothing is allowed but what `sunup policy` prints. */
async function guarded(t: Test, options: FleetOptions): Promise<{ readonly fleet: Fleet; readonly policy: Policy; readonly denied: readonly string[] }> {
  const addresses = [{ allocationId: 'eipalloc-1', publicIp: '203.0.113.20', tags: TAGS }, { allocationId: 'eipalloc-2', publicIp: '203.0.113.21', tags: { pool: 'other' } }]
  const fleet = await awsFleet(t, { addresses, ...options })
  const printed = await fleet.sunup('policy', '--role', 'web', '--source', fleet.infra)
  t.match(printed, { code: 0, stderr: '' })
  const policy = JSON.parse(printed.stdout) as Policy
  const denied: string[] = []
  const tagsOf = (id: string) => addresses.find(({ allocationId }) => allocationId === id)?.tags ?? {}
  fleet.fault = call => {
    // Only those of the first address are made here.
    if (allows(policy, requestOf(call, tagsOf, () => 'eipalloc-1'))) return undefined
    denied.push(`${call.api} ${JSON.stringify(call.params)}`)
    return { code: call.api.startsWith('ec2:') ? 'UnauthorizedOperation' : 'AccessDeniedException', message: `not authorized to perform ${call.api}`, status: call.api.startsWith('ec2:') ? 403 : 400 }
  }
  return { fleet, policy, denied }
}

const ROLE = (eip: string): string => `securityGroups: [web]
recipes:
  - files: [{ path: /etc/token, template: token, vars: { token: { secret: "ssm:/web/token" } } }]
  - eip: ${eip}
  - registry
`

for (const eip of ['{ tag: allocation-id }', '{ allocation: eipalloc-1 }', '{ pool: { pool: web } }']) {
  t.test(`with what is printed, and no more, a role boots: eip ${eip}`, async t => {
    const { fleet, policy, denied } = await guarded(t, { role: ROLE(eip), files: { 'templates/token': '{{token}}\n' }, parameters: { '/web/token': { versions: ['s3cr3t'] } } })
    const web = await fleet.launch('i-1')
    const first = await web.boot()
    t.match(first, { code: 0 }, first.stderr)
    t.equal(fleet.ec2.holder('eipalloc-1'), 'i-1')
    t.ok(coveredBy(policy, web.report().calls))
    t.match(await web.boot(), { code: 0 })
    t.strictSame(denied, [])
  })
}

t.test('it takes its address from a dead owner, claim and all; and a failed boot tells of itself', async t => {
  const { fleet, denied } = await guarded(t, { role: `securityGroups: [web]\nrecipes: [eip, registry]\n` })
  const dead = await fleet.launch('i-old')
  t.match(await dead.boot(), { code: 0 })
  const known = fleet.ec2.instances.get('i-old')
  fleet.ec2.instances.set('i-old', { ...known, id: 'i-old', state: 'terminated' })
  const web = await fleet.launch('i-1')
  t.match(await web.boot(), { code: 0 })
  t.equal(fleet.ec2.holder('eipalloc-1'), 'i-1')
  t.ok(fleet.calls.some(({ api }) => api === 'ec2:DisassociateAddress'))
  fleet.write({ 'roles/web.yaml': 'securityGroups: [web]\nrecipes: [{ files: [{ path: /etc/blocked, content: x }] }, eip, registry]\n' })
  mkdirSync(join(web.root, 'etc/blocked/by'), { recursive: true })
  const failed = await web.boot()
  t.equal(failed.code, 1, failed.stderr)
  t.ok(fleet.calls.some(({ api }) => api === 'autoscaling:SetInstanceHealth'))
  t.match((await fleet.rows()).find(({ instanceId }) => instanceId === 'i-1'), { state: 'failed' })
  t.strictSame(denied, [])
})

t.test('an address that is not tagged for the role is refused', async t => {
  const { fleet, denied } = await guarded(t, { role: `securityGroups: [web]\nrecipes: [{ eip: { tries: 1 } }]\n` })
  const web = await fleet.launch('i-1', { documents: { 'meta-data/tags/instance/allocation-id': 'eipalloc-2' } })
  t.match(await web.boot(), { code: 1, stdout: /ec2:AssociateAddress on eipalloc-2 was denied/ })
  t.match(denied, [/^ec2:AssociateAddress/])
  t.equal(fleet.ec2.holder('eipalloc-2'), null)
})
