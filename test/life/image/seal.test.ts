import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { Failure } from '../../../src/core/failure.ts'
import type { Machine } from '../../../src/core/machine.ts'
import type { Finding } from '../../../src/life/image/seal/finding.ts'
import { KINDS, seal, type Sealed } from '../../../src/life/image/seal/seal.ts'
import { systemClock } from '../../../src/machine/clock.ts'
import { tryLock } from '../../../src/machine/lock.ts'
import { hostMachine } from '../../../src/machine/machine.ts'

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n'
const OWE = '{"t":"owe","id":"execute[note]","act":"run","cause":"file[/x]"}\n'
const PASSWD = 'root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\ndb:x:70:70::/var/lib/db:/bin/false\n'

interface Case {
  readonly what: string
  readonly files: Readonly<Record<string, string>>
  /** The paths that are found. Default: those of the files. */
  readonly found?: readonly string[]
  /** What is left of the found ones after --fix: gone, empty, or all of it. */
  readonly after: 'gone' | 'empty' | 'there'
  readonly minor?: true
}

/** Each kind with all places that it looks in. */
const CASES: readonly Case[] = [
  { what: 'health file', files: { '/run/sunup/health/ping.html': 'ok' }, after: 'gone' },
  { what: 'debt of a bake', files: { '/run/sunup/bake/journal.ndjson': OWE }, after: 'there' },
  { what: 'debt of an instance', files: { '/var/lib/sunup/i-0a/journal.ndjson': OWE }, after: 'there' },
  {
    what: 'state of an instance',
    files: { '/var/lib/sunup/i-0a/runs/r/report.json': '{}', '/var/lib/sunup/i-0b/journal.ndjson': '', '/var/lib/sunup/unknown-r/runs/r/report.json': '{}', '/var/lib/sunup/order': 'x' },
    found: ['/var/lib/sunup/i-0a', '/var/lib/sunup/i-0b', '/var/lib/sunup/order', '/var/lib/sunup/unknown-r'],
    after: 'gone',
  },
  { what: 'commit that a gate opened on', files: { '/var/lib/sunup/cache/source/0123456789abcdef/good.json': '{}' }, after: 'gone' },
  {
    what: 'half of a checkout',
    files: { '/var/lib/sunup/cache/source/0123456789abcdef/.aaaa.12.new/x': '' },
    found: ['/var/lib/sunup/cache/source/0123456789abcdef/.aaaa.12.new'],
    after: 'gone',
  },
  { what: 'lock and marks of a boot', files: { '/run/sunup/boot': '{}', '/run/sunup/order': '' }, after: 'gone' },
  { what: 'record of a bake', files: { '/run/sunup/bake/runs/r/report.json': '{}' }, found: ['/run/sunup/bake/runs'], after: 'gone' },
  { what: 'half of an installation', files: { '/opt/.sunup-install.77.abcdef/sunup-0.1.0/x': '' }, found: ['/opt/.sunup-install.77.abcdef'], after: 'gone' },
  { what: 'password in sunup.yaml', files: { '/etc/sunup/sunup.yaml': 'source:\n  repository: https://ada:hunter22@git.example.com/infra.git\n' }, after: 'there' },
  {
    what: 'credentials',
    files: { '/root/.aws/credentials': 'x', '/root/.netrc': 'x', '/home/ada/.git-credentials': 'x', '/home/ada/.docker/config.json': '{}', '/var/lib/db/.pgpass': 'x' },
    found: ['/home/ada/.docker/config.json', '/home/ada/.git-credentials', '/root/.aws', '/root/.netrc', '/var/lib/db/.pgpass'],
    after: 'gone',
  },
  {
    what: 'AWS key in an environment',
    files: {
      '/etc/sunup/environment': 'AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENG\n',
      '/etc/systemd/system/app.service.d/env.conf': '[Service]\nEnvironment=AWS_SESSION_TOKEN=wJalrXUtnFEMIK7MDENG\n',
      '/home/ada/.bashrc': `export AWS_ACCESS_KEY_ID=${'AKIA'}IOSFODNN7EXAMPLE\n`,
    },
    after: 'there',
  },
  { what: 'private key of somebody', files: { '/root/.ssh/id_ed25519': KEY, '/home/ada/.ssh/keys/deploy': KEY }, after: 'gone' },
  { what: 'private key', files: { '/etc/ssl/private/site.key': KEY.replaceAll('OPENSSH ', ''), '/home/ada/x.pem': KEY, '/tmp/k': KEY, '/etc/app/values.yaml': `key: |\n${KEY.replaceAll(/^/gm, '  ')}`, '/etc/app/key.json': `{"key": "${KEY}"}` }, after: 'there' },
  { what: 'ssh host key', files: { '/etc/ssh/ssh_host_ed25519_key': KEY, '/etc/ssh/ssh_host_ed25519_key.pub': 'ssh-ed25519 AAAA' }, after: 'gone' },
  { what: 'way in of the build', files: { '/root/.ssh/authorized_keys': 'ssh-ed25519 AAAA', '/home/ada/.ssh/authorized_keys2': 'x' }, after: 'gone' },
  { what: 'machine id', files: { '/etc/machine-id': '0123456789abcdef0123456789abcdef\n' }, after: 'empty' },
  { what: 'machine id of D-Bus', files: { '/var/lib/dbus/machine-id': '0123456789abcdef0123456789abcdef\n' }, after: 'gone' },
  { what: 'secret of systemd', files: { '/var/lib/systemd/credential.secret': 'x' }, after: 'gone' },
  { what: 'random seed', files: { '/var/lib/systemd/random-seed': 'x', '/boot/efi/loader/random-seed': 'x' }, after: 'gone' },
  { what: 'core dump', files: { '/var/lib/systemd/coredump/core.nginx.0.zst': 'x', '/var/crash/x.crash': 'x' }, after: 'gone' },
  {
    what: 'instance data of cloud-init',
    files: { '/var/lib/cloud/instances/i-0a/user-data.txt': '#!', '/var/lib/cloud/data/instance-id': 'i-0a', '/var/lib/cloud/sem/config_scripts.once': '' },
    found: ['/var/lib/cloud/data/instance-id', '/var/lib/cloud/instances/i-0a', '/var/lib/cloud/sem/config_scripts.once'],
    after: 'gone',
  },
  { what: 'network of the build', files: { '/etc/netplan/50-cloud-init.yaml': 'x', '/etc/udev/rules.d/70-persistent-net.rules': 'x' }, after: 'gone' },
  { what: 'DHCP lease', files: { '/var/lib/dhcp/dhclient.eth0.leases': 'lease {}', '/var/lib/NetworkManager/internal-x-eth0.lease': 'x' }, after: 'gone' },
  { what: 'host name of the build', files: { '/etc/hostname': 'ip-10-0-0-17\n' }, after: 'gone' },
  { what: 'history', files: { '/root/.bash_history': 'ls\n', '/home/ada/.python_history': 'x', '/var/lib/db/.psql_history': 'x' }, after: 'gone' },
  { what: 'package lists and caches', files: { '/var/lib/apt/lists/x_Packages': 'x', '/var/cache/apt/archives/a.deb': 'x' }, after: 'gone', minor: true },
  { what: 'journal of the build', files: { '/var/log/journal/0123/system.journal': 'x' }, found: ['/var/log/journal/0123'], after: 'gone', minor: true },
  { what: 'old log', files: { '/var/log/syslog.1': 'x', '/var/log/nginx/access.log.2.gz': 'x', '/var/log/messages-20260101': 'x' }, after: 'gone', minor: true },
  { what: 'log', files: { '/var/log/auth.log': 'x', '/var/log/nginx/access.log': 'x' }, after: 'empty', minor: true },
]

