import t from 'tap'
import { claims } from '../../../src/clouds/aws/claims.ts'
import { settle } from '../../../src/engine/settle.ts'
import { address } from '../../../src/resources/address.ts'
import { surroundings } from '../../conformance/settles.ts'
import { addressHost, interfaceDocuments, ONE_INTERFACE } from '../../support/aws-addresses.ts'
import { dynamoDb, makeTable, tableAt } from '../../support/dynamodb.ts'
import { ec2Server, type Ec2Server } from '../../support/ec2-server.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { hooksServer } from '../../support/hooks-server.ts'
import { testMachine } from '../../support/machine.ts'
import type { Fault } from '../../support/query-api.ts'

const { signal } = new AbortController()
const ONE = 'eipalloc-1'
const addresses = [{ allocationId: ONE, publicIp: '198.51.100.1', tags: { role: 'web' } }]
const instances = [{ id: 'i-1' }, { id: 'i-2' }, { id: 'i-3' }]

const world = (t: Parameters<typeof ec2Server>[0]) => ec2Server(t, { addresses, instances })
const actions = (server: Ec2Server): string[] => server.asked.map(one => one.action)

/** Befalls only the first request of an action. */
function once(action: string, fault: Fault): Ec2Server['fault'] {
  let met = false
  return asked => {
    if (met || asked.action !== action) return undefined
    met = true
    return fault
  }
}

t.test('a free address is taken, without stealing', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  t.equal((await addresses.byAllocation(ONE, signal)).holder, null)
  await addresses.take(ONE, 'i-1', null, signal)
  t.strictSame(server.asked.find(one => one.action === 'AssociateAddress')?.params, { AllocationId: ONE, InstanceId: 'i-1', AllowReassociation: 'false' })
  t.strictSame(await addresses.byAllocation(ONE, signal), { allocationId: ONE, publicIp: '198.51.100.1', tags: { role: 'web' }, holder: 'i-1' })
})

t.test('what is ours already costs one read and no write', async t => {
  const server = await world(t)
  server.give(ONE, 'i-1')
  const { addresses } = await addressHost(t, server)
  const machine = testMachine(t, {})
  const { outcome } = await settle(address({ addresses, instanceId: 'i-1', allocation: ONE }), surroundings(machine, []))
  t.strictSame([outcome, actions(server)], ['unchanged', ['DescribeAddresses']])
})

t.test('it is taken from the one that holds it, by the association that was seen', async t => {
  const server = await world(t)
  server.give(ONE, 'i-2')
  const { addresses } = await addressHost(t, server)
  await addresses.byAllocation(ONE, signal)
  await addresses.take(ONE, 'i-1', 'i-2', signal)
  t.equal(server.holder(ONE), 'i-1')
  t.strictSame(actions(server), ['DescribeAddresses', 'DisassociateAddress', 'AssociateAddress'])
})

t.test('one that went to another after the look stays with them', async t => {
  const server = await world(t)
  server.give(ONE, 'i-2')
  const { addresses } = await addressHost(t, server)
  await addresses.byAllocation(ONE, signal)
  server.fault = ({ action }) => void (action === 'DisassociateAddress' && server.give(ONE, 'i-3'))
  await t.rejects(addresses.take(ONE, 'i-1', 'i-2', signal), { code: 'address.held', message: /i-3/ })
  t.equal(server.holder(ONE), 'i-3')
})

t.test('one that is taken between look and association stays with its new holder', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  await addresses.byAllocation(ONE, signal)
  server.fault = ({ action }) => void (action === 'AssociateAddress' && server.holder(ONE) === null && server.give(ONE, 'i-3'))
  await t.rejects(addresses.take(ONE, 'i-1', null, signal), { code: 'address.held', message: /i-3/ })
  t.equal(server.holder(ONE), 'i-3')
})

t.test('several interfaces, or secondary addresses: it goes to the primary one of both', async t => {
  for (const [name, interfaces] of [
    ['two interfaces', [{ id: 'eni-b', device: 1, privateIps: ['10.0.1.1'] }, { id: 'eni-a', device: 0, privateIps: ['10.0.0.1'] }]],
    ['secondary addresses', [{ id: 'eni-a', device: 0, privateIps: ['10.0.0.1', '10.0.0.2'] }]],
  ] as const) {
    const server = await ec2Server(t, { addresses, instances: [{ id: 'i-1', interfaces: [...interfaces].sort((a, b) => a.device - b.device) }] })
    const { addresses: port } = await addressHost(t, server, { documents: interfaceDocuments(interfaces) })
    await port.take(ONE, 'i-1', null, signal)
    t.match(server.asked.at(-1)?.params, { NetworkInterfaceId: 'eni-a', PrivateIpAddress: '10.0.0.1', AllowReassociation: 'false' }, name)
    t.notOk('InstanceId' in (server.asked.at(-1)?.params ?? {}))
    t.strictSame([server.holder(ONE), server.privateIp(ONE)], ['i-1', '10.0.0.1'])
  }
})

