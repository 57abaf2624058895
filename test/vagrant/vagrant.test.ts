import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { prepareVagrant, project, startBridge, work, type Project } from './host.ts'

// What docs/vagrant.md tells to do, on a machine that is real but for its kernel. Each test goes on where the one before has stopped: a machine takes its time.

const checkout = resolve(import.meta.dirname, '../..')
const infra = join(work, 'infra')
const own = project(infra)
const BOOT = { SUNUP_BOOT: '1' }

startBridge()
t.match(await prepareVagrant(), { code: 0 }, 'the box is there')

const written = (): readonly string[] => readdirSync(infra, { recursive: true, encoding: 'utf8' }).filter(path => !/^\.vagrant|^packages/.test(path)).sort()
const edit = (path: string, from: string, to: string): void => writeFileSync(join(infra, path), readFileSync(join(infra, path), 'utf8').replace(from, to))
/** What makes up nginx and its page, and when they were made. */
const traces = async ({ inside }: Project): Promise<string> => (await inside('find /etc /srv/www -newermt 2000-01-01 ! -type d -printf "%p %T@ %i\\n" | sort; systemctl show -p MainPID -p ExecMainStartTimestamp nginx')).output

t.test('a repository that `sunup init` wrote needs the archive, and says so before a machine is made', async t => {
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(checkout, 'bin/sunup.js'), 'init', infra], { stdio: 'ignore' })
  const { code, output } = await own.vagrant(['up'])
  t.equal(code, 1)
  t.match(output, `There is no sunup-<version>-linux-<arch>.tar.gz in ${join(infra, 'packages')}`)
  t.strictSame(readdirSync('/var/lib/lxc'), [])
})

t.test('`vagrant up` plans, and changes nothing', async t => {
  cpSync(join(work, 'packages'), join(infra, 'packages'), { recursive: true })
  const before = written()
  const { code, output } = await own.vagrant(['up'])
  t.equal(code, 0, output)
  t.match(output, /Looks only, changes nothing\.[^]*~ package\[nginx\][^]*\+ template\[\/srv\/www\/index\.html\][^]*exit code 2/)
  t.not((await own.inside('test -e /srv/www || test -e /etc/nginx || test -e /run/sunup/health/ping.html')).code, 0)
  t.equal(await own.ask('/ping.html'), undefined)
  t.strictSame(written(), before, 'nor in the repository')
})

t.test('SUNUP_BOOT=1 boots, and the health file answers through the machine’s nginx', async t => {
  const { code, output } = await own.vagrant(['provision'], BOOT)
  t.equal(code, 0, output)
  t.match(output, /gate open: traffic may come in/)
  t.match(await own.ask('/ping.html'), { status: 200, body: /^ok i-0local / })
  t.match(await own.ask('/', 'www.example.com'), { status: 200, body: /<h1>It works<\/h1>/ })
  t.match(await own.inside('systemctl is-active nginx; cat /proc/1/comm'), { output: /^active\s+systemd/ })
})

t.test('`vagrant provision` again changes nothing', async t => {
  const before = await traces(own)
  const { code, output } = await own.vagrant(['provision'], BOOT)
  t.equal(code, 0, output)
  t.match(output, /\b0 changed, \d+ unchanged/)
  t.equal(await traces(own), before)
  t.match(await own.ask('/ping.html'), { status: 200 })
  const planned = await own.vagrant(['provision'])
  t.match(planned.output, /\b0 would change, 0 unknown/)
  t.equal(planned.code, 0)
})

t.test('a mistake fails it with its place, and nothing answers until it is put right', async t => {
  edit('recipes/page/index.html.mustache', '<h1>{{title}}', '<h1>{{titel}}')
  const { code, output } = await own.vagrant(['provision'], BOOT)
  t.equal(code, 1)
  t.match(output, /index\.html\.mustache:3: there is no "titel"[^]*Did you mean title\?/)
  t.match(await own.ask('/ping.html'), { status: 404 })
  edit('recipes/page/index.html.mustache', '<h1>{{titel}}', '<h1>{{title}}, again')
  t.match(await own.vagrant(['provision'], BOOT), { code: 0, output: /1 changed/ })
  t.match(await own.ask('/', 'www.example.com'), { body: /It works, again/ })
  t.match(await own.ask('/ping.html'), { status: 200 })
})

t.test('wrong variables are told', async t => {
  t.match(await own.vagrant(['provision'], { SUNUP_BOOT: 'maybe' }), { code: 1, output: /SUNUP_BOOT is 1 or 0, not maybe/ })
  t.match(await own.vagrant(['provision'], { SUNUP_ROLE: 'wbe' }), { code: 1, output: /Did you mean web\?/ })
  t.match(await own.vagrant(['provision'], { SUNUP_ROLE: 'base' }), { code: 0, output: /role base/ })
  t.match(await own.ask('/ping.html'), { status: 200 }, 'and a plan leaves the gate alone')
})

t.test('after a restart the gate is closed until somebody boots', async t => {
  t.match(await own.vagrant(['reload']), { code: 0 })
  t.match(await own.ask('/ping.html'), { status: 404 })
  t.match(await own.vagrant(['provision'], BOOT), { code: 0, output: /0 changed/ })
  t.match(await own.ask('/ping.html'), { status: 200 })
})

t.test('no metadata service can be reached from the machine', async t => {
  t.match(await own.inside('ip route get 169.254.169.254; curl -sm 3 http://169.254.169.254/latest/meta-data/'), { code: 7 })
})

t.test('an archive that is not the one of SHA256SUMS is not installed', async t => {
  const sums = join(infra, 'packages/SHA256SUMS')
  const right = readFileSync(sums, 'utf8')
  writeFileSync(sums, right.replace(/^\w{8}/, '00000000'))
  t.match(await own.vagrant(['provision']), { code: 1, output: /the checksum of \/srv\/packages\/sunup-.* is wrong/ })
  writeFileSync(sums, '')
  t.match(await own.vagrant(['provision']), { code: 1, output: /SHA256SUMS does not name sunup-/ })
  t.match(await own.inside('sunup --version'), { code: 0 }, 'the one that was there works on')
  writeFileSync(sums, right)
})

t.test('`vagrant destroy` leaves nothing', async t => {
  const { code, output } = await own.vagrant(['destroy', '-f'])
  t.equal(code, 0, output)
  t.strictSame(readdirSync('/var/lib/lxc'), [])
})

t.test('with the Vagrantfile of the checkout, from nothing to healthy in one go', async t => {
  const whole = project(checkout, join(work, 'state'))
  const { code, output } = await whole.vagrant(['up'], { ...BOOT, SUNUP_PACKAGES: join(work, 'packages') })
  t.equal(code, 0, output)
  t.match(await whole.ask('/ping.html'), { status: 200, body: /^ok i-0local / })
  t.match(await whole.vagrant(['destroy', '-f'], { SUNUP_PACKAGES: join(work, 'packages') }), { code: 0 })
})
