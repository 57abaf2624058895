import { recipe, registration, z } from 'sunup'

export default recipe({
  description: 'Registers the instance with its identity, so that balancers and monitors know of it.',
  phase: 'activate',
  params: z.strictObject({ meta: z.record(z.string(), z.json()).optional().describe('Whatever others should know of it, e.g. { port: 8080 }.') }),
  resources({ params, instance, role, cloud, bootId }) {
    const attributes = {
      instanceType: instance.type,
      availabilityZone: instance.zone,
      privateIp: instance.privateIp,
      publicIp: instance.publicIp,
      publicHostname: instance.publicHostname,
      meta: params.meta,
    }
    return [registration({ registry: cloud.registry, key: { role: role.name, instanceId: instance.id, bootId }, attributes })]
  },
  departed({ instance, role, cloud, bootId }) {
    return [registration({ registry: cloud.registry, key: { role: role.name, instanceId: instance.id, bootId }, state: 'absent' })]
  },
})
