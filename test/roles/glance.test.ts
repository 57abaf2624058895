import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import type { z } from 'zod'
import { configAtAGlance, configSchema } from '../../src/roles/config-schema.ts'
import type { Glance } from '../../src/roles/glance.ts'
import { roleAtAGlance, roleSchema } from '../../src/roles/role-schema.ts'

const CONFIG = {
  cloud: 'local',
  source: { directory: '.' },
  registry: { table: 'fleet', lease: '90s' },
  state: '/var/lib/sunup',
  run: '/run/sunup',
  local: { instance: 'instance.yaml', directory: '.sunup' },
}
const ROLE = {
  description: 'A web server.',
  include: ['base'],
  securityGroups: [],
  recipes: ['eip', { files: [{ path: '/etc/motd', content: 'hello' }] }],
  health: { file: 'ping.html', content: '', mode: '0644', url: 'http://127.0.0.1/', probe: { url: 'http://127.0.0.1/', headers: { Host: 'app' }, status: 200, contains: 'ok', within: '30s' } },
  deadline: '15m',
  onFailure: 'hold',
  drain: { settle: '20s', deadline: '5m' },
}
const CASES: readonly [string, object, Glance, () => z.ZodType][] = [['sunup.yaml', CONFIG, configAtAGlance, configSchema], ['a role', ROLE, roleAtAGlance, roleSchema]]

for (const [name, whole, glance, schema] of CASES) {
  t.test(`${name} is found right at a glance, with all its keys and with none`, async t => {
    t.ok(glance(whole))
    t.ok(glance({}))
  })

  t.test(`${name} that a glance finds right is right, and stays as it is`, async t => {
    let right = 0
    fc.assert(
      fc.property(mutated(whole), value => {
        if (!glance(value)) return
        right++
        assert.deepStrictEqual(schema().safeParse(value), { success: true, data: value })
      }),
      { numRuns: 20_000 },
    )
    t.ok(right > 500, `${right} of them were right`)
  })
}

/** What YAML can hold, and what is nearly right. */
const ODD = fc.oneof(
  fc.constantFrom<unknown>(null, '', ' ', 'x', '90s', '0s', '25d', '90', '1.5h', '-1s', 'http://x', 'https:/x', 'ftp://x', 'http://', '0644', '644', '0999', '07777', '../x', 'a/../b', '/a', 'a//b', 'a\\b', 'a/b', 'local', 'hold', 0, 1, -1, 200, 99.5, true, false),
  fc.constantFrom<unknown>([], {}, [''], ['x'], [null], [[]], [{}], { url: 'x' }, { constructor: 'x' }, { toString: 'x' }),
  fc.string(),
)

/** The value with some of its parts left out, and at most one replaced by something odd, or given one key too many. */
function mutated(value: unknown): fc.Arbitrary<unknown> {
  return fc.tuple(thinned(value), fc.nat(40), ODD, fc.constantFrom('more', 'constructor', 'cloud', 'url', 'x')).map(([thin, at, odd, key]) => {
    const result: unknown = structuredClone(thin)
    const places = parts(result)
    const place = places[at]
    if (place) place.holder[place.key] = odd
    else if (at === 40) {
      const maps = [result, ...places.map(({ holder, key }) => holder[key])].filter(one => typeof one === 'object' && one !== null && !Array.isArray(one))
      ;(maps[at % maps.length] as Record<string, unknown>)[key] = odd
    }
    return result
  })
}

function thinned(value: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(value)) return fc.subarray(value)
  if (typeof value !== 'object' || value === null) return fc.constant(value)
  return fc.record(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, thinned(inner)])), { requiredKeys: [] }).map(record => ({ ...record }))
}

function parts(value: unknown): { holder: Record<string, unknown>; key: string }[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.keys(value).flatMap(key => [{ holder: value as Record<string, unknown>, key }, ...parts((value as Record<string, unknown>)[key])])
}
