import t, { type Test } from 'tap'
import { imds } from '../../../src/clouds/aws/imds.ts'
import { awsMetadata, type Tags } from '../../../src/clouds/aws/metadata.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { imdsServer, instanceDocuments } from '../../support/imds-server.ts'

const never = new AbortController().signal

async function served(t: Test, over: Readonly<Record<string, string | undefined>> = {}, tagsOf: (id: string) => Promise<Tags> = async () => t.fail('no API is to be asked') as never) {
  const clock = fakeClock()
  const server = await imdsServer(t, { clock, documents: instanceDocuments(over) })
  const client = imds({ clock, endpoint: server.endpoint })
  t.teardown(client.dropSockets)
  return { server, clock, metadata: awsMetadata({ imds: client, tagsOf }) }
}

const NO_TAGS = { 'meta-data/tags/instance/Name': undefined, 'meta-data/tags/instance/allocation-id': undefined }

t.test('an instance is what its metadata says', async t => {
  const { metadata } = await served(t)
  t.strictSame(await metadata.identity(never), {
    id: 'i-0123456789abcdef0',
    type: 't3.small',
    region: 'eu-west-1',
    zone: 'eu-west-1a',
    privateIp: '10.0.1.17',
    publicIp: '203.0.113.10',
    publicHostname: 'ec2-203-0-113-10.eu-west-1.compute.amazonaws.com',
    securityGroups: ['web', 'default'],
    tags: { Name: 'web-1', 'allocation-id': 'eipalloc-1' },
  })
})

t.test('an instance is read in one request for each thing, and a token', async t => {
  const { metadata, server } = await served(t)
  await metadata.identity(never)
  t.strictSame(
    server.requests.map(({ method, path }) => `${method} ${path}`).sort(),
    [
      'GET dynamic/instance-identity/document', 'GET meta-data/public-hostname', 'GET meta-data/public-ipv4', 'GET meta-data/security-groups', 'GET meta-data/tags/instance',
      'GET meta-data/tags/instance/Name', 'GET meta-data/tags/instance/allocation-id', 'PUT api/token',
    ],
  )
  t.ok(server.connections <= 4)
})

t.test('read again, an address taken in between shows, and what can not change is not asked', async t => {
  const { metadata, server } = await served(t, { ...NO_TAGS, 'meta-data/public-ipv4': undefined, 'meta-data/public-hostname': '' })
  t.match(await metadata.identity(never), { publicIp: null, publicHostname: null })
  server.documents.set('meta-data/public-ipv4', '198.51.100.7')
  t.match(await metadata.identity(never), { publicIp: '198.51.100.7' })
  t.equal(server.requests.filter(({ path }) => path.startsWith('dynamic/')).length, 1)
})

t.test('tags that the metadata does not list are unknown, not absent', async t => {
  const { metadata } = await served(t, NO_TAGS)
  const { tags } = await metadata.identity(never)
  const failure = { code: 'instance.tags', message: /i-0123456789abcdef0 are not in its metadata/, hint: /InstanceMetadataTags.*ec2:DescribeTags/ }
  t.throws(() => tags.Name, failure)
  t.throws(() => 'Name' in tags, failure)
  t.throws(() => Object.keys(tags), failure)
  t.throws(() => ({ ...tags }), failure)
})

t.test('unknown tags are learnt from the API, once asked for', async t => {
  const asked: string[] = []
  const { metadata } = await served(t, NO_TAGS, async id => {
    asked.push(id)
    return { Name: 'from the API' }
  })
  await metadata.identity(never)
  t.strictSame(asked, [])
  await metadata.learnTags(never)
  t.strictSame((await metadata.identity(never)).tags, { Name: 'from the API' })
  await metadata.identity(never)
  t.strictSame(asked, ['i-0123456789abcdef0'])
})

t.test('tags that come to the metadata later go before those learnt', async t => {
  const { metadata, server } = await served(t, NO_TAGS, async () => ({ Name: 'from the API' }))
  await metadata.learnTags(never)
  server.documents.set('meta-data/tags/instance/Name', 'listed')
  t.strictSame((await metadata.identity(never)).tags, { Name: 'listed' })
})

t.test('a tag with odd letters in its name is read', async t => {
  const { metadata } = await served(t, { ...NO_TAGS, 'meta-data/tags/instance/aws:autoscaling:groupName': 'web', 'meta-data/tags/instance/a+b=c@d': 'x' })
  t.strictSame((await metadata.identity(never)).tags, { 'a+b=c@d': 'x', 'aws:autoscaling:groupName': 'web' })
})

t.test('an instance in no security group has none', async t => {
  const { metadata } = await served(t, { 'meta-data/security-groups': undefined })
  t.strictSame((await metadata.identity(never)).securityGroups, [])
})

t.test('a service that is none of EC2 has no instance', async t => {
  for (const document of [undefined, '{}', '[]', '{"instanceId":""}', '{"instanceId":"../../evil"}', '{"instanceId":"i-1\\n"}', '"x"']) {
    const { metadata } = await served(t, { 'dynamic/instance-identity/document': document })
    await t.rejects(metadata.identity(never), { code: 'instance.invalid', message: /no identity document/, hint: /cloud: local/ })
  }
})

t.test('the target state is what the group wants, or nothing', async t => {
  const { metadata, server } = await served(t)
  t.equal(await metadata.targetState(never), 'InService')
  server.documents.set('meta-data/autoscaling/target-lifecycle-state', 'Warmed:Stopped\n')
  t.equal(await metadata.targetState(never), 'Warmed:Stopped')
  server.documents.delete('meta-data/autoscaling/target-lifecycle-state')
  t.equal(await metadata.targetState(never), undefined)
})

t.test('notices of a spot instance are read, and none is nothing', async t => {
  const { metadata, server } = await served(t)
  t.equal(await metadata.interruption(never), undefined)
  t.equal(await metadata.rebalance(never), undefined)
  server.documents.set('meta-data/spot/instance-action', '{"action": "terminate", "time": "2026-03-01T12:02:00Z"}')
  server.documents.set('meta-data/events/recommendations/rebalance', '{"noticeTime": "2026-03-01T12:00:00Z"}')
  t.strictSame(await metadata.interruption(never), { action: 'terminate', at: '2026-03-01T12:02:00Z' })
  t.strictSame(await metadata.rebalance(never), { action: 'rebalance', at: '2026-03-01T12:00:00Z' })
})
