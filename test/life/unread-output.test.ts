import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { premises, SMALL, type Premises } from '../support/repository.ts'

t.setTimeout(60_000)

/** A pipe that nobody reads, and that has no room. */
function fullPipe(t: Test, where: Premises): string {
  const pipe = join(where.dir, 'pipe')
  execFileSync('mkfifo', [pipe])
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
  t.teardown(() => [reader, writer].forEach(one => closeSync(one)))
  try {
    while (true) writeSync(writer, Buffer.alloc(4_096))
  } catch (error) {
    t.match(error, { code: 'EAGAIN' })
  }
  return pipe
}

t.test('a boot whose output nobody reads boots', async t => {
  const where = premises(t, { role: SMALL })
  const pipe = fullPipe(t, where)
  const unread = { node: '/bin/sh', nodeArgs: ['-c', 'exec "$0" "$@" > "$PIPE" 2>&1', process.execPath], env: { PIPE: pipe } }
  t.equal((await where.sunupWith(unread, 'boot')).code, 0)
  t.match(readFileSync(where.health, 'utf8'), /^ok /)
})

/** Notes, at the first word to standard output, whether the health file is there. */
const LISTENING = `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { writeSync } = fs
fs.writeSync = (descriptor, ...rest) => {
  if (descriptor === 1 && !fs.existsSync(process.env.NOTE)) fs.writeFileSync(process.env.NOTE, String(fs.existsSync(process.env.HEALTH)))
  return writeSync(descriptor, ...rest)
}
syncBuiltinESMExports()`

t.test('a boot says nothing before it has closed: output may be stuck', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const note = join(where.dir, 'note')
  const { code, stderr } = await where.sunupWith({ nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(LISTENING)}`], env: { NOTE: note, HEALTH: where.health } }, 'boot')
  t.equal(code, 0, stderr)
  t.equal(readFileSync(note, 'utf8'), 'false')
})
