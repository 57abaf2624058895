import t, { type Test } from 'tap'
import type { Change } from '../../src/core/change.ts'
import { look, settle } from '../../src/engine/settle.ts'
import { policiesOf } from '../../src/resources/apt.ts'
import { isVersion } from '../../src/resources/package-manager.ts'
import { packages } from '../../src/resources/packages.ts'
import { surroundings } from '../conformance/settles.ts'
import { testMachine } from '../support/machine.ts'

const STATUS = `Package: nginx
Status: install ok installed
Architecture: amd64
Version: 1.22.1-9

Package: git
Status: install ok unpacked
Architecture: amd64
Version: 1:2.39.5

`

function changes(t: Test, resource: ReturnType<typeof packages>): Promise<readonly Change[]> {
  const machine = testMachine(t, { var: { lib: { dpkg: { status: STATUS } } } })
  return Promise.resolve(look(resource, surroundings(machine, [])))
}

t.test('what is installed is settled, by version too', async t => {
  t.strictSame(await changes(t, packages({ install: ['nginx'] })), [])
  t.strictSame(await changes(t, packages({ install: ['nginx=1.22*'], remove: ['apache2'] })), [])
})

t.test('each package is a change of its own; without lists the version is what was asked for', async t => {
  t.strictSame(await changes(t, packages({ install: ['tree', 'hello=2.*', 'nginx=1.24*', 'git'], remove: ['nginx-common'] })), [
    { type: 'create', field: 'tree' },
    { type: 'create', field: 'hello', to: '2.*' },
    { type: 'update', field: 'nginx', from: '1.22.1-9', to: '1.24*' },
    { type: 'update', field: 'git', from: 'unpacked', to: 'installed' },
  ])
  t.strictSame(await changes(t, packages({ remove: ['nginx'] })), [{ type: 'remove', field: 'nginx', from: '1.22.1-9' }])
})

t.test('a transaction that was cut off is finished, also when all are installed', async t => {
  const machine = testMachine(t, { var: { lib: { dpkg: { status: STATUS } } } })
  const around = surroundings(machine, [])
  const resource = packages({ install: ['nginx'] })
  around.journal.begin(resource.id)
  t.strictSame(await look(resource, around), [{ type: 'act', field: 'configure', reason: 'an earlier transaction was cut off' }])
})

t.test('a staging root has none', async t => {
  t.strictSame(await settle(packages({ install: ['nginx'] }), surroundings(testMachine(t), [])), { outcome: 'skipped' })
})

t.test('where there is neither apt nor dnf, that is what is absent', async t => {
  await t.rejects(Promise.resolve(look(packages({ install: ['nginx'] }), surroundings(testMachine(t), []))), { code: 'absent.command', message: /neither apt nor dnf/ })
})

t.test('its id is what it installs, and with a minus what it removes', async t => {
  t.equal(packages({ install: ['git', 'nginx=1.22*'], remove: ['apache2'] }).id, 'package[git nginx -apache2]')
})

t.test('names that are none are refused', async t => {
  for (const name of ['--force-yes', 'a b', '', '/tmp/x.deb', 'nginx=', 'nginx=1 2', '*']) {
    t.throws(() => packages({ install: [name] }), { code: 'resource.invalid' }, JSON.stringify(name))
  }
  t.throws(() => packages({}), { code: 'resource.invalid', message: /neither/ })
  t.throws(() => packages({ install: ['nginx'], remove: ['nginx'] }), { code: 'resource.invalid', message: /named twice/ })
})

t.test('in a version * stands for anything, and nothing else does', async t => {
  t.ok(isVersion('1.22.1-9+deb12u2', '1.22*'))
  t.ok(isVersion('1.22.1-9+deb12u2', '1.22.1-9+deb12u2'))
  t.ok(isVersion('1:2.0', '*2.0'))
  t.notOk(isVersion('1x22', '1.22'))
  t.notOk(isVersion('1.22.1', '1.22'))
})

t.test('what apt-cache policy says is read: candidates, and all versions, the newest first', async t => {
  const policies = policiesOf(`nginx:
  Installed: 1.22.1-9
  Candidate: 1.22.1-9+deb12u2
  Version table:
     1.22.1-9+deb12u2 500
        500 http://deb.example.com/debian bookworm/main amd64 Packages
 *** 1.22.1-9 100
        100 /var/lib/dpkg/status
awk:
  Installed: (none)
  Candidate: (none)
  Version table:
`)
  t.strictSame(policies.get('nginx'), { candidate: '1.22.1-9+deb12u2', versions: ['1.22.1-9+deb12u2', '1.22.1-9'] })
  t.strictSame(policies.get('awk'), { candidate: undefined, versions: [] })
})
