import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { calling, units } from '../../../src/life/systemd/units.ts'

const UNIT = '[Unit]\nConditionFileIsExecutable=/opt/sunup/bin/sunup\n\n[Service]\nExecStart=/opt/sunup/bin/sunup boot\nExecStop=-/opt/sunup/bin/sunup drain\n'

t.test('in a checkout a unit calls its program by the Node that runs now', async t => {
  const home = t.testdir({ bin: { 'sunup.js': '' } })
  t.equal(
    calling(UNIT, { home, node: '/usr/bin/node' }),
    `[Unit]\nConditionFileIsExecutable=${home}/bin/sunup.js\n\n[Service]\nExecStart=/usr/bin/node ${home}/bin/sunup.js boot\nExecStop=-/usr/bin/node ${home}/bin/sunup.js drain\n`,
  )
})

t.test('an unpacked archive is called by its launcher, wherever it lies', async t => {
  const dir = t.testdir({ bin: { sunup: '' }, program: {} })
  t.match(calling(UNIT, { home: join(dir, 'program'), node: '/x/node' }), `ExecStart=${dir}/bin/sunup boot`)
})

t.test('what systemd would read as something else is written so that it does not', async t => {
  const home = t.testdir({ '50% $of all': { bin: { 'sunup.js': '' } } })
  t.match(calling(UNIT, { home: join(home, '50% $of all'), node: '/n' }), `ExecStart=/n "${home}/50%% $$of all/bin/sunup.js" boot`)
})

t.test('every unit of the program is a resource, enabled where it says how', async t => {
  const home = t.testdir({ bin: { 'sunup.js': '' }, packer: { systemd: { 'a.service': `${UNIT}[Install]\nWantedBy=x.target\n`, 'b.service': UNIT, README: '' } } })
  t.strictSame(units({ home, node: '/n' }).map(({ resource: { id, props } }) => [id, (props as { enabled?: boolean }).enabled]), [['systemdUnit[a.service]', true], ['systemdUnit[b.service]', undefined]])
})

t.test('a program that came without its units says so', async t => {
  const home = t.testdir({})
  t.throws(() => units({ home, node: '/n' }), { code: 'file.denied', message: `there are no units in ${home}/packer/systemd` })
  mkdirSync(join(home, 'packer/systemd'), { recursive: true })
  t.throws(() => units({ home, node: '/n' }), { code: 'file.denied' })
})

t.test('the units of the project name the usual program, and so stay as they are where it is', async t => {
  const directory = new URL('../../../packer/systemd/', import.meta.url)
  for (const name of readdirSync(directory)) {
    const text = readFileSync(new URL(name, directory), 'utf8')
    for (const [line] of text.matchAll(/^Exec\w+=.*sunup.*$/gm)) t.match(line, /^Exec\w+=[-+!@:]*\/opt\/sunup\/bin\/sunup(?: |$)/, name)
  }
})