for (const { what, files, found = Object.keys(files).sort(), after, minor } of CASES) {
  t.test(`${what}: it is found, each in a finding, and with --fix ${after}`, async t => {
    const root = image(t, { '/etc/passwd': PASSWD, ...files })
    const looked = await sealing(root)
    t.strictSame(pathsOf(looked.findings), found)
    t.ok(looked.findings.every(finding => finding.what === what && finding.why !== ''))
    t.equal(looked.sealed, minor === true)
    for (const [path, text] of Object.entries(files)) t.equal(read(root, path), text, `${path} is untouched`)
    const fixed = await sealing(root, { fix: true })
    t.equal(fixed.sealed, minor === true || after !== 'there')
    t.strictSame(pathsOf(after === 'there' ? fixed.findings : fixed.fixed), found)
    for (const path of found) {
      if (after === 'there') t.equal(read(root, path), files[path])
      else t.equal(existsSync(join(root, path)) ? read(root, path) : undefined, after === 'empty' ? '' : undefined)
    }
    const again = await sealing(root, { fix: true })
    t.strictSame(again.fixed, [], 'once more fixes nothing')
  })
}

const LOGINS: Readonly<Record<string, string>> = {
  'flow style': 'source: {repository: "https://ada:hunter22@git.example.com/infra.git"}\n',
  'an alias': 'a: &a https://ada:hunter22@git.example.com/infra.git\nsource:\n  repository: *a\n',
  'a folded block': 'source:\n  repository: >-\n    https://ada:hunter22@git.example.com/infra.git\n',
  'a comment': 'cloud: aws\n# repository: https://ada:hunter22@git.example.com/infra.git\n',
  'a token as the user': 'source:\n  repository: https://ghp_hunter22@git.example.com/infra.git\n',
  'a password of ssh': 'source:\n  repository: ssh://git:hunter22@git.example.com/infra.git\n',
  'an escaped text': 'source: {"repository": "https:\\/\\/ada:hunter22\\x40git.example.com/infra.git"}\n',
  'a text in two lines': 'source:\n  repository: "https://ada:\\\n    hunter22@git.example.com/infra.git"\n',
  'another key': 'repositry: HTTPS://ada:hunter22@git.example.com/infra.git\n',
  'no YAML': 'source: {repository: ]\n\t- "https://ada:hunter22@git.example.com/infra.git\n',
}