t.test('an interface without an instance holds an address as well, and lives', async t => {
  const server = await world(t)
  server.give(ONE, 'eni-nat')
  const { addresses } = await addressHost(t, server)
  t.equal((await addresses.byAllocation(ONE, signal)).holder, 'eni-nat')
  t.equal(await addresses.holderState('eni-nat', signal), 'alive')
  t.match(addresses.howToFree(ONE), /disassociate-address --association-id eipassoc-/)
})

t.test('tags are found as they are written: no wildcards', async t => {
  const server = await ec2Server(t, {
    addresses: [
      { allocationId: 'eipalloc-2', publicIp: '198.51.100.2', tags: { role: 'web*' } },
      { allocationId: 'eipalloc-1', publicIp: '198.51.100.1', tags: { role: 'web*', zone: 'a' } },
      { allocationId: 'eipalloc-3', publicIp: '198.51.100.3', tags: { role: 'webmail' } },
    ],
  })
  const { addresses } = await addressHost(t, server)
  t.strictSame((await addresses.byTags({ role: 'web*' }, signal)).map(one => one.allocationId), ['eipalloc-1', 'eipalloc-2'])
  t.strictSame((await addresses.byTags({ role: 'web*', zone: 'a' }, signal)).map(one => one.allocationId), ['eipalloc-1'])
})

t.test('the instance’s own tag is asked for once', async t => {
  const server = await ec2Server(t, { addresses, instances: [{ id: 'i-1', tags: { 'allocation-id': ONE } }] })
  const { addresses: port } = await addressHost(t, server)
  const machine = testMachine(t, {})
  const { outcome } = await settle(address({ addresses: port, instanceId: 'i-1', tagged: { tag: 'allocation-id', allocation: undefined } }), surroundings(machine, []))
  t.strictSame([outcome, server.holder(ONE), actions(server).filter(one => one === 'DescribeTags').length], ['changed', 'i-1', 1])
})

t.test('an empty tag is an error, and not a call', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  const { failure } = await settle(address({ addresses, instanceId: 'i-1', tagged: { tag: 'allocation-id', allocation: ' ' } }), surroundings(testMachine(t, {}), []))
  t.match(failure, { code: 'address.missing' })
  t.strictSame(server.asked, [])
})

const error = (code: string, message = 'said', status = 400) => ({ code, message, status })

for (const [fault, expected] of [
  [error('InvalidAllocationID.NotFound'), { code: 'address.missing' }],
  [error('AuthFailure', 'AWS was not able to validate the provided access credentials', 401), { code: 'cloud.denied', message: /does not know these credentials/ }],
  [error('AuthFailure', 'You do not have permission to access the specified resource.'), { code: 'cloud.denied', message: /another account/ }],
  [error('UnauthorizedOperation', 'You are not authorized', 403), { code: 'cloud.denied', message: /ec2:AssociateAddress/, hint: /sunup policy/ }],
  [error('InvalidParameterCombination'), { code: 'cloud.invalid' }],
] as const) {
  t.test(`AssociateAddress says ${fault.code}: final at once`, async t => {
    const server = await world(t)
    const { addresses } = await addressHost(t, server)
    server.fault = ({ action }) => (action === 'AssociateAddress' ? fault : undefined)
    await t.rejects(addresses.take(ONE, 'i-1', null, signal), expected)
    t.equal(actions(server).filter(one => one === 'AssociateAddress').length, 1)
  })
}

for (const fault of [error('InvalidInstanceID', 'The pending instance is not in a valid state'), error('InvalidInstanceID.NotFound'), error('IncorrectInstanceState'), error('RequestLimitExceeded', 'Request limit exceeded.', 503), error('InternalError', 'oops', 500)]) {
  t.test(`AssociateAddress says ${fault.code}: tried again`, async t => {
    const server = await world(t)
    const { addresses } = await addressHost(t, server)
    server.fault = once('AssociateAddress', fault)
    await addresses.take(ONE, 'i-1', null, signal)
    t.equal(server.holder(ONE), 'i-1')
  })
}

