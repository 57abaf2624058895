import { execFileSync } from 'node:child_process'
import t from 'tap'
import { autoScaling } from '../../src/clouds/aws/auto-scaling.ts'
import { hooks } from '../../src/clouds/aws/lifecycle-hooks.ts'
import { awsLifecycle } from '../../src/clouds/aws/lifecycle.ts'
import { systemClock } from '../../src/machine/clock.ts'
import { accessTo, patient } from '../support/dynamodb.ts'

// Moto never brings an instance to a hook's wait, and can't complete one: of that it says nothing here.
const { signal } = new AbortController()
const endpoint = process.env.AWS_ENDPOINT_URL as string

function aws(...args: string[]): Record<string, unknown> {
  const text = execFileSync(process.env.SUNUP_TEST_AWS_CLI as string, [...args, '--output', 'json'], { encoding: 'utf8' })
  return text.trim() === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

const { ImageId } = (aws('ec2', 'describe-images', '--owners', 'amazon', '--max-items', '1').Images as { ImageId: string }[])[0] as { ImageId: string }
aws('autoscaling', 'create-launch-configuration', '--launch-configuration-name', 'web', '--image-id', ImageId, '--instance-type', 't3.small')
aws('autoscaling', 'create-auto-scaling-group', '--auto-scaling-group-name', 'web-asg', '--launch-configuration-name', 'web', '--min-size', '1', '--max-size', '2', '--availability-zones', 'eu-west-1a')
aws('autoscaling', 'put-lifecycle-hook', '--auto-scaling-group-name', 'web-asg', '--lifecycle-hook-name', 'sunup-launch', '--lifecycle-transition', 'autoscaling:EC2_INSTANCE_LAUNCHING', '--heartbeat-timeout', '120')
const [{ InstanceId }] = aws('autoscaling', 'describe-auto-scaling-instances').AutoScalingInstances as [{ InstanceId: string }]

t.test('an instance is known with its group and state; one that is in none is not', async t => {
  const group = autoScaling(accessTo(t, endpoint))
  t.strictSame(await group.member(InstanceId, signal), { group: 'web-asg', state: 'InService' })
  t.equal(await group.member('i-00000000000000000', signal), undefined)
})

t.test('hooks are read with their timeouts', async t => {
  const known = hooks(autoScaling(accessTo(t, endpoint)), undefined)
  t.strictSame(await known.of('web-asg', 'launch', signal), { group: 'web-asg', name: 'sunup-launch', timeoutMs: 120_000, isAlone: true })
  t.equal(await known.of('web-asg', 'termination', signal), undefined)
})

t.test('a boot that failed in service makes the instance unhealthy', async t => {
  const lifecycle = awsLifecycle({ autoScaling: autoScaling(accessTo(t, endpoint)), clock: patient(systemClock), instanceId: async () => InstanceId, targetState: async () => undefined })
  await lifecycle.ready(signal)
  await lifecycle.failed('broken', signal)
  const [found] = aws('autoscaling', 'describe-auto-scaling-instances', '--instance-ids', InstanceId).AutoScalingInstances as { HealthStatus: string }[]
  t.match(found?.HealthStatus, /unhealthy/i)
})
