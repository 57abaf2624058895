import t from 'tap'
import type { Recipe, RecipeInput } from '../../src/core/recipe.ts'
import { settle } from '../../src/engine/settle.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { testCloud, type TestCloud } from '../support/cloud.ts'

installHooks(new URL('../../src/index.ts', import.meta.url).href)
const { default: eip } = (await import('../../recipes/eip/recipe.ts')) as { default: Recipe }

const TWO = [1, 2].map(n => ({ allocationId: `eipalloc-${n}`, publicIp: `192.0.2.${n}`, tags: { role: 'web' } }))

function inputOf(cloud: TestCloud, params: unknown, tags: Readonly<Record<string, string>> = {}): RecipeInput {
  return { params: eip.params?.parse(params), instance: { id: 'i-1', tags }, cloud } as unknown as RecipeInput
}

t.test('the address that the instance’s own tag names is the default', async t => {
  const cloud = testCloud(t, TWO)
  const [resource] = eip.resources(inputOf(cloud, {}, { 'allocation-id': 'eipalloc-2' }))
  t.equal(resource?.id, 'address[tag allocation-id]')
  if (resource) await settles(t, cloud.machine, resource, [{ type: 'create', field: 'holder', from: null, to: 'i-1' }])
  t.equal((await cloud.addresses.byAllocation('eipalloc-2', new AbortController().signal)).holder, 'i-1')
})

t.test('a missing tag is no fault of the repository: the recipe answers, the check fails', async t => {
  const cloud = testCloud(t, TWO)
  const [resource] = eip.resources(inputOf(cloud, { tag: 'address' }))
  const result = resource && (await settle(resource, surroundings(cloud.machine, [])))
  t.match(result?.failure, { code: 'address.missing', message: /no tag address/ })
})

t.test('one of its own, and one of a pool', async t => {
  const cloud = testCloud(t, TWO)
  t.equal(eip.resources(inputOf(cloud, { allocation: 'eipalloc-1' }))[0]?.id, 'address[eipalloc-1]')
  t.equal(eip.resources(inputOf(cloud, { pool: { role: 'web' } }))[0]?.id, 'address[pool role=web]')
})

t.test('tries and every are the resource’s', async t => {
  const [resource] = eip.resources(inputOf(testCloud(t, TWO), { allocation: 'eipalloc-1', tries: 2, every: '10s', takeover: 'any' }))
  t.match(resource?.props, { tries: 2, every: '10s', takeover: 'any' })
  t.match(eip.resources(inputOf(testCloud(t, TWO), {}))[0]?.props, { tries: 5, every: '60s' })
})

t.test('leaving, it is given back', async t => {
  const cloud = testCloud(t, TWO)
  for (const params of [{ allocation: 'eipalloc-1' }, { pool: { role: 'web' } }]) {
    await cloud.addresses.take('eipalloc-1', 'i-1', null, new AbortController().signal)
    const [resource] = eip.departed?.(inputOf(cloud, params)) ?? []
    if (resource) await settles(t, cloud.machine, resource, [{ type: 'remove', field: 'eipalloc-1', from: 'i-1', to: null }])
  }
})

t.test('wrong params are refused', async t => {
  for (const [params, message] of [
    [{ pool: { role: 'web' }, takeover: 'dead' }, /never takes an address that is held/],
    [{ allocation: 'eipalloc-1', tag: 'x' }, /one of allocation, tag and pool/],
    [{ pool: {} }, /at least one tag/],
    [{ every: 'soon' }, /60s/],
    [{ tries: 0 }, />=1/],
    [{ alocation: 'eipalloc-1' }, /alocation/],
  ] as const) {
    const result = eip.params?.safeParse(params)
    t.match(result?.error?.message, message, JSON.stringify(params))
  }
})