t.test('what does not pass ends, with EC2’s own words', async t => {
  const server = await ec2Server(t, { addresses, instances: [{ id: 'i-1', state: 'pending' }] })
  const { addresses: port } = await addressHost(t, server)
  await t.rejects(port.take(ONE, 'i-1', null, signal), { code: 'cloud.unreachable', message: /InvalidInstanceID: The pending instance 'i-1'/ })
  t.equal(actions(server).filter(one => one === 'AssociateAddress').length, 8)
})

t.test('throttling that stays is told as such', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  server.fault = () => 'throttle'
  await t.rejects(addresses.byAllocation(ONE, signal), { code: 'cloud.throttled', message: /ec2:DescribeAddresses on eipalloc-1/ })
})

t.test('throttled once on every call in turn, an address still changes hands', async t => {
  const each = ['DescribeAddresses', 'DisassociateAddress', 'AssociateAddress', 'DescribeInstances'].map(async action => {
    const server = await world(t)
    server.give(ONE, 'i-2')
    server.instances.set('i-2', { id: 'i-2', state: 'terminated' })
    const { addresses, access } = await addressHost(t, server)
    server.fault = once(action, 'throttle')
    const { outcome } = await settle(address({ addresses, instanceId: 'i-1', allocation: ONE, tries: 1 }), surroundings(testMachine(t, {}), []))
    t.strictSame([outcome, server.holder(ONE), access.calls.counts.get(`ec2:${action}`)?.throttles], ['changed', 'i-1', 1], action)
  })
  await Promise.all(each)
})

t.test('an answer that is lost after it was done is looked up, and not asked for again', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  server.fault = once('AssociateAddress', 'cut')
  await addresses.take(ONE, 'i-1', null, signal)
  t.equal(server.holder(ONE), 'i-1')
  t.equal(actions(server).filter(one => one === 'AssociateAddress').length, 1)
})

t.test('one that was never done is asked for again', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  server.fault = once('AssociateAddress', 'closed')
  await addresses.take(ONE, 'i-1', null, signal)
  t.equal(server.holder(ONE), 'i-1')
  t.equal(server.associations.length, 1)
})

t.test('one whose address another has by then is not', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  server.fault = asked => {
    if (asked.action !== 'AssociateAddress') return undefined
    server.give(ONE, 'i-2')
    return 'closed'
  }
  await t.rejects(addresses.take(ONE, 'i-1', null, signal), { code: 'address.held', message: /i-2/ })
  t.equal(server.holder(ONE), 'i-2')
})

t.test('an instance that no call of leaves is told why', async t => {
  const server = await world(t)
  const { 'meta-data/public-ipv4': _public, ...documents } = ONE_INTERFACE
  const { addresses } = await addressHost(t, server, { documents })
  server.fault = () => 'closed'
  await t.rejects(addresses.byAllocation(ONE, signal), { code: 'cloud.unreachable', message: /no public address, and no NAT gateway or VPC endpoint/, hint: /com\.amazonaws\.eu-west-1\.ec2/ })
})

t.test('connections from before are not used after', async t => {
  const server = await world(t)
  const { addresses, access } = await addressHost(t, server)
  const { requestHandler } = await access.settings(signal)
  await addresses.take(ONE, 'i-1', null, signal)
  t.strictSame(Object.values(requestHandler.httpAgent.freeSockets).flat().filter(socket => !socket?.destroyed), [])
})

t.test('an address is given back by its holder alone', async t => {
  const server = await world(t)
  server.give(ONE, 'i-2')
  const { addresses } = await addressHost(t, server)
  await addresses.release(ONE, 'i-1', signal)
  t.strictSame([server.holder(ONE), actions(server)], ['i-2', ['DescribeAddresses']])
  await addresses.release(ONE, 'i-2', signal)
  t.equal(server.holder(ONE), null)
})

t.test('giving back survives a lost answer', async t => {
  const server = await world(t)
  server.give(ONE, 'i-1')
  const { addresses } = await addressHost(t, server)
  server.fault = once('DisassociateAddress', 'cut')
  await addresses.release(ONE, 'i-1', signal)
  t.equal(server.holder(ONE), null)
})

