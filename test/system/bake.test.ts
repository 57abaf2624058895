import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Event } from '../../src/core/events.ts'
import { bake } from '../../src/life/image/bake.ts'
import { seal, type Sealed } from '../../src/life/image/seal/seal.ts'
import { systemClock } from '../../src/machine/clock.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { loadConfig } from '../../src/roles/config.ts'
import { builtIn } from '../support/provisioning.ts'
import { testHost } from '../support/machine.ts'

/** The machine is one for the whole file: it is baked, sealed, and baked once more. */
const DIR = '/srv/build'
const signal = new AbortController().signal

t.before(() => {
  put('infra/sunup.yaml', 'cloud: aws\n')
  put('infra/roles/web.yaml', `recipes:
  - files: [{ path: /etc/app.conf, content: "one\\n" }]
  - units: {}
  - services: [{ name: app, enabled: true, restartOn: ["file[/etc/app.conf]"] }]
  - eip
  - registry
`)
  put('infra/recipes/units/recipe.ts', `import { recipe, z, systemdUnit } from 'sunup'
const content = '[Service]\\nExecStart=/bin/sleep 1000\\n[Install]\\nWantedBy=multi-user.target\\n'
export default recipe({ description: 'A service.', params: z.object({}), resources: () => [systemdUnit({ name: 'app.service', content })] })
`)
  put('home/bin/sunup.js', '')
  put('home/packer/systemd/sunup-close.service', '[Unit]\nDescription=Closes\n[Service]\nType=oneshot\nExecStart=/opt/sunup/bin/sunup close\n[Install]\nWantedBy=basic.target\n')
  put('home/packer/systemd/sunup-failure.service', '[Unit]\nDescription=Tells\n[Service]\nType=oneshot\nExecStart=/opt/sunup/bin/sunup close --failed\n')
})

t.test('a bake enables what the role enables and sunup’s own units, and starts none of them', async t => {
  const machine = testHost(t)
  const { exitCode, failure } = await baked(t)
  t.equal(exitCode, 0, String(failure?.message))
  const show = async (name: string, property: string): Promise<string> => (await machine.probe(['systemctl', 'show', `--property=${property}`, '--value', name])).stdout.trim()
  t.strictSame([await show('app', 'UnitFileState'), await show('app', 'ActiveState')], ['enabled', 'inactive'])
  t.strictSame([await show('sunup-close', 'UnitFileState'), await show('sunup-close', 'ActiveState')], ['enabled', 'inactive'])
  t.equal(await show('sunup-failure', 'UnitFileState'), 'static')
  t.match(readFileSync('/etc/systemd/system/sunup-close.service', 'utf8'), `ExecStart=${process.execPath} ${DIR}/home/bin/sunup.js close\n`)
  t.notOk(existsSync('/var/lib/sunup'), 'there is no state')
})

t.test('a second one changes nothing', async t => {
  const { events } = await baked(t)
  t.match(events.at(-1), { type: 'run.finished', exitCode: 0, counts: { changed: 0, failed: 0 } })
})

t.test('a service that runs with an older file owes no restart to the image', async t => {
  const machine = testHost(t)
  await machine.run(['systemctl', 'start', 'app'])
  const pid = (await machine.probe(['systemctl', 'show', '--property=MainPID', '--value', 'app'])).stdout
  put('infra/roles/web.yaml', readFileSync(join(DIR, 'infra/roles/web.yaml'), 'utf8').replace('one\\n', 'two\\n'))
  t.equal((await baked(t)).exitCode, 0)
  t.equal(readFileSync('/etc/app.conf', 'utf8'), 'two\n')
  t.equal((await machine.probe(['systemctl', 'show', '--property=MainPID', '--value', 'app'])).stdout, pid)
  t.notOk(existsSync('/run/sunup/bake/journal.ndjson'))
})

t.test('a machine that runs is sealed, and what looks again finds it so', async t => {
  for (const path of ['/etc/ssh/ssh_host_ed25519_key', '/root/.bash_history', '/root/.ssh/authorized_keys', '/var/lib/cloud/instances/i-0a/user-data.txt', '/var/lib/apt/lists/x']) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, 'x')
  }
  writeFileSync('/etc/machine-id', '0123456789abcdef0123456789abcdef\n')
  const looked = await sealing(t, false)
  t.notOk(looked.sealed)
  const { sealed, findings } = await sealing(t, true)
  t.strictSame(findings.filter(({ refused }) => refused), [])
  t.ok(sealed)
  t.ok((await sealing(t, false)).sealed)
  t.equal(statSync('/etc/machine-id').size, 0)
  for (const path of ['/etc/ssh/ssh_host_ed25519_key', '/root/.bash_history', '/var/lib/cloud/instances/i-0a']) t.notOk(lstatSync(path, { throwIfNoEntry: false }), path)
})

t.test('what was sealed is still baked', async t => {
  const { events } = await baked(t)
  t.match(events.at(-1), { exitCode: 0, counts: { changed: 0 } })
})

async function baked(t: Parameters<typeof testHost>[0]) {
  const events: Event[] = []
  installHooks(new URL('../../src/index.ts', import.meta.url).href)
  const ended = await bake(
    { command: 'bake', version: '0', clock: systemClock, sinks: [event => events.push(event)], signal },
    {
      machine: testHost(t),
      settings: () => loadConfig({ file: join(DIR, 'infra/sunup.yaml'), env: undefined, cwd: () => DIR }),
      repository: async () => ({ directory: join(DIR, 'infra'), revision: undefined, builtIn, role: 'web' }),
      role: 'web',
      unitsOnly: false,
      installation: { home: join(DIR, 'home'), node: process.execPath, bundled: false },
    },
  )
  return { ...ended, events }
}

function sealing(t: Parameters<typeof testHost>[0], fix: boolean): Promise<Sealed> {
  return seal({ machine: testHost(t), settings: { state: '/var/lib/sunup', run: '/run/sunup' }, keep: [], fix, clock: systemClock, signal })
}

function put(name: string, text: string): void {
  const file = join(DIR, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
