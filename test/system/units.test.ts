import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { image } from './image.ts'
import { boot, type LabMachine } from './machine.ts'

// Machines that boot with sunup's units, from their first process on. Unlike the other files of this suite it runs on the host.

t.setTimeout(280_000)

const checkout = resolve(import.meta.dirname, '../..')
const skip = process.geteuid?.() !== 0 ? 'boots a machine, which only root may' : false
const UNITS = readdirSync(join(checkout, 'packer/systemd'))

/** The archive's launcher, for a checkout. */
const LAUNCHER = '#!/bin/sh\nexec /sunup/node_modules/node/bin/node /sunup/bin/sunup.js "$@"\n'

/** Says in /srv/seen/<name> whether the gate was open when it was started, and when it was stopped. */
const witness = (name: string, unit: string): string => `[Unit]
${unit}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ls -A /var/run-of-sunup/health > /srv/seen/${name}.start 2>&1; true'
ExecStop=/bin/sh -c 'ls -A /var/run-of-sunup/health > /srv/seen/${name}.stop 2>&1; true'
[Install]
WantedBy=multi-user.target
`

interface Machine extends LabMachine {
  /** What a command prints. @throws when it ends with another code than 0 */
  said(...argv: string[]): Promise<string>
  /** One property of a unit. */
  shows(unit: string, property: string): Promise<string>
  /** Written in the machine, once it has booted. */
  write(path: string, text: string): Promise<void>
  /** Comes back when it is so. */
  until(what: string, script: string): Promise<void>
  /** A directory of it that lies on the host. */
  readonly seen: string
  /** Its registry's row and what its group was told. */
  row(): Promise<Record<string, unknown>>
  answers(): Promise<readonly { readonly answer: string; readonly reason?: string }[]>
}

const INFRA: Readonly<Record<string, string>> = {
  'etc/sunup/sunup.yaml': 'cloud: local\nsource: { directory: /srv/infra }\nlocal: { instance: /srv/infra/instance.yaml, directory: /srv/cloud }\n',
  'srv/infra/instance.yaml': 'id: i-0lab\ntype: t4g.small\nregion: eu-west-1\nzone: eu-west-1a\nprivateIp: 10.0.0.17\nsecurityGroups: [lab]\ntags: {}\n',
  'srv/infra/recipes/commands/recipe.ts': `import { execute, recipe, z } from 'sunup'
export default recipe({ description: 'Commands.', params: z.array(z.array(z.string())), resources: ({ params }) => params.map((argv, at) => execute({ name: String(at), argv })) })
`,
  'srv/cloud/lifecycle.json': '{ "target": "InService", "hook": true }\n',
}

