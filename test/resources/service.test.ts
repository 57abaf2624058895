import t from 'tap'
import { settle } from '../../src/engine/settle.ts'
import { service } from '../../src/resources/service.ts'
import { unitName } from '../../src/resources/unit.ts'
import { surroundings } from '../conformance/settles.ts'
import { testMachine } from '../support/machine.ts'

t.test('a staging root has no services', async t => {
  t.strictSame(await settle(service({ name: 'nginx' }), surroundings(testMachine(t), [])), { outcome: 'skipped' })
})

t.test('a name without a suffix is a service', async t => {
  t.equal(unitName('nginx'), 'nginx.service')
  t.equal(unitName('php8.2-fpm'), 'php8.2-fpm.service')
  t.equal(unitName('app@1'), 'app@1.service')
  t.equal(unitName('sunup.timer'), 'sunup.timer')
})

t.test('restartOn and reloadOn are triggers, by value or by id', async t => {
  const { triggers } = service({ name: 'app', restartOn: ['git[/srv/app]', service({ name: 'db' })], reloadOn: ['file[/etc/app.conf]'] })
  t.strictSame(triggers, [
    { act: 'restart', on: ['git[/srv/app]', 'service[db]'] },
    { act: 'reload', on: ['file[/etc/app.conf]'] },
  ])
})

t.test('names and states that are none are refused', async t => {
  for (const name of ['', 'a b', 'a;b', 'a/b', '$(id)']) t.throws(() => service({ name }), { code: 'resource.invalid' }, JSON.stringify(name))
  t.throws(() => service({ name: 'app', state: 'started' as never }), { code: 'resource.invalid', message: /running, stopped/ })
  t.throws(() => service({ name: 'app', reloadon: [] } as never), { code: 'resource.invalid', hint: 'Did you mean reloadOn?' })
})
