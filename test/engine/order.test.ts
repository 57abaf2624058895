import t from 'tap'
import type { Resource } from '../../src/core/resource.ts'
import { makeSecret } from '../../src/core/secret.ts'
import { order } from '../../src/engine/order.ts'
import type { Planned } from '../../src/engine/planned.ts'

function planned(id: string, more: { phase?: 'prepare' | 'activate'; props?: object; on?: string[]; origin?: string } = {}): Planned {
  const resource: Resource = {
    id,
    kind: id.replace(/\[.*/, ''),
    props: more.props ?? {},
    triggers: more.on ? [{ act: 'restart', on: more.on }] : [],
    check: () => [],
    apply: () => {},
  }
  return { resource, phase: more.phase ?? 'prepare', origin: more.origin ?? `recipe of ${id}` }
}

t.test('prepare runs before activate, each in the order of the run list', async t => {
  const result = order([planned('a[1]', { phase: 'activate' }), planned('b[1]'), planned('c[1]', { phase: 'activate' }), planned('d[1]')])
  t.strictSame(result.map(one => one.resource.id), ['b[1]', 'd[1]', 'a[1]', 'c[1]'])
})

t.test('equal resources are one, at the first place', async t => {
  const result = order([planned('f[x]', { props: { content: 'a' } }), planned('g[x]'), planned('f[x]', { props: { content: 'a' } })])
  t.strictSame(result.map(one => one.resource.id), ['f[x]', 'g[x]'])
})

t.test('two different resources of one id are refused, naming both recipes and what differs', async t => {
  t.throws(() => order([planned('f[x]', { props: { content: 'a' }, origin: 'recipe one' }), planned('f[x]', { props: { content: 'b' }, origin: 'recipe two' })]), {
    code: 'resource.conflict',
    message: /recipe one and by recipe two.*content/,
  })
})

t.test('a trigger on something unknown names the nearest', async t => {
  t.throws(() => order([planned('file[/etc/a]'), planned('service[s]', { on: ['file[/etc/b]'] })]), { code: 'resource.unknown', hint: 'Did you mean file[/etc/a]?' })
})

t.test('a trigger on something unknown is never meant to be its own resource', async t => {
  t.throws(() => order([planned('file[/etc/nginx]'), planned('service[app]', { on: ['service[ap]'] })]), { code: 'resource.unknown', hint: 'There is: file[/etc/nginx].' })
})

t.test('a trigger on something later is refused', async t => {
  t.throws(() => order([planned('service[s]', { on: ['file[/etc/a]'] }), planned('file[/etc/a]')]), { code: 'resource.order', hint: /before it in the run list/ })
})

t.test('a prepare resource that waits for an activate one is refused with the phase as reason', async t => {
  t.throws(() => order([planned('file[/etc/a]', { phase: 'activate' }), planned('service[s]', { on: ['file[/etc/a]'] })]), { code: 'resource.order', hint: /phase prepare/ })
})

t.test('two resources with the same secret are one, with another secret they are refused', async t => {
  const withKey = (text: string) => planned('f[x]', { props: { content: makeSecret(text), nested: [{ key: makeSecret(text) }] } })
  t.equal(order([withKey('a'), withKey('a')]).length, 1)
  t.throws(() => order([withKey('a'), withKey('b')]), { code: 'resource.conflict', message: /content, nested/ })
})
