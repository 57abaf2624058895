import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { chosen, copyOf, killer } from '../../support/crashes.ts'
import { aside } from '../../support/git-repository.ts'
import { plainTree } from '../../support/plain-tree.ts'
import { abreast } from '../../support/program.ts'
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
  const work = aside(t, 'seal-crashes')
  const kill = killer(work, ['seal', '--fix'])
  const { calls, whole } = await kill.callsOf(before, join(work, 'whole'))
  const { at, seed } = chosen(calls, MOST_DEATHS)
  t.comment(`${at.length} of ${calls} calls, SUNUP_TEST_SEED=${seed}`)
  await abreast(at, async n => {
    const where = copyOf(before, join(work, `at-${n}`))
    const died = await kill.boot(where, n)
    const point = `call ${n} (${died.stderr.trim().replaceAll(where.dir, '')})`
    const again = await where.sunup('seal', '--fix')
    t.match({ signal: died.signal, code: again.code, stderr: again.stderr }, { signal: 'SIGKILL', code: 0, stderr: /^$/ }, `${point}: it died, and the next one sealed`)
    t.strictSame(plainTree(where.root), plainTree(whole.root), `${point}: all is as if it had not died`)
    t.equal((await where.sunup('seal')).code, 0, `${point}: whoever only looks finds nothing`)
    rmSync(where.dir, { recursive: true })
  })
})
