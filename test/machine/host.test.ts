import t from 'tap'
import { hostFacts } from '../../src/machine/host.ts'
import { testMachine } from '../support/machine.ts'

t.test("the system is that of the root's os-release", async t => {
  const amazon = testMachine(t, { etc: { 'os-release': 'NAME="Amazon Linux"\nID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2023"\n' } })
  t.match(hostFacts(amazon), { os: 'amzn', family: 'redhat', version: '2023' })
})

t.test('a derivative belongs to the family it says it is like', async t => {
  const mint = testMachine(t, { usr: { lib: { 'os-release': "ID=linuxmint\nID_LIKE='ubuntu debian'\n" } }, etc: { 'os-release': t.fixture('symlink', '../usr/lib/os-release') } })
  t.match(hostFacts(mint), { os: 'linuxmint', family: 'debian', version: '' })
})

t.test('a root without os-release is of the system of its host', async t => {
  const bare = testMachine(t)
  const facts = hostFacts(bare)
  t.not(facts.os, '')
  t.ok(facts.cpus >= 1 && facts.memory > 2 ** 20)
  t.match(facts.architecture, /^[a-z0-9]+$/)
})