// What is proven of a holder.
for (const [name, ec2State, groupState, expected] of [
  ['running, in no group', 'running', undefined, 'alive'],
  ['running, in service', 'running', 'InService', 'alive'],
  ['stopped', 'stopped', undefined, 'alive'],
  ['shutting down', 'shutting-down', 'InService', 'dead'],
  ['terminated', 'terminated', undefined, 'dead'],
  ['running, its group terminates it', 'running', 'Terminating:Wait', 'dead'],
  ['running, in standby', 'running', 'Standby', 'draining'],
  ['running, in the warm pool', 'running', 'Warmed:Running', 'draining'],
  ['running, in a state nobody knows', 'running', 'Quarantined:Maybe', 'alive'],
] as const) {
  t.test(`a holder that is ${name} is ${expected}`, async t => {
    const server = await ec2Server(t, { addresses, instances: [{ id: 'i-2', state: ec2State }] })
    const scaling = await hooksServer(t)
    if (groupState) scaling.group.be('i-2', groupState)
    const { addresses: port } = await addressHost(t, server, { scaling })
    t.equal(await port.holderState('i-2', signal), expected)
  })
}

t.test('a holder that is not found is dead only when it is not found twice', async t => {
  const server = await ec2Server(t, { addresses, instances: [{ id: 'i-2', unseen: 1 }] })
  const { addresses: port } = await addressHost(t, server)
  t.equal(await port.holderState('i-2', signal), 'alive')
  t.equal(await port.holderState('i-gone', signal), 'dead')
  t.equal(server.asked.filter(one => one.params['InstanceId.1'] === 'i-gone').length, 2)
})

