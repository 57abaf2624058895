import t from 'tap'
import { behavesAsCloud } from '../../conformance/cloud.ts'
import { testCloud } from '../../support/cloud.ts'

await behavesAsCloud(t, async (t, world) => {
  const allocations = world.addresses.map((_tags, index) => `eipalloc-${index + 1}`)
  const cloud = testCloud(t, world.addresses.map((tags, index) => ({ allocationId: allocations[index] as string, publicIp: `192.0.2.${index + 1}`, tags })))
  return { instances: Array.from({ length: world.instances }, (_none, index) => `i-${index + 1}`), allocations, as: cloud.as, advance: cloud.advance, machine: cloud.machine }
})
