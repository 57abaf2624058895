import t from 'tap'
import { autoScaling } from '../../../src/clouds/aws/auto-scaling.ts'
import { claims } from '../../../src/clouds/aws/claims.ts'
import { imds } from '../../../src/clouds/aws/imds.ts'
import { awsLifecycle } from '../../../src/clouds/aws/lifecycle.ts'
import { awsMetadata } from '../../../src/clouds/aws/metadata.ts'
import { awsSecrets } from '../../../src/clouds/aws/secrets.ts'
import type { Cloud } from '../../../src/core/cloud.ts'
import { systemClock } from '../../../src/machine/clock.ts'
import { behavesAsCloud } from '../../conformance/cloud.ts'
import { addressHost } from '../../support/aws-addresses.ts'
import { accessTo, dynamoDb, fleetAt, makeTable, patient, tableAt } from '../../support/dynamodb.ts'
import { ec2Server } from '../../support/ec2-server.ts'
import { hooksServer } from '../../support/hooks-server.ts'
import { imdsServer, instanceDocuments } from '../../support/imds-server.ts'
import { testMachine } from '../../support/machine.ts'

const { signal } = new AbortController()

await behavesAsCloud(t, async (t, world) => {
  const instances = Array.from({ length: world.instances }, (_none, index) => `i-${index + 1}`)
  const addresses = world.addresses.map((tags, index) => ({ allocationId: `eipalloc-${index + 1}`, publicIp: `198.51.100.${index + 1}`, tags }))
  const database = await dynamoDb(t)
  const table = tableAt(t, database)
  await makeTable(table, signal)
  const ec2 = await ec2Server(t, { addresses, instances: instances.map(id => ({ id })) })
  const scaling = await hooksServer(t, { hooks: { launching: {} } })
  let ahead = 0
  const startedAt = systemClock.now()
  const clock = { ...patient(systemClock), now: () => startedAt + ahead }

  const clouds = await Promise.all(
    instances.map(async (id, index): Promise<readonly [string, Cloud]> => {
      const identity = JSON.parse(instanceDocuments()['dynamic/instance-identity/document'] as string) as object
      const server = await imdsServer(t, { documents: instanceDocuments({ 'dynamic/instance-identity/document': JSON.stringify({ ...identity, instanceId: id }) }) })
      // The metadata service shows the address that EC2 has given.
      server.trouble = () => {
        const held = addresses.find(one => ec2.holder(one.allocationId) === id)
        if (held) server.documents.set('meta-data/public-ipv4', held.publicIp)
        return undefined
      }
      scaling.group.launch(id)
      scaling.group.arrive(id)
      const fleet = fleetAt(t, database, clock)
      const isDraining = async (holder: string): Promise<boolean> => (await fleet.registry.read('web', holder, signal))?.state === 'draining'
      const { addresses: port } = await addressHost(t, ec2, { scaling, claims: claims(table), bootId: `17000000000${10 + index}-${id}`, clock, isDraining })
      const metadata = awsMetadata({ imds: imds({ clock: systemClock, endpoint: server.endpoint }), tagsOf: async () => ({}) })
      const lifecycle = awsLifecycle({ autoScaling: autoScaling(accessTo(t, scaling.endpoint)), clock, instanceId: async () => id, targetState: metadata.targetState })
      return [id, { name: 'aws', metadata, addresses: port, ...fleet, lifecycle, secrets: awsSecrets({ access: accessTo(t, database) }) }]
    }),
  )
  const byId = new Map(clouds)
  return { instances, allocations: addresses.map(one => one.allocationId), as: id => byId.get(id) as Cloud, advance: ms => void (ahead += ms), machine: testMachine(t, {}) }
})