for (const [how, text] of Object.entries(LOGINS)) {
  t.test(`a password in sunup.yaml is found in ${how}`, async t => {
    const root = image(t, { '/etc/passwd': PASSWD, '/etc/sunup/sunup.yaml': text })
    const { sealed, findings } = await sealing(root, { fix: true })
    t.equal(sealed, false)
    t.strictSame(findings.map(({ what, path }) => [what, path]), [['password in sunup.yaml', '/etc/sunup/sunup.yaml']])
    t.equal(read(root, '/etc/sunup/sunup.yaml'), text, 'it is for a person to take out')
  })
}

for (const repository of ['git@github.com:acme/infra.git', 'ssh://git@github.com:22/acme/infra.git', 'https://git.example.com:8443/infra@2.git', 'file:///srv/a:b@c.git']) {
  t.test(`${repository} in sunup.yaml lets nobody in`, async t => {
    const root = image(t, { '/etc/passwd': PASSWD, '/etc/sunup/sunup.yaml': `# ask ada@example.com\nsource: { repository: "${repository}" }\n` })
    t.strictSame((await sealing(root)).findings, [])
  })
}

t.test('every kind has its case here', async t => {
  t.strictSame(KINDS.map(({ what }) => what).filter(what => what !== 'run at work' && what !== 'file whose name is no text' && !CASES.some(one => one.what === what)), [])
})

t.test('what an image may have is no finding', async t => {
  const root = image(t, {
    '/etc/passwd': PASSWD,
    '/etc/machine-id': '',
    '/etc/hostname': 'web\n',
    '/etc/ssl/certs/ca.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n',
    '/etc/sunup/sunup.yaml': 'source: { repository: "git@github.com:acme/infra.git" }\n',
    '/etc/sunup/environment': 'AWS_REGION=eu-west-1\nAWS_SECRET_ACCESS_KEY=$FROM\n',
    '/var/lib/sunup/cache/source/0123456789abcdef.git/HEAD': 'ref: refs/heads/main\n',
    '/var/lib/cloud/scripts/per-boot/mine': '#!/bin/sh\n',
    '/var/lib/cloud/seed/nocloud/meta-data': '',
    '/root/.ssh/authorized_keys': '',
    '/var/log/syslog': '',
  })
  t.strictSame(await sealing(root), { sealed: true, findings: [], fixed: [], kept: [] })
})

