import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { ec2Server } from '../support/ec2-server.ts'
import { GROUP, hooksServer } from '../support/hooks-server.ts'

const run = promisify(execFile)

/** The AWS CLI, which nobody here wrote, against the servers that the other tests are held to. */
async function aws(endpoint: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.env.SUNUP_TEST_AWS_CLI as string, [...args, '--endpoint-url', endpoint, '--output', 'json'], { env: { ...process.env, AWS_MAX_ATTEMPTS: '1' } })
  return stdout.trim() === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>)
}

t.test('lifecycle hooks: the AWS CLI understands the server', async t => {
  const server = await hooksServer(t, { hooks: { launching: { timeoutMs: 60_000 } } })
  const ask = (...args: string[]) => aws(server.endpoint, 'autoscaling', ...args)
  const hook = ['--lifecycle-hook-name', 'launching', '--auto-scaling-group-name', GROUP, '--instance-id', 'i-1']
  server.group.launch('i-1')
  server.group.arrive('i-1')
  t.match(await ask('describe-auto-scaling-instances', '--instance-ids', 'i-1'), {
    AutoScalingInstances: [{ InstanceId: 'i-1', AutoScalingGroupName: GROUP, LifecycleState: 'Pending:Wait', ProtectedFromScaleIn: false }],
  })
  t.match(await ask('describe-lifecycle-hooks', '--auto-scaling-group-name', GROUP), {
    LifecycleHooks: [{ LifecycleHookName: 'launching', LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING', HeartbeatTimeout: 60, GlobalTimeout: 6_000, DefaultResult: 'ABANDON' }],
  })
  await ask('record-lifecycle-action-heartbeat', ...hook)
  await ask('complete-lifecycle-action', ...hook, '--lifecycle-action-result', 'CONTINUE')
  t.equal(server.group.state('i-1'), 'Pending:Proceed')
  await t.rejects(ask('complete-lifecycle-action', ...hook, '--lifecycle-action-result', 'CONTINUE'), { message: /\(ValidationError\).*No active Lifecycle Action found with instance ID i-1/ })
  await ask('set-instance-health', '--instance-id', 'i-1', '--health-status', 'Unhealthy', '--no-should-respect-grace-period')
  t.equal(server.group.health.get('i-1'), 'Unhealthy')
  server.fault = () => 'throttle'
  await t.rejects(ask('describe-auto-scaling-instances'), { message: /\(Throttling\)/ })
})

t.test('lifecycle hooks: more than a page of instances', async t => {
  const server = await hooksServer(t)
  for (let index = 0; index < 120; index++) server.group.be(`i-${index}`, 'InService')
  t.equal(((await aws(server.endpoint, 'autoscaling', 'describe-auto-scaling-instances')).AutoScalingInstances as []).length, 120)
})

t.test('addresses: the AWS CLI understands the server, and steals by default', async t => {
  const server = await ec2Server(t, { addresses: [{ allocationId: 'eipalloc-1', publicIp: '198.51.100.1', tags: { role: 'web' } }], instances: [{ id: 'i-1', tags: { Name: 'one' } }, { id: 'i-2' }] })
  const ask = (...args: string[]) => aws(server.endpoint, 'ec2', ...args)
  const { AssociationId } = (await ask('associate-address', '--allocation-id', 'eipalloc-1', '--instance-id', 'i-1')) as { AssociationId: string }
  t.match(await ask('describe-addresses', '--filters', 'Name=tag:role,Values=we?,x'), { Addresses: [{ AllocationId: 'eipalloc-1', AssociationId, InstanceId: 'i-1', PublicIp: '198.51.100.1', Tags: [{ Key: 'role', Value: 'web' }] }] })
  await t.rejects(ask('associate-address', '--allocation-id', 'eipalloc-1', '--instance-id', 'i-2', '--no-allow-reassociation'), { message: /\(Resource\.AlreadyAssociated\)/ })
  await ask('associate-address', '--allocation-id', 'eipalloc-1', '--instance-id', 'i-2')
  t.equal(server.holder('eipalloc-1'), 'i-2')
  await t.rejects(ask('disassociate-address', '--association-id', AssociationId), { message: /\(InvalidAssociationID\.NotFound\)/ })
  t.match(await ask('describe-instances', '--instance-ids', 'i-1'), { Reservations: [{ Instances: [{ InstanceId: 'i-1', State: { Name: 'running' } }] }] })
  t.match(await ask('describe-tags', '--filters', 'Name=resource-id,Values=i-1'), { Tags: [{ Key: 'Name', ResourceId: 'i-1', Value: 'one' }] })
})
