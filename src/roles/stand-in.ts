import type { Addresses, Registry } from '../core/cloud.ts'
import { Failure } from '../core/failure.ts'
import type { Instance } from '../core/instance.ts'
import type { RecipeCloud } from '../core/recipe.ts'

/** An instance that is none, with every key set, so that recipes can be asked without one. Addresses are those that RFC 5737 keeps
 *  for examples. Every tag has a value. */
export function standInInstance(securityGroups: readonly string[]): Instance {
  return {
    id: 'i-00000000000000000',
    type: 'm5.large',
    region: 'eu-central-1',
    zone: 'eu-central-1a',
    privateIp: '192.0.2.10',
    publicIp: '198.51.100.10',
    publicHostname: 'ec2-198-51-100-10.eu-central-1.compute.amazonaws.com',
    securityGroups,
    tags: standInTags(key => `stand-in-${key}`),
  }
}

/** Tags of which every one is there. */
export function standInTags(valueOf: (key: string) => string): Instance['tags'] {
  const value = (key: string | symbol): string | undefined => (typeof key === 'string' && key !== 'toJSON' ? valueOf(key) : undefined)
  return new Proxy<Record<string, string>>({}, {
    get: (_, key) => value(key),
    has: (_, key) => typeof key === 'string',
    getOwnPropertyDescriptor: (_, key) => (value(key) === undefined ? undefined : { value: value(key), enumerable: true, configurable: true, writable: true }),
  })
}

/** A cloud that can be passed on, and not asked. */
export function standInCloud(name: RecipeCloud['name']): RecipeCloud {
  return { name, addresses: unasked<Addresses>({}), registry: unasked<Registry>({ leaseMs: 90_000 }) }
}

function unasked<T extends object>(known: Partial<T>): T {
  const refuse = (): never => {
    throw new Failure('bug', 'a stand-in for the cloud was asked')
  }
  return new Proxy(known as T, { get: (target, key) => (key in target ? target[key as keyof T] : typeof key === 'string' ? refuse : undefined) })
}
