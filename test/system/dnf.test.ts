import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { Machine } from '../../src/core/machine.ts'
import { packages } from '../../src/resources/packages.ts'
import { settles } from '../conformance/settles.ts'
import { testHost } from '../support/machine.ts'
import { failing, settling } from '../support/settling.ts'

const REPOSITORY = '/srv/rpms'

/** A Debian machine that has forgotten its dpkg: what is left is rpm and dnf, which Debian has, too. */
t.before(async () => {
  const machine = testHost(t)
  renameSync('/var/lib/dpkg/status', '/var/lib/dpkg/status.away')
  for (const [name, version] of [['rdemo', '1.0'], ['rdemo', '1.1'], ['rdemo', '2.0'], ['rother', '1.0']] as const) await makeRpm(machine, name, version)
  await machine.run(['createrepo_c', '--quiet', REPOSITORY])
  machine.write('/etc/yum.repos.d/demo.repo', `[demo]\nname=demo\nbaseurl=file://${REPOSITORY}\nenabled=1\ngpgcheck=0\n`)
})

async function makeRpm(machine: Machine, name: string, version: string): Promise<void> {
  mkdirSync(REPOSITORY, { recursive: true })
  const spec = `/tmp/${name}.spec`
  writeFileSync(spec, `Name: ${name}\nVersion: ${version}\nRelease: 1\nSummary: for tests\nLicense: none\nBuildArch: noarch\nProvides: ${name}-virtual\n%description\nfor tests\n%files\n`)
  await machine.run(['rpmbuild', '--quiet', '-bb', '--define', `_rpmdir ${REPOSITORY}`, '--define', '_build_name_fmt %%{NAME}-%%{VERSION}.rpm', spec])
}

const version = async (machine: Machine, name: string): Promise<string> => (await machine.probe(['rpm', '-q', '--queryformat', '%{VERSION}', name])).stdout

t.test('dnf installs a package', async t => {
  const machine = testHost(t)
  await settles(t, machine, packages({ install: ['rother'] }), [{ type: 'create', field: 'rother' }])
})

t.test('a version can be asked for, and another one later', async t => {
  const machine = testHost(t)
  await settles(t, machine, packages({ install: ['rdemo=1.*'] }), [{ type: 'create', field: 'rdemo', to: '1.*' }])
  t.equal(await version(machine, 'rdemo'), '1.1', 'the newest that fits')
  await settles(t, machine, packages({ install: ['rdemo=2.0*'] }), [{ type: 'update', field: 'rdemo', from: '1.1-1', to: '2.0*' }])
  await settles(t, machine, packages({ install: ['rdemo=1.0*'] }), [{ type: 'update', field: 'rdemo', from: '2.0-1', to: '1.0*' }])
})

t.test('a name that a package provides is that package', async t => {
  await settles(t, testHost(t), packages({ install: ['rdemo-virtual'] }), [])
})

t.test('removing and installing are one transaction', async t => {
  const machine = testHost(t)
  await settling(machine, packages({ remove: ['rother'] }))
  await settles(t, machine, packages({ install: ['rother'], remove: ['rdemo'] }), [
    { type: 'create', field: 'rother' },
    { type: 'remove', field: 'rdemo', from: '1.0-1' },
  ])
})

t.test('a package that is nowhere is missing', async t => {
  const machine = testHost(t)
  t.match(await failing(machine, packages({ install: ['no-such-package'] })), { code: 'package.missing', subject: 'no-such-package' })
  t.match(await failing(machine, packages({ install: ['no-such-package'], remove: ['rother'] })), { code: 'package.missing' }, 'in one transaction with something else, too')
  t.equal(await version(machine, 'rother'), '1.0', 'and then nothing is done')
})