/** Boots a machine in which sunup is installed as an image has it. @param files of it, by path */
async function machine(t: Test, files: Readonly<Record<string, string>>, enabled: readonly string[] = []): Promise<Machine> {
  const work = mkdtempSync(join(tmpdir(), 'sunup-units-'))
  t.teardown(() => rmSync(work, { recursive: true, force: true }))
  const layer = join(work, 'layer')
  const seen = join(work, 'seen')
  mkdirSync(seen)
  for (const [path, text] of Object.entries({ ...INFRA, ...files, 'opt/sunup/bin/sunup': LAUNCHER, 'srv/seen/.here': '' })) {
    mkdirSync(dirname(join(layer, path)), { recursive: true })
    writeFileSync(join(layer, path), text)
  }
  chmodSync(join(layer, 'opt/sunup/bin/sunup'), 0o755)
  cpSync(join(checkout, 'packer/systemd'), join(layer, 'etc/systemd/system'), { recursive: true })
  const own = UNITS.filter(name => readFileSync(join(checkout, 'packer/systemd', name), 'utf8').includes('[Install]'))
  const { status, stderr } = spawnSync('systemctl', ['--quiet', `--root=${layer}`, 'enable', ...own, ...enabled], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  const booted = await boot(`${layer}:${image()}`, checkout, ['--private-network', `--bind=${seen}:/srv/seen`])
  t.teardown(() => booted.close())
  const output = async (...argv: readonly string[]): Promise<readonly [number, string]> => {
    let text = ''
    return [await booted.run(argv, more => (text += more)), text]
  }
  const said = async (...argv: readonly string[]): Promise<string> => {
    const [code, text] = await output(...argv)
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${code}\n${text}`)
    return text
  }
  return {
    ...booted,
    seen,
    said,
    shows: async (unit, property) => (await said('systemctl', 'show', `--property=${property}`, '--value', unit)).trim(),
    write: async (path, text) => void (await said('sh', '-c', 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"', 'sh', path, text)),
    async until(what, script) {
      const [code] = await output('timeout', '40', 'sh', '-c', `until ${script}; do sleep 0.05; done`)
      if (code !== 0) throw new Error(`not in time: ${what}\n${(await output('sh', '-c', 'journalctl -b --no-pager -u "sunup*" -o cat | tail -n 60; systemctl list-jobs'))[1]}`)
    },
    row: async () => JSON.parse(await said('cat', '/srv/cloud/registry/lab/i-0lab.json')) as Record<string, unknown>,
    answers: async () => (JSON.parse(await said('cat', '/srv/cloud/lifecycle.json')) as { answered?: [] }).answered ?? [],
  }
}

const role = (...recipes: string[]): string => `securityGroups: [lab]\nrecipes:\n${[...recipes, 'registry'].map(recipe => `  - ${recipe}\n`).join('')}`
const wanted = 'ExecStart=/bin/sleep 100000\n'

t.test('an image of them boots: closed before what serves, open in the end, watched, and closed again before what it needs is gone', { skip }, async t => {
  const lab = await machine(t, {
    // They wait for what comes after the target that wants sunup, and are started by the role.
    'etc/systemd/system/late.service': `[Unit]\nAfter=multi-user.target\n[Service]\n${wanted}`,
    'etc/systemd/system/last.service': `[Unit]\nAfter=cloud-final.service\n[Service]\n${wanted}`,
    'etc/systemd/system/cloud-init-network.service': witness('cloud-init-network', 'After=sunup-close.service'),
    'etc/systemd/system/cloud-final.service': witness('cloud-final', 'After=multi-user.target'),
    'etc/systemd/system/app.service': witness('app', ''),
    'etc/systemd/system/nginx.service': witness('nginx', ''),
    'etc/systemd/system/fluent-bit.service': witness('fluent-bit', ''),
    'etc/systemd/system/resolver.service': witness('resolver', 'DefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target\nBefore=nss-lookup.target shutdown.target\nWants=nss-lookup.target\nConflicts=shutdown.target'),
    'etc/systemd/system/net.service': witness('net', 'DefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target\nBefore=network.target shutdown.target\nWants=network.target\nConflicts=shutdown.target'),
    'etc/systemd/system/sunup-watch.service.d/soon.conf': '[Service]\nRestartSec=100ms\n',
    // Not a tmpfs, and not empty.
    'etc/sunup/sunup.yaml': `${INFRA['etc/sunup/sunup.yaml']}run: /var/run-of-sunup\n`,
    'var/run-of-sunup/health/ping.html': 'stale\n',
    'srv/infra/roles/lab.yaml': role('services: [{ name: late }, { name: last }]'),
  }, ['app.service', 'nginx.service', 'fluent-bit.service', 'resolver.service', 'net.service', 'cloud-init-network.service', 'cloud-final.service'])

  await t.test('the boot has opened the gate, also with units that come after multi-user.target and cloud-final.service', async t => {
    t.equal(await lab.shows('sunup.service', 'ActiveState'), 'active', await lab.said('journalctl', '-b', '--no-pager', '-u', 'sunup', '-o', 'cat'))
    t.equal(await lab.shows('late.service', 'ActiveState'), 'active')
    t.equal(await lab.shows('last.service', 'ActiveState'), 'active')
    t.match(await lab.said('cat', '/var/run-of-sunup/health/ping.html'), /^ok i-0lab /)
    t.match(await lab.row(), { state: 'in-service' })
  })

  await t.test('the stale health file was gone before anything could serve', async t => {
    const at = async (unit: string, property: string): Promise<number> => Number(await lab.shows(unit, property))
    const closed = await at('sunup-close.service', 'ExecMainExitTimestampMonotonic')
    t.ok(closed > 0)
    t.ok(closed <= (await at('sysinit.target', 'ActiveEnterTimestampMonotonic')))
    for (const unit of ['app.service', 'net.service', 'basic.target', 'dbus.socket']) t.ok(closed < (await at(unit, 'ActiveEnterTimestampMonotonic')), unit)
    for (const name of ['app', 'net', 'cloud-init-network']) t.equal(readFileSync(join(lab.seen, `${name}.start`), 'utf8'), '', name)
    t.match(await lab.said('journalctl', '-b', '--no-pager', '-u', 'sunup-close', '-o', 'cat'), 'gate closed (/var/run-of-sunup/health emptied)')
  })

  await t.test('the boot came after the network and cloud-init, and nothing but its agent came after it', async t => {
    const began = Number(await lab.shows('sunup.service', 'ExecMainStartTimestampMonotonic'))
    for (const unit of ['network.target', 'cloud-init-network.service', 'sunup-close.service']) t.ok(Number(await lab.shows(unit, 'ActiveEnterTimestampMonotonic')) <= began, unit)
    t.strictSame((await lab.shows('sunup.service', 'Before')).split(' ').sort(), ['shutdown.target', 'sunup-watch.service'])
    for (const property of ['After', 'Before']) t.notMatch(await lab.shows('multi-user.target', property), 'sunup.service')
    t.ok(Number(await lab.shows('multi-user.target', 'ActiveEnterTimestampMonotonic')) < Number(await lab.shows('sunup.service', 'ActiveEnterTimestampMonotonic')))
    for (const name of ['cloud-init.service', 'cloud-init-network.service', 'network-online.target']) t.ok((await lab.shows('sunup.service', 'After')).split(' ').includes(name), name)
  })

  await t.test('systemd finds nothing wrong in them', async t => {
    t.equal(await lab.said('systemd-analyze', 'verify', '--man=no', ...UNITS.map(name => `/etc/systemd/system/${name}`)), '')
    t.notMatch(await lab.said('journalctl', '-b', '--no-pager', '-o', 'cat'), /ordering cycle|Unknown (?:key|lvalue|section).*sunup/i)
  })

  await t.test('the runtime directory outlives the process, and anybody may look into it', async t => {
    t.equal((await lab.said('stat', '-c', '%a %U', '/run/sunup')).trim(), '755 root')
  })

  await t.test('the agent keeps the lease, comes back when it is killed, and ends well', async t => {
    await lab.until('the lease is kept', "grep -q '\"load\"' /srv/cloud/registry/lab/i-0lab.json")
    const pid = await lab.shows('sunup-watch.service', 'MainPID')
    await lab.said('kill', '-KILL', pid)
    await lab.until('another one is there', `systemctl is-active --quiet sunup-watch && [ "$(systemctl show --property=MainPID --value sunup-watch)" != ${pid} ]`)
    await lab.said('systemctl', 'restart', 'sunup')
    await lab.until('a boot has it start again, and it renews', "journalctl -b -u sunup-watch -o cat | grep -c 'lease kept' | grep -q '[2-9]' && systemctl is-active --quiet sunup-watch")
    await lab.said('systemctl', 'stop', 'sunup')
    t.strictSame([await lab.shows('sunup-watch.service', 'ActiveState'), await lab.shows('sunup-watch.service', 'Result')], ['inactive', 'success'])
    t.equal(await lab.said('ls', '/var/run-of-sunup/health'), '', 'stopping closes')
    t.strictSame((await lab.answers()).map(({ answer }) => answer), ['ready'])
    await lab.said('systemctl', 'start', 'sunup')
  })

  await t.test('at the shutdown the gate is closed before what it needs is stopped', async t => {
    t.match(await lab.said('ls', '/var/run-of-sunup/health'), 'ping.html')
    await lab.close()
    for (const name of ['net', 'resolver', 'fluent-bit', 'nginx']) t.equal(readFileSync(join(lab.seen, `${name}.stop`), 'utf8'), '', name)
  })
})

t.test('a boot that is cut off is told by another unit, and one that was not is not', { skip }, async t => {
  const lab = await machine(t, { 'srv/infra/roles/lab.yaml': role() })
  const start = async (recipes: string): Promise<void> => {
    await lab.write('/srv/infra/roles/lab.yaml', role(recipes))
    await lab.said('systemctl', 'restart', '--no-block', 'sunup')
  }
  const failed = 'systemctl is-failed --quiet sunup && ! systemctl is-active --quiet sunup-failure && [ "$(systemctl show --property=SubState --value sunup-failure)" = dead ]'
  /** Waits until the failure unit has ended as often. */
  const ended = async (times: number): Promise<string> => {
    await lab.until('the failure unit has ended', `${failed} && [ "$(journalctl -b -u sunup-failure -o cat | grep -c 'Finished\\|Failed to start')" -ge ${times} ]`)
    return await lab.said('journalctl', '-b', '--no-pager', '-u', 'sunup-failure', '-o', 'cat')
  }
  const began = 'pgrep -xf ".*/sleep 12345" >/dev/null'
  const answers = async () => (await lab.answers()).map(({ answer }) => answer)
  t.strictSame(await answers(), ['ready'])

  await t.test('killed', async t => {
    await start('commands: [[sleep, "12345"]]')
    await lab.until('it is at work', began)
    await lab.said('systemctl', 'kill', '--kill-who=main', '--signal=KILL', 'sunup')
    t.match(await ended(1), /ended by SIGKILL, while it was at execute\[0\]\n/)
    t.match(await lab.row(), { state: 'failed', failure: /SIGKILL/ })
    t.strictSame(await answers(), ['ready', 'failed'])
    t.equal(await lab.said('ls', '/run/sunup/health'), '')
    t.ok((await lab.said('ls', '/run/sunup')).split('\n').includes('boot'), 'and what belongs to this boot of the machine is still there')
    t.equal(await lab.shows('sunup-watch.service', 'ActiveState'), 'inactive', 'the agent does not start')
  })

  await t.test('out of time', async t => {
    await lab.write('/run/systemd/system/sunup.service.d/time.conf', '[Service]\nTimeoutStartSec=5s\n')
    await lab.said('systemctl', 'daemon-reload')
    await start('commands: [[sleep, "12345"]]')
    await lab.until('it is at work', began)
    t.match(await ended(2), /took longer than systemd allows it/)
    t.strictSame(await answers(), ['ready', 'failed', 'failed'])
    t.match(await lab.row(), { state: 'failed', failure: /took longer/ })
    await lab.said('rm', '-r', '/run/systemd/system/sunup.service.d')
    await lab.said('systemctl', 'daemon-reload')
  })

  await t.test('stopped by an operator: nobody is told', async t => {
    await start('commands: [[sleep, "12345"]]')
    await lab.until('it is at work', began)
    await lab.said('systemctl', 'stop', 'sunup')
    t.match(await ended(3), /ended on purpose \(exit code 143\)/)
    t.strictSame(await answers(), ['ready', 'failed', 'failed'])
    t.equal(await lab.said('sh', '-c', 'pgrep -xf ".*/sleep 12345" || true'), '', 'and its commands are gone')
  })

  await t.test('failed: it has told that itself', async t => {
    await start('commands: [["false"]]')
    t.match(await ended(4), /sunup\.service has told itself why it failed\n/)
    t.strictSame(await answers(), ['ready', 'failed', 'failed', 'failed'])
    t.match(await lab.row(), { state: 'failed', failure: /execute\[0\]/ })
  })

  await t.test('a unit that waits for the boot itself fails it at once', async t => {
    await lab.write('/etc/systemd/system/after-boot.service', `[Unit]\nAfter=sunup.service\n[Service]\n${wanted}`)
    await lab.said('systemctl', 'daemon-reload')
    await start('services: [{ name: after-boot }]')
    await ended(5)
    t.match(await lab.row(), { state: 'failed', failure: /the start of after-boot\.service has not begun: it waits for sunup\.service\/start/ })
    await lab.said('systemctl', 'stop', 'after-boot')
  })

  await t.test('a command that the kernel ends is a resource that failed', async t => {
    await start('commands: [[sh, -c, "kill -KILL $$"]]')
    t.match(await ended(6), /has told itself/)
    t.match(await lab.row(), { failure: /was ended by SIGKILL/ })
  })

  await t.test('a program that does not start', async t => {
    await lab.said('mv', '/opt/sunup/bin/sunup', '/opt/sunup/bin/elsewhere')
    await lab.said('sh', '-c', 'printf "#!/bin/sh\\n[ \\"\\$1\\" = boot ] && exit 1\\nexec /opt/sunup/bin/elsewhere \\"\\$@\\"\\n" > /opt/sunup/bin/sunup && chmod 755 /opt/sunup/bin/sunup')
    const before = (await answers()).length
    await lab.said('systemctl', 'restart', '--no-block', 'sunup')
    t.match(await ended(7), /ended with exit code 1, and has told nobody why/)
    t.equal((await answers()).length, before + 1)
    await lab.said('mv', '/opt/sunup/bin/elsewhere', '/opt/sunup/bin/sunup')
  })

  await t.test('and the next boot heals', async t => {
    await start('files: [{ path: /etc/motd, content: "hello\\n" }]')
    await lab.until('it serves', 'systemctl is-active --quiet sunup')
    t.match(await lab.row(), { state: 'in-service' })
    t.notMatch(await lab.row(), { failure: /./ })
  })

  await t.test('by hand nothing is closed that has not failed', async t => {
    const open = await lab.said('ls', '/run/sunup/health')
    t.match(await lab.said('/opt/sunup/bin/sunup', 'close', '--failed'), 'sunup.service has not failed: the gate is left as it is')
    t.equal(await lab.said('ls', '/run/sunup/health'), open)
  })
})

t.test('user data that boots: a unit after its own stage, or after cloud-init.target, is a clear failure and no hang', { skip }, async t => {
  const sh = (script: string): string => `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c '${script}'\n[Install]\nWantedBy=cloud-init.target\n`
  const lab = await machine(t, {
    'etc/systemd/system/cloud-init.target': '[Unit]\nAfter=cloud-final.service\n[Install]\nWantedBy=multi-user.target\n',
    'etc/systemd/system/cloud-final.service': sh('systemctl disable sunup; /opt/sunup/bin/sunup boot --format json >/srv/seen/one; sed -i s/after-final/after-target/ /srv/infra/roles/lab.yaml; /opt/sunup/bin/sunup boot --format json >/srv/seen/two; true'),
    'etc/systemd/system/after-final.service': `[Unit]\nAfter=cloud-final.service\n[Service]\n${wanted}`,
    'etc/systemd/system/after-target.service': `[Unit]\nAfter=cloud-init.target\n[Service]\n${wanted}`,
    'etc/systemd/system/sunup.service.d/not.conf': '[Unit]\nConditionPathExists=/nowhere\n',
    'srv/infra/roles/lab.yaml': role('services: [{ name: after-final }]'),
  }, ['cloud-final.service', 'cloud-init.target'])
  const end = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(lab.seen, name), 'utf8').trim().split('\n').at(-1) as string) as Record<string, unknown>
  t.match(end('one'), { exitCode: 1, error: { code: 'service.stuck', message: /waits for cloud-final\.service\/start/, hint: /part of cloud-final\.service/ } })
  t.match(end('two'), { exitCode: 1, error: { code: 'service.stuck', message: /in the end cloud-final\.service\/start/ } })
  for (const name of ['one', 'two']) t.ok(Number(end(name).durationMs) < 30_000, `${name} took no longer than it needs to ask`)
  t.ok(existsSync(join(lab.seen, 'one')))
})

t.test('a configuration that is broken keeps nothing open, and nothing waiting', { skip }, async t => {
  const lab = await machine(t, {
    'etc/sunup/sunup.yaml': 'cloud: [\n',
    'etc/sunup/environment': 'AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9\nAWS_ENDPOINT_URL=http://127.0.0.1:9\n',
    'srv/infra/roles/lab.yaml': role(),
    'etc/tmpfiles.d/stale.conf': 'd /run/sunup/health 0755\nf /run/sunup/health/ping.html 0644 - - - stale\n',
  })
  t.equal(await lab.shows('sunup.service', 'ExecMainStatus'), '78')
  t.equal(await lab.shows('sunup-close.service', 'ExecMainStatus'), '78', 'it closed, and said so')
  t.match(await lab.said('journalctl', '-b', '--no-pager', '-u', 'sunup-close', '-o', 'cat'), 'gate closed (/run/sunup/health emptied)')
  t.equal(await lab.said('ls', '/run/sunup/health'), '')
  await lab.until('the failure unit has ended', 'systemctl is-failed --quiet sunup-failure')
  t.match(await lab.said('journalctl', '-b', '--no-pager', '-u', 'sunup-failure', '-o', 'cat'), /sunup\.yaml/)

  await t.test('put right, a boot opens, and stays open though sunup-close.service, which had failed, is started again', async t => {
    await lab.write('/etc/sunup/sunup.yaml', INFRA['etc/sunup/sunup.yaml'] as string)
    await lab.said('/opt/sunup/bin/sunup', 'boot')
    // As whoever starts sunup.service does, while that is active.
    await lab.said('systemctl', 'start', 'sunup-close.service')
    t.equal(await lab.shows('sunup-close.service', 'ActiveState'), 'active', 'it did start')
    t.match(await lab.said('cat', '/run/sunup/health/ping.html'), /^ok i-0lab /)
  })
})
