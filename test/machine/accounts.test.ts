import { appendFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import t from 'tap'
import { hostMachine } from '../../src/machine/machine.ts'
import { testMachine } from '../support/machine.ts'

const PASSWD = 'root:x:0:0:root:/root:/bin/bash\napp:x:500:500::/srv/app:/usr/sbin/nologin\n# a comment\napp:x:501:501::/second:/bin/sh\n'
const GROUP = 'root:x:0:\nadm:x:4:app,ops\n'

t.test("accounts are those of the staging root's own files", async t => {
  const machine = testMachine(t, { etc: { passwd: PASSWD, group: GROUP } })
  t.strictSame(machine.account('app'), { name: 'app', uid: 500, gid: 500, home: '/srv/app', shell: '/usr/sbin/nologin' })
  t.equal(machine.accountOf(500)?.name, 'app')
  t.strictSame(machine.group('adm'), { name: 'adm', gid: 4, members: ['app', 'ops'] })
  t.equal(machine.groupOf(4)?.name, 'adm')
})

t.test('an account that the staging root lacks is not borrowed from the host', async t => {
  const machine = testMachine(t, { etc: { passwd: PASSWD } })
  t.equal(machine.account(userInfo().username === 'root' ? 'daemon' : userInfo().username), undefined)
  t.equal(machine.group('root'), undefined)
})

t.test('an account that is added in the middle of a run is seen', async t => {
  const machine = testMachine(t, { etc: { passwd: PASSWD } })
  t.equal(machine.account('later'), undefined)
  appendFileSync(`${machine.dir}/etc/passwd`, 'later:x:600:600::/:/bin/sh\n')
  t.equal(machine.account('later')?.uid, 600)
})

t.test('the machine itself knows root, by name and by id, and nobody of an unlikely name', async t => {
  const machine = hostMachine()
  t.equal(machine.account('root')?.uid, 0)
  t.equal(machine.accountOf(0)?.name, 'root')
  t.equal(machine.groupOf(0)?.gid, 0)
  t.equal(machine.account('nobody-is-called-so'), undefined)
  t.equal(machine.account('0'), undefined, 'an id is not a name')
})