t.test('a file whose name is no text refuses the image: what is in it can’t be looked at', async t => {
  const root = image(t, { '/etc/passwd': PASSWD, '/root/.ssh/known_hosts': '' })
  for (const directory of ['root/.ssh', 'etc']) writeFileSync(Buffer.concat([Buffer.from(join(root, directory, 'key-')), Buffer.from([0xff, 0xfe])]), KEY)
  const { findings, sealed } = await sealing(root, { fix: true })
  t.equal(sealed, false)
  t.strictSame(findings.map(({ what, path }) => [what, path]), [['file whose name is no text', '/etc/key-\uFFFD\uFFFD'], ['file whose name is no text', '/root/.ssh/key-\uFFFD\uFFFD']])
})

t.test('homes, and what lies in them, are found behind links, as their owners find them', async t => {
  const root = image(t, {
    '/etc/passwd': `${PASSWD}carol:x:1001:1001::/data/carol:/bin/bash\n`,
    '/data/real/.ssh/id_rsa': KEY,
    '/data/real/.ssh/authorized_keys': 'ssh-ed25519 AAAA',
    '/data/real/.bash_history': 'ls\n',
    '/data/keys/authorized_keys2': 'x',
  })
  symlinkSync('/data/real', join(root, 'data/carol'))
  mkdirSync(join(root, 'root'), { recursive: true })
  symlinkSync('../data/keys', join(root, 'root/.ssh'))
  const { fixed, sealed } = await sealing(root, { fix: true })
  t.strictSame(pathsOf(fixed), ['/data/carol/.bash_history', '/data/carol/.ssh/authorized_keys', '/data/carol/.ssh/id_rsa', '/root/.ssh/authorized_keys2'])
  t.equal(sealed, true)
  t.strictSame(readdirSync(join(root, 'data/keys')), [])
})

t.test('a link to credentials is for somebody to decide, one to /dev/null is no history, and a dangling one is removed', async t => {
  const root = image(t, { '/etc/passwd': PASSWD, '/data/keys/credentials': 'x', '/dev/x': '' })
  mkdirSync(join(root, 'root'), { recursive: true })
  symlinkSync('/data/keys', join(root, 'root/.aws'))
  symlinkSync('/nowhere', join(root, 'root/.netrc'))
  execFileSync('mkfifo', [join(root, 'dev/null')])
  symlinkSync('/dev/null', join(root, 'root/.bash_history'))
  const { findings, fixed, sealed } = await sealing(root, { fix: true })
  t.equal(sealed, false)
  t.match(findings, [{ what: 'credentials', path: '/root/.aws', detail: 'a link to /data/keys', fix: 'none', hint: /what it leads to/ }])
  t.strictSame(pathsOf(fixed), ['/root/.netrc'])
  t.equal(read(root, '/data/keys/credentials'), 'x')
})

t.test('a root that is not there, or is no directory, is not vouched for', async t => {
  const root = image(t, { '/etc/passwd': PASSWD })
  for (const path of ['nowhere', 'etc/passwd']) await t.rejects(sealing(join(root, path)), { code: 'file.kind', message: /is no directory/ })
})

t.test('a run at work refuses the image, and --fix waits for nobody: the lock is held', async t => {
  const root = image(t, { '/etc/passwd': PASSWD, '/root/.bash_history': 'ls\n' })
  mkdirSync(join(root, 'run/sunup'), { recursive: true })
  const lock = tryLock(join(root, 'run/sunup/lock'), { command: 'boot', pid: process.ppid })
  t.teardown(() => lock?.release())
  t.match((await sealing(root)).findings.find(({ what }) => what === 'run at work'), { detail: `sunup boot, process ${process.ppid}`, fix: 'none' })
  await t.rejects(sealing(root, { fix: true }), { code: 'lock.held' })
  t.equal(read(root, '/root/.bash_history'), 'ls\n', 'nothing was removed')
})

