// node_modules/.bin/node bench/aws.ts [RUNS]: what AWS adds to a settled boot, against an account on loopback. Measures what `npm run build` has made.
import { cpSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { awsFleet } from '../test/support/aws-fleet.ts'
import { start } from '../test/support/program.ts'
import { median } from './measure.ts'

const runs = Number(process.argv[2] ?? 15)
const FILE = '  - files: [{ path: /etc/motd, content: "hello" }]\n'
const ROLES = { 'a file': FILE, 'a file, registry': `${FILE}  - registry\n`, 'a file, eip, registry': `${FILE}  - eip\n  - registry\n` }

t.setTimeout(600_000)

// As it is published: beside its sources it would look whether it is theirs.
const packed = t.testdir()
for (const part of ['bin', 'dist', 'package.json']) cpSync(join(dirname(import.meta.dirname), part), join(packed, part), { recursive: true })
const program = join(packed, 'bin/sunup.js')

for (const [name, recipes] of Object.entries(ROLES)) {
  await t.test(name, async t => {
    const fleet = await awsFleet(t, {
      role: `recipes:\n${recipes}`,
      files: {
        'instance.yaml': 'id: i-1\nsecurityGroups: [web]\ntags: { allocation-id: eipalloc-1 }\n',
        '.sunup/cloud/addresses.yaml': '- { allocationId: eipalloc-1, publicIp: 203.0.113.10 }\n',
      },
    })
    const web = await fleet.launch('i-1')
    writeFileSync(join(fleet.infra, 'sunup.yaml'), 'cloud: local\n')
    // In turns, so that a machine that slows down slows all of them.
    const contenders = {
      'node -e 0': () => start([], { nodeArgs: ['-e', '0'] }),
      'local cloud': () => start(['boot', '--root', join(fleet.infra, '../local')], { cwd: fleet.infra, program }),
      AWS: () => web.started({ program }, 'boot'),
    }
    const times: Record<string, number[]> = {}
    for (let run = -3; run < runs; run++) {
      for (const [who, begin] of Object.entries(contenders)) {
        const from = performance.now()
        const { code, stdout, stderr } = await begin().end
        if (code !== 0) throw new Error(stdout + stderr)
        if (run >= 0) (times[who] ??= []).push(performance.now() - from)
      }
    }
    const shown = Object.entries(times).map(([who, all]) => `${who} ${median(all).toFixed(1)} ms, best ${Math.min(...all).toFixed(1)} ms`)
    t.comment(`${name}: ${shown.join('; ')}; ${Object.values(web.report().calls).reduce((sum, { count }) => sum + count, 0)} calls`)
  })
}
