import t from 'tap'
import type { Recipe, RecipeInput } from '../../src/core/recipe.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { settles } from '../conformance/settles.ts'
import { testCloud, type TestCloud } from '../support/cloud.ts'

installHooks(new URL('../../src/index.ts', import.meta.url).href)
const { default: registry } = (await import('../../recipes/registry/recipe.ts')) as { default: Recipe }

const INSTANCE = { id: 'i-1', type: 't3.micro', region: 'eu-west-1', zone: 'eu-west-1a', privateIp: '10.0.0.1', publicIp: null, publicHostname: null, securityGroups: ['web'], tags: {} }

function inputOf(cloud: TestCloud, params: unknown): RecipeInput {
  return { params: registry.params?.parse(params), instance: INSTANCE, role: { name: 'web' }, cloud, bootId: '1700000000000-a' } as unknown as RecipeInput
}

t.test('it registers the instance with its identity, and takes it out of the list when it leaves', async t => {
  const cloud = testCloud(t)
  const identity = { instanceType: 't3.micro', availabilityZone: 'eu-west-1a', privateIp: '10.0.0.1', meta: { port: 8080 } }
  const input = inputOf(cloud, { meta: { port: 8080 } })
  const [present] = registry.resources(input)
  t.equal(present?.id, 'registry[web]')
  if (present) await settles(t, cloud.machine, present, [{ type: 'create', to: identity }])
  t.match(await cloud.registry.read('web', 'i-1', new AbortController().signal), { ...identity, state: 'booting' })
  const [absent] = registry.departed?.(input) ?? []
  if (absent) await settles(t, cloud.machine, absent, [{ type: 'remove', from: 'i-1' }])
})

t.test('meta may be left out, and is plain data', async t => {
  t.ok(registry.params?.safeParse({}).success)
  t.notOk(registry.params?.safeParse({ meta: 'x' }).success)
  t.notOk(registry.params?.safeParse({ mta: {} }).success)
})