t.test('what is in the place of the lock, and is none, is removed as the rest', async t => {
  const root = image(t, { '/etc/passwd': PASSWD, '/run/sunup/lock': 'one\n', '/root/.bash_history': 'ls\n' })
  t.equal((await sealing(root, { fix: true })).sealed, true)
  t.strictSame(readdirSync(join(root, 'run/sunup')), [])
  t.strictSame(readdirSync(join(root, 'root')), [])
})

t.test('a debt is not removed with the state that it lies in', async t => {
  const root = image(t, { '/var/lib/sunup/i-0a/journal.ndjson': OWE, '/var/lib/sunup/i-0b/x': '' })
  const { findings, fixed } = await sealing(root, { fix: true })
  t.strictSame(pathsOf(fixed), ['/var/lib/sunup/i-0b'])
  t.match(findings, [{ what: 'debt of an instance', detail: 'run of execute[note]' }])
})

t.test('what is kept on purpose is told, and refuses nothing', async t => {
  const root = image(t, { '/etc/deploy/id_ed25519': KEY, '/etc/other.key': KEY })
  const some = await sealing(root, { keep: ['/etc/deploy/*'], fix: true })
  t.strictSame([pathsOf(some.kept), pathsOf(some.findings), some.sealed], [['/etc/deploy/id_ed25519'], ['/etc/other.key'], false])
  t.equal((await sealing(root, { keep: ['/etc/deploy/*', '/etc/other.key'] })).sealed, true)
})

t.test('a point in a kept path is a point', async t => {
  const root = image(t, { '/etc/aXkey': KEY })
  t.equal((await sealing(root, { keep: ['/etc/a.key'] })).sealed, false)
})

t.test('nothing outside of the root is removed by a link in it', async t => {
  const root = image(t, { '/etc/passwd': PASSWD })
  const outside = t.testdir({ outside: { '.bash_history': 'mine\n', 'auth.log': 'mine\n' }, root: {} })
  mkdirSync(join(root, 'home'))
  mkdirSync(join(root, 'var/log'), { recursive: true })
  symlinkSync(join(outside, 'outside'), join(root, 'home/ada'))
  symlinkSync(join(outside, 'outside/auth.log'), join(root, 'var/log/auth.log'))
  symlinkSync(join(outside, 'outside'), join(root, 'var/lib'))
  await sealing(root, { fix: true })
  t.strictSame(readdirSync(join(outside, 'outside')).sort(), ['.bash_history', 'auth.log'])
  t.equal(readFileSync(join(outside, 'outside/auth.log'), 'utf8'), 'mine\n')
})

t.test('what can’t be removed is told with why, and the rest goes', async t => {
  const root = image(t, { '/etc/passwd': PASSWD, '/root/.bash_history': 'ls\n', '/root/.netrc': 'x' })
  const real = hostMachine({ root })
  const remove = (path: string): void => {
    if (path === '/root/.netrc') throw new Failure('file.denied', 'EBUSY: /root/.netrc is mounted')
    real.remove(path)
  }
  const { sealed, findings, fixed } = await sealing(root, { fix: true, machine: { ...real, remove } })
  t.notOk(sealed)
  t.match(findings, [{ path: '/root/.netrc', hint: 'It could not be removed: EBUSY: /root/.netrc is mounted' }])
  t.strictSame(pathsOf(fixed), ['/root/.bash_history'])
})

t.test('an image without anything is sealed, and nothing is made in it', async t => {
  const root = image(t, {})
  t.equal((await sealing(root)).sealed, true)
  t.strictSame(readdirSync(root), [])
})

function image(t: Test, files: Readonly<Record<string, string>>): string {
  const root = t.testdir()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function sealing(root: string, { fix = false, keep = [], machine = hostMachine({ root }) }: { readonly fix?: boolean; readonly keep?: readonly string[]; readonly machine?: Machine } = {}): Promise<Sealed> {
  return seal({ machine, settings: { state: '/var/lib/sunup', run: '/run/sunup' }, keep, fix, clock: systemClock, signal: new AbortController().signal })
}

function pathsOf(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ path }) => path).sort()
}

function read(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