t.test('a holder that can’t be looked at is alive; one that may not be is a failure', async t => {
  const server = await world(t)
  const warnings: string[] = []
  const { addresses } = await addressHost(t, server, { warn: text => warnings.push(text) })
  server.fault = () => 'throttle'
  for (let times = 0; times < 2; times++) t.equal(await addresses.holderState('i-2', signal), 'alive')
  t.match(warnings, [/whether i-2 lives can't be looked at.*: ec2:DescribeInstances on i-2 was throttled/], 'and that is told, once')
  server.fault = () => error('UnauthorizedOperation', 'no', 403)
  await t.rejects(addresses.holderState('i-2', signal), { code: 'cloud.denied', message: /ec2:DescribeInstances/ })
})

for (const foreign of ['', '<html>Sign in</html>', '<DescribeAddressesResponse/>']) {
  t.test(`an answer that is not EC2's (${foreign}) proves nothing`, async t => {
    const server = await world(t)
    const warnings: string[] = []
    const { addresses } = await addressHost(t, server, { warn: text => warnings.push(text) })
    server.fault = ({ action }) => (action === 'DescribeAddresses' ? undefined : { foreign })
    t.equal(await addresses.holderState('i-2', signal), 'alive')
    t.match(warnings, [/whether i-2 lives can't be looked at.*: ec2:DescribeInstances on i-2: the answer \(200\) is none of AWS/])
  })
}

t.test('an answer that is not EC2’s does not make an address missing', async t => {
  const server = await world(t)
  const { addresses } = await addressHost(t, server)
  server.fault = () => ({ foreign: '<html>' })
  await t.rejects(addresses.byAllocation('eipalloc-1', signal), { code: 'cloud.invalid', message: /is none of AWS/, hint: /AWS_ENDPOINT_URL/ })
})

t.test('the registry’s word makes a holder draining', async t => {
  const { addresses } = await addressHost(t, await world(t), { isDraining: async id => id === 'i-2' })
  t.equal(await addresses.holderState('i-2', signal), 'draining')
  t.equal(await addresses.holderState('i-3', signal), 'alive')
})

t.test('with a registry', async t => {
  const endpoint = await dynamoDb(t)
  const table = tableAt(t, endpoint)
  await makeTable(table, signal)
  const registry = claims(table)
  const scaling = await hooksServer(t)
  /** Each test its own allocation: one table is enough. */
  let numbers = 0
  const fresh = async () => {
    const allocationId = `eipalloc-c${++numbers}`
    const server = await ec2Server(t, { addresses: [{ allocationId, publicIp: '198.51.100.1' }], instances })
    return { allocationId, server }
  }

  await t.test('a claim goes before the association, and is kept with it', async t => {
    const { allocationId, server } = await fresh()
    const { addresses } = await addressHost(t, server, { scaling, claims: registry })
    let claimed: unknown
    const waiting: Promise<void>[] = []
    server.fault = ({ action }) => {
      if (action === 'AssociateAddress') waiting.push(registry.read(allocationId, signal).then(claim => void (claimed = claim)))
      return undefined
    }
    await addresses.take(allocationId, 'i-1', null, signal)
    await Promise.all(waiting)
    t.match(claimed, { holder: 'i-1', bootId: '1700000000000-a' })
    t.match(await registry.read(allocationId, signal), { holder: 'i-1' })
    await addresses.release(allocationId, 'i-1', signal)
    t.equal(await registry.read(allocationId, signal), undefined)
  })

  await t.test('what a living instance claims is not taken, though nobody holds it', async t => {
    const { allocationId, server } = await fresh()
    await registry.claim(allocationId, 'i-2', '1700000000000-b', undefined, signal)
    const { addresses } = await addressHost(t, server, { scaling, claims: registry })
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held', message: /claimed by i-2/ })
    t.notOk(actions(server).includes('AssociateAddress'))
  })

  await t.test('what a dead one claimed is', async t => {
    const { allocationId, server } = await fresh()
    await registry.claim(allocationId, 'i-2', '1700000000000-b', undefined, signal)
    server.instances.set('i-2', { id: 'i-2', state: 'terminated' })
    const { addresses } = await addressHost(t, server, { scaling, claims: registry })
    await addresses.take(allocationId, 'i-1', null, signal)
    t.equal(server.holder(allocationId), 'i-1')
    t.match(await registry.read(allocationId, signal), { holder: 'i-1' })
  })

  await t.test('a claim that was left behind is taken over when it has stood still for a minute', async t => {
    const { allocationId, server } = await fresh()
    await registry.claim(allocationId, 'i-2', '1700000000000-b', undefined, signal)
    const clock = fakeClock()
    const { addresses } = await addressHost(t, server, { scaling, claims: registry, clock })
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held' })
    clock.advance(54_000)
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held' })
    clock.advance(2_000)
    await addresses.take(allocationId, 'i-1', null, signal)
    t.equal(server.holder(allocationId), 'i-1')
  })

  await t.test('but not while it is written to, nor from the one that holds the address', async t => {
    const { allocationId, server } = await fresh()
    await registry.claim(allocationId, 'i-2', '1700000000000-b', undefined, signal)
    const clock = fakeClock()
    const { addresses } = await addressHost(t, server, { scaling, claims: registry, clock })
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held' })
    clock.advance(60_000)
    await registry.claim(allocationId, 'i-2', '1700000000001-b', undefined, signal)
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held' })
    clock.advance(60_000)
    server.give(allocationId, 'i-2')
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held' })
    t.equal(server.holder(allocationId), 'i-2')
  })

  await t.test('a run that stalled after its claim looks at it again before it associates', async t => {
    const { allocationId, server } = await fresh()
    const clock = fakeClock()
    server.fault = once('AssociateAddress', error('InvalidInstanceID', 'The pending instance is not in a valid state'))
    const stalled: typeof clock.sleep = async (ms, signal) => {
      const claim = await registry.read(allocationId, signal)
      await registry.claim(allocationId, 'i-2', '1700000000000-b', claim, signal)
      await clock.sleep(ms + 25_000, signal)
    }
    const { addresses } = await addressHost(t, server, { scaling, claims: registry, clock: { ...clock, sleep: stalled } })
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held', message: /claimed by i-2 by now/ })
    t.equal(server.holder(allocationId), null)
  })

  await t.test('where the association is refused for good the claim is given back', async t => {
    const { allocationId, server } = await fresh()
    const { addresses } = await addressHost(t, server, { scaling, claims: registry })
    server.fault = ({ action }) => (action === 'AssociateAddress' ? error('UnauthorizedOperation', 'no', 403) : undefined)
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'cloud.denied' })
    t.equal(await registry.read(allocationId, signal), undefined)
  })

  await t.test('an earlier boot of this instance is overtaken; a later one is not', async t => {
    const { allocationId, server } = await fresh()
    await registry.claim(allocationId, 'i-1', '1700000000000-a', undefined, signal)
    const { addresses } = await addressHost(t, server, { scaling, claims: registry, bootId: '1600000000000-0' })
    await t.rejects(addresses.take(allocationId, 'i-1', null, signal), { code: 'address.held' })
    const { addresses: later } = await addressHost(t, server, { scaling, claims: registry, bootId: '1800000000000-b' })
    await later.take(allocationId, 'i-1', null, signal)
    t.equal(server.holder(allocationId), 'i-1')
  })
})
