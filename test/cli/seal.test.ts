import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Sealed } from '../../src/life/image/seal/seal.ts'
import { premises, SMALL, type Premises } from '../support/repository.ts'

const KEY = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'

t.test('each finding is a line: what, where, why and what --fix does; the exit code is 1', async t => {
  const where = premises(t, { role: SMALL })
  put(where, { '/etc/ssh/ssh_host_rsa_key': 'x', '/etc/site.key': KEY, '/var/log/syslog': 'x' })
  t.match(await where.sunup('seal'), {
    code: 1,
    stderr: '',
    stdout: `also log: /var/log/syslog: an instance’s own would begin with that of the build; --fix empties it
refused private key: /etc/site.key: every instance would have the same, and so would whoever has the image. Have the role bring it at boot as a secret; one that belongs in the image is named with --keep.
refused ssh host key: /etc/ssh/ssh_host_rsa_key: every instance would be taken for every other. --fix removes it
not sealed: 2 findings
`,
  })
})

t.test('with --fix it says what it removed, and what is left for somebody', async t => {
  const where = premises(t, { role: SMALL })
  put(where, { '/etc/ssh/ssh_host_rsa_key': 'x', '/etc/site.key': KEY })
  const { code, stdout } = await where.sunup('seal', '--fix')
  t.equal(code, 1)
  t.match(stdout, /^removed ssh host key: \/etc\/ssh\/ssh_host_rsa_key\nrefused private key: \/etc\/site\.key: .*\nnot sealed: 1 finding\n$/)
})

t.test('with --format json it is one document', async t => {
  const where = premises(t, { role: SMALL })
  put(where, { '/etc/site.key': KEY, '/root/.bash_history': 'ls\n' })
  const { code, stdout } = await where.sunup('seal', '--fix', '--format', 'json', '--keep', '/etc/*.key')
  t.equal(code, 0)
  const sealed = JSON.parse(stdout) as Sealed
  t.match(sealed, { sealed: true, findings: [], fixed: [{ what: 'history', path: '/root/.bash_history', fix: 'remove', refused: true }], kept: [{ path: '/etc/site.key' }] })
})

t.test('--keep takes several paths, each absolute', async t => {
  const where = premises(t, { role: SMALL })
  put(where, { '/etc/site.key': KEY, '/etc/other.key': KEY })
  t.equal((await where.sunup('seal', '--keep', '/etc/site.key', '/etc/other.key')).code, 0)
  t.match(await where.sunup('seal', '--keep', 'etc/site.key'), { code: 64, stderr: /--keep takes absolute paths, found "etc\/site\.key"/ })
})

t.test('an instance that booted is no image, and after --fix a boot begins from nothing', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const { code, stdout } = await where.sunup('seal')
  t.equal(code, 1)
  for (const what of ['health file: /run/sunup/health/ping.html', 'state of an instance: /var/lib/sunup/i-0demo']) t.match(stdout, `refused ${what}`)
  t.equal((await where.sunup('seal', '--fix')).code, 0)
  t.strictSame(readdirSync(join(where.root, 'var/lib/sunup')), [])
  t.notOk(existsSync(where.health))
  t.equal((await where.sunup('boot')).code, 0)
})

t.test('it needs no configuration to be right about anything but where state and run are', async t => {
  const where = premises(t, { role: SMALL, config: 'state: /srv/state\n' })
  t.equal((await where.sunup('boot')).code, 0)
  t.match((await where.sunup('seal')).stdout, 'state of an instance: /srv/state/i-0demo')
})

t.test('without root it vouches for nothing', { skip: process.getuid?.() === 0 && 'root may read everything' }, async t => {
  const where = premises(t, { role: SMALL, staged: false })
  t.match(await where.sunup('seal'), { code: 1, stderr: /seal needs root/ })
})

function put(where: Premises, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(where.root, path)), { recursive: true })
    writeFileSync(join(where.root, path), text)
  }
}
