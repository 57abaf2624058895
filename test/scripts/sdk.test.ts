import t from 'tap'
import { readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSdk, joinSdk } from '../../scripts/sdk.ts'
import { accessTo } from '../support/dynamodb.ts'
import { ec2Server } from '../support/ec2-server.ts'
import { hooksServer } from '../support/hooks-server.ts'

const home = dirname(dirname(import.meta.dirname))
const { signal } = new AbortController()

type Ec2 = typeof import('../../src/clouds/aws/sdk/ec2.ts')
type AutoScaling = typeof import('../../src/clouds/aws/sdk/auto-scaling.ts')

const directory = t.testdir()
await buildSdk(home, directory)
const load = async <Sdk>(name: string): Promise<{ readonly pruned: Sdk; readonly published: Sdk }> => ({
  pruned: (await import(pathToFileURL(join(directory, `${name}.js`)).href)) as Sdk,
  published: (await import(`../../src/clouds/aws/sdk/${name}.ts`)) as Sdk,
})

t.test('each client is a file of its own, with what is exported there and no more', async t => {
  for (const name of readdirSync(join(home, 'src/clouds/aws/sdk'))) {
    const { pruned, published } = await load<object>(name.slice(0, -'.ts'.length))
    t.strictSame(Object.keys(pruned).sort(), Object.keys(published).sort(), name)
  }
})

t.test('joined in one file they are what they are apart, each evaluated when it is asked for', async t => {
  const joined = join(directory, 'joined')
  await joinSdk(directory, joined)
  const sdk = createRequire(import.meta.url)(join(joined, 'sdk.cjs')) as Record<string, () => object>
  t.strictSame(Object.keys(sdk).sort(), ['auto-scaling', 'dynamodb', 'ec2', 'ssm'])
  for (const [name, open] of Object.entries(sdk)) {
    const { pruned } = await load<object>(name)
    t.strictSame(Object.keys(open()).sort(), Object.keys(pruned).sort(), name)
  }
})

t.test('of EC2’s 700 operations only the used ones are left', async t => {
  t.ok(statSync(join(directory, 'ec2.js')).size < 80_000)
})

t.test('pruned, EC2’s client asks and understands what the published one does', async t => {
  const { pruned, published } = await load<Ec2>('ec2')
  const ask = async (sdk: Ec2) => {
    const server = await ec2Server(t, {
      addresses: [{ allocationId: 'eipalloc-1', publicIp: '198.51.100.1', tags: { role: 'web & more' } }],
      instances: [{ id: 'i-1', tags: { a: 'b' } }, { id: 'i-2', interfaces: [{ id: 'eni-1', privateIps: ['10.0.0.1', '10.0.0.2'] }] }],
    })
    const client = new sdk.EC2Client(await accessTo(t, server.endpoint).settings(signal))
    const answers = [
      await client.send(new sdk.AssociateAddressCommand({ AllocationId: 'eipalloc-1', InstanceId: 'i-1', AllowReassociation: false })),
      await client.send(new sdk.DescribeAddressesCommand({ AllocationIds: ['eipalloc-1'], Filters: [{ Name: 'tag:role', Values: ['web*', 'x'] }] })),
      await client.send(new sdk.DisassociateAddressCommand({ AssociationId: 'eipassoc-1' })),
      await client.send(new sdk.AssociateAddressCommand({ AllocationId: 'eipalloc-1', NetworkInterfaceId: 'eni-1', PrivateIpAddress: '10.0.0.2', AllowReassociation: false })),
      await client.send(new sdk.DescribeInstancesCommand({ InstanceIds: ['i-1', 'i-2'] })),
      await client.send(new sdk.DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: ['i-1'] }] })),
      await client.send(new sdk.DescribeAddressesCommand({ AllocationIds: ['eipalloc-9'] })).catch((error: Error) => ({ name: error.name, message: error.message })),
    ]
    client.destroy()
    return { asked: server.asked, answers: answers.map(withoutMetadata) }
  }
  const expected = await ask(published)
  t.strictSame(await ask(pruned), expected)
  t.match(expected.answers[1], { Addresses: [{ AllocationId: 'eipalloc-1', InstanceId: 'i-1', Tags: [{ Key: 'role', Value: 'web & more' }] }] })
})

t.test('pruned, Auto Scaling’s client asks and understands what the published one does', async t => {
  const { pruned, published } = await load<AutoScaling>('auto-scaling')
  const ask = async (sdk: AutoScaling) => {
    const server = await hooksServer(t, { hooks: { launching: { timeoutMs: 60_000 } } })
    server.group.launch('i-1')
    server.group.arrive('i-1')
    const hook = { AutoScalingGroupName: 'web-asg', LifecycleHookName: 'launching', InstanceId: 'i-1' }
    const client = new sdk.AutoScalingClient(await accessTo(t, server.endpoint).settings(signal))
    const answers = [
      await client.send(new sdk.DescribeAutoScalingInstancesCommand({ InstanceIds: ['i-1'] })),
      await client.send(new sdk.DescribeLifecycleHooksCommand({ AutoScalingGroupName: 'web-asg' })),
      await client.send(new sdk.RecordLifecycleActionHeartbeatCommand(hook)),
      await client.send(new sdk.CompleteLifecycleActionCommand({ ...hook, LifecycleActionResult: 'CONTINUE' })),
      await client.send(new sdk.CompleteLifecycleActionCommand({ ...hook, LifecycleActionResult: 'CONTINUE' })).catch((error: Error) => ({ name: error.name, message: error.message })),
      await client.send(new sdk.SetInstanceHealthCommand({ InstanceId: 'i-1', HealthStatus: 'Unhealthy', ShouldRespectGracePeriod: false })),
    ]
    client.destroy()
    return { asked: server.asked, answers: answers.map(withoutMetadata) }
  }
  const expected = await ask(published)
  t.strictSame(await ask(pruned), expected)
  t.match(expected.answers, [{ AutoScalingInstances: [{ LifecycleState: 'Pending:Wait' }] }, { LifecycleHooks: [{ HeartbeatTimeout: 60 }] }, {}, {}, { name: 'ValidationError' }])
})


function withoutMetadata(answer: object): object {
  return Object.fromEntries(Object.entries(answer).filter(([name]) => name !== '$metadata'))
}
