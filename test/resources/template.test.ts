import t from 'tap'
import { isDeepStrictEqual } from 'node:util'
import type { Asset } from '../../src/core/recipe.ts'
import { makeSecret } from '../../src/core/secret.ts'
import { template } from '../../src/resources/template.ts'
import { settles } from '../conformance/settles.ts'
import { testMachine } from '../support/machine.ts'

function asset(name: string, text: string): Asset {
  return { name, path: `/nowhere/${name}`, text: () => text }
}

t.test('a template becomes a file', async t => {
  const machine = testMachine(t)
  const source = asset('app.conf', 'root {{root}};\n')
  await settles(t, machine, template({ path: '/etc/app.conf', source, vars: { root: '/srv' }, mode: '0640' }), [
    { type: 'create', field: 'content', to: 'root /srv;\n', reason: 'makes /etc' },
    { type: 'create', field: 'mode', to: '0640' },
  ])
  t.equal(machine.stat('/etc/app.conf')?.mode, '0640')
})

t.test('an edited template is an update with both texts', async t => {
  const machine = testMachine(t, { 'app.conf': 'port 80\n' })
  await settles(t, machine, template({ path: '/app.conf', source: asset('a', 'port {{port}}\n'), vars: { port: 8080 } }), [{ type: 'update', field: 'content', from: 'port 80\n', to: 'port 8080\n' }])
})

t.test('partials are taken in', async t => {
  await settles(t, testMachine(t), template({ path: '/f', source: asset('a', '{{> tls}}end\n'), partials: { tls: asset('tls.conf', 'cert {{cert}}\n') }, vars: { cert: 'c' } }), [
    { type: 'create', field: 'content', to: 'cert c\nend\n' },
  ])
})

t.test('a template made with a secret is secret whole', async t => {
  const machine = testMachine(t)
  const made = template({ path: '/f', source: asset('a', 'user app\npassword {{password}}\n'), vars: { password: makeSecret('swordfish') } })
  await settles(t, machine, made, [{ type: 'create', field: 'content', secret: true }, { type: 'create', field: 'mode', to: '0600' }], { secrets: ['swordfish', 'user app'] })
  t.equal(machine.readText('/f'), 'user app\npassword swordfish\n')
  t.equal(machine.stat('/f')?.mode, '0600')
})

t.test('a fault of the template is found when it is declared', async t => {
  t.throws(() => template({ path: '/f', source: asset('a.conf', '\n{{rooot}}'), vars: { root: 1 } }), { code: 'template.name', message: /^a\.conf:2: .*rooot/, hint: 'Did you mean root?' })
})

t.test('two templates with one result are one resource', async t => {
  const [a, b] = ['{{x}}', '1'].map(text => template({ path: '/f', source: asset(text, text), vars: { x: 1 } }))
  t.ok(isDeepStrictEqual(a?.props, b?.props))
  t.equal(a?.id, 'template[/f]')
})

t.test('a source that is no asset is refused', async t => {
  t.throws(() => template({ path: '/f', source: 'a.conf' as never }), { code: 'resource.invalid', hint: /asset\(/ })
  t.throws(() => template({ path: '/f', source: asset('a', ''), partials: { p: 'x' as never } }), { code: 'resource.invalid', message: /"p" must be an asset/ })
})
