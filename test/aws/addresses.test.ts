import { execFileSync } from 'node:child_process'
import t from 'tap'
import { tagsOf } from '../../src/clouds/aws/tags.ts'
import { ec2 } from '../../src/clouds/aws/ec2.ts'
import { settle } from '../../src/engine/settle.ts'
import { address } from '../../src/resources/address.ts'
import { surroundings } from '../conformance/settles.ts'
import { addressHost, interfaceDocuments } from '../support/aws-addresses.ts'
import { accessTo } from '../support/dynamodb.ts'
import { testMachine } from '../support/machine.ts'

const { signal } = new AbortController()
const endpoint = process.env.AWS_ENDPOINT_URL as string
const server = { endpoint }

/** As somebody asks who does not know this program. */
function aws(...args: string[]): Record<string, unknown> {
  const text = execFileSync(process.env.SUNUP_TEST_AWS_CLI as string, ['ec2', ...args, '--output', 'json'], { encoding: 'utf8' })
  return text.trim() === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

function launched(count: number): string[] {
  const { ImageId } = (aws('describe-images', '--owners', 'amazon', '--max-items', '1').Images as { ImageId: string }[])[0] as { ImageId: string }
  const { Instances } = aws('run-instances', '--image-id', ImageId, '--count', String(count), '--tag-specifications', 'ResourceType=instance,Tags=[{Key=Name,Value=web 1}]') as { Instances: { InstanceId: string }[] }
  return Instances.map(one => one.InstanceId)
}

function allocated(tags: string): string {
  return (aws('allocate-address', '--domain', 'vpc', '--tag-specifications', `ResourceType=elastic-ip,Tags=[${tags}]`) as { AllocationId: string }).AllocationId
}

function holder(allocationId: string): string | undefined {
  const [found] = aws('describe-addresses', '--allocation-ids', allocationId).Addresses as { InstanceId?: string }[]
  return found?.InstanceId || undefined
}

const [one, two, three] = launched(3) as [string, string, string]

t.test('an address is read, taken, and given back, as another client sees it', async t => {
  const allocationId = allocated('{Key=role,Value=web}')
  const { addresses } = await addressHost(t, server)
  t.match(await addresses.byAllocation(allocationId, signal), { allocationId, publicIp: /^\d+(\.\d+){3}$/, tags: { role: 'web' }, holder: null })
  await addresses.take(allocationId, one, null, signal)
  t.equal(holder(allocationId), one)
  t.equal((await addresses.byAllocation(allocationId, signal)).holder, one)
  await t.rejects(addresses.take(allocationId, two, null, signal), { code: 'address.held' })
  await addresses.release(allocationId, one, signal)
  t.equal(holder(allocationId), undefined)
})

t.test('it is named by interface and private address, too', async t => {
  const allocationId = allocated('{Key=role,Value=nic}')
  const [reservation] = aws('describe-instances', '--instance-ids', three).Reservations as { Instances: { NetworkInterfaces: { NetworkInterfaceId: string; PrivateIpAddress: string }[] }[] }[]
  const [nic] = reservation?.Instances[0]?.NetworkInterfaces ?? []
  const documents = interfaceDocuments([{ id: nic?.NetworkInterfaceId as string, device: 0, privateIps: [nic?.PrivateIpAddress as string, '10.9.9.9'] }])
  const { addresses } = await addressHost(t, server, { documents })
  await addresses.take(allocationId, three, null, signal)
  // Moto tells the interface alone.
  t.equal((await addresses.byAllocation(allocationId, signal)).holder, nic?.NetworkInterfaceId)
})

t.test('what is not there is missing', async t => {
  const { addresses } = await addressHost(t, server)
  await t.rejects(addresses.byAllocation('eipalloc-00000000000000000', signal), { code: 'address.missing' })
})

t.test('a pool is found by its tags, and gives each instance another address', async t => {
  const pool = [allocated('{Key=pool,Value=web}'), allocated('{Key=pool,Value=web}'), allocated('{Key=pool,Value=other}')].slice(0, 2).sort()
  const { addresses } = await addressHost(t, server)
  t.strictSame((await addresses.byTags({ pool: 'web' }, signal)).map(found => found.allocationId), pool)
  const machine = testMachine(t, {})
  await Promise.all([one, two].map(instanceId => settle(address({ addresses, instanceId, pool: { pool: 'web' } }), surroundings(machine, []))))
  t.strictSame(pool.map(holder).sort(), [one, two].sort())
  const { failure } = await settle(address({ addresses, instanceId: three, pool: { pool: 'web' }, tries: 1 }), surroundings(machine, []))
  t.equal(failure?.code, 'address.held')
})

t.test('an owner that is terminated is dead, and its address healed; one that runs is not robbed', async t => {
  const allocationId = allocated('{Key=role,Value=heal}')
  const [owner] = launched(1) as [string]
  const { addresses } = await addressHost(t, server)
  await addresses.take(allocationId, owner, null, signal)
  const machine = testMachine(t, {})
  const wanted = address({ addresses, instanceId: three, allocation: allocationId, tries: 1 })
  t.match((await settle(wanted, surroundings(machine, []))).failure, { code: 'address.held', message: new RegExp(`held by ${owner}, which is alive`) })
  aws('terminate-instances', '--instance-ids', owner)
  t.equal(await addresses.holderState(owner, signal), 'dead')
  t.equal(await addresses.holderState('i-00000000000000000', signal), 'dead', 'not found, twice')
  t.equal((await settle(wanted, surroundings(machine, []))).outcome, 'changed')
  t.equal(holder(allocationId), three)
})

t.test('tags are those that the API has', async t => {
  t.match(await tagsOf(one, ec2(accessTo(t, endpoint)), signal), { Name: 'web 1' })
})
