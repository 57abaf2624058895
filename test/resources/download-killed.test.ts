import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { create } from 'tar'
import { look, settle } from '../../src/engine/settle.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import { archive } from '../../src/resources/archive.ts'
import { remoteFile } from '../../src/resources/remote-file.ts'
import { surroundings } from '../conformance/settles.ts'

const MOST_CALLS = 60
const MAKERS = { archive, remoteFile }

/** What the program imports it imports before its calls are counted. */
const PROGRAM = `
import 'tar'
import { settle } from ${from('src/engine/settle.ts')}
import { hostMachine } from ${from('src/machine/machine.ts')}
import { archive } from ${from('src/resources/archive.ts')}
import { remoteFile } from ${from('src/resources/remote-file.ts')}
import { surroundings } from ${from('test/conformance/settles.ts')}
import { killAt } from ${from('test/support/kill-at.ts')}
const { kind, root, props, calls } = JSON.parse(process.argv[2])
killAt(calls)
const { failure } = await settle({ archive, remoteFile }[kind](props), surroundings(hostMachine({ root }), []))
if (failure) throw failure
`

function from(path: string): string {
  return JSON.stringify(new URL(`../../${path}`, import.meta.url).href)
}

for (const kind of ['remoteFile', 'archive'] as const) {
  t.test(`${kind}: killed before any call that changes a file, the old or the new is there, whole, and the next run settles it`, async t => {
    const dir = t.testdir({ old: { a: 'old\n' }, new: { a: 'new\n', b: 'new\n' }, given: {}, 'once.ts': PROGRAM })
    for (const name of ['old', 'new']) await create({ file: join(dir, `${name}.tar`), cwd: join(dir, name) }, ['.'])
    const propsOf = (name: string): { path: string; url: string; sha256: string } => {
      const file = join(dir, kind === 'archive' ? `${name}.tar` : `${name}/a`)
      return { path: '/x/y', url: `file://${file}`, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') }
    }
    await settle(MAKERS[kind](propsOf('old')), surroundings(hostMachine({ root: join(dir, 'given') }), []))
    const inside = kind === 'archive' ? '/x/y/a' : '/x/y'
    const props = propsOf('new')
    let calls = 0
    for (; calls < MOST_CALLS; calls++) {
      const root = join(dir, `at-${calls}`)
      mkdirSync(root)
      cpSync(join(dir, 'given'), root, { recursive: true })
      const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(dir, 'once.ts'), JSON.stringify({ kind, root, props, calls })], { encoding: 'utf8' })
      if (child.status === 0) break
      if (child.signal !== 'SIGKILL') throw new Error(`the child ended otherwise: ${child.stderr}`)
      const machine = hostMachine({ root })
      // A directory can't be exchanged in one call: between two it may be missing, never mixed.
      const content = machine.readText(inside)
      t.ok(content === 'old\n' || content === 'new\n' || (kind === 'archive' && content === undefined), `killed at call ${calls} it is old or new`)
      const { failure } = await settle(MAKERS[kind](props), surroundings(machine, []))
      if (failure) throw failure
      t.strictSame(await look(MAKERS[kind](props), surroundings(machine, [])), [], `killed at call ${calls} it is settled by the next run`)
      t.equal(machine.readText(inside), 'new\n')
      t.strictSame(machine.list('/x'), ['y'], 'and nothing is left over')
    }
    t.ok(calls > 3 && calls < MOST_CALLS, 'it was killed at every call, and at last it was not')
  })
}
