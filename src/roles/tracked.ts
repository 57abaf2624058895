import type { Instance } from '../core/instance.ts'

/** All keys of an instance: a stand-in and a tracked one have exactly these. */
export const INSTANCE_KEYS = ['id', 'type', 'region', 'zone', 'privateIp', 'publicIp', 'publicHostname', 'securityGroups', 'tags'] as const satisfies readonly (keyof Instance)[]

/** What only this one instance is: an image must not carry it. */
export const IDENTITY_KEYS = ['id', 'privateIp', 'publicIp', 'publicHostname', 'tags'] as const satisfies readonly (keyof Instance)[]

/** The same instance, noting in `reads` which of its keys are read, now or later. */
export function tracked(instance: Instance, reads: Set<keyof Instance>): Instance {
  const result = {}
  for (const key of INSTANCE_KEYS) {
    Object.defineProperty(result, key, {
      enumerable: true,
      get() {
        reads.add(key)
        return instance[key]
      },
    })
  }
  return Object.freeze(result) as Instance
}
