import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { everyDeath } from '../../support/deaths.ts'
import { plainTree } from '../../support/plain-tree.ts'
import { premises, SMALL } from '../../support/repository.ts'

t.setTimeout(600_000)

const MOST_DEATHS = 45

t.test('seal --fix that was killed before any call is made good by the next one', async t => {
  const before = premises(t, { role: SMALL })
  t.equal((await before.sunup('boot')).code, 0)
  const files = {
    '/etc/machine-id': '0123\n',
    '/etc/ssh/ssh_host_rsa_key': 'x',
    '/root/.aws/credentials': 'x',
    '/root/.aws/sso/cache/x': 'x',
    '/root/.bash_history': 'x',
    '/var/lib/cloud/instances/i-0a/user-data.txt': 'x',
    '/var/log/syslog': 'x',
    '/var/log/syslog.1': 'x',
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(before.root, path)), { recursive: true })
    writeFileSync(join(before.root, path), text)
  }
  await everyDeath(t, before, { line: ['seal', '--fix'], most: MOST_DEATHS }, whole => async (where, point) => {
    t.strictSame(plainTree(where.root), plainTree(whole.root), `${point}: all is as if it had not died`)
    t.equal((await where.sunup('seal')).code, 0, `${point}: whoever only looks finds nothing`)
  })
})
