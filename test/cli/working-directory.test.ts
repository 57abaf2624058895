import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { premises, type Premises } from '../support/repository.ts'
import { PROGRAM, start, type Ran } from '../support/program.ts'

/** Runs it where there is nothing any more. */
function fromNowhere(where: Premises, args: readonly string[]): Promise<Ran> {
  const cwd = join(where.dir, 'gone')
  mkdirSync(cwd, { recursive: true })
  const shell = start(['-c', 'rmdir ../gone; exec "$@"', 'sh', process.execPath, PROGRAM, ...args], { cwd, node: '/bin/sh', nodeArgs: [], program: '-e', env: { HOME: join(where.dir, 'home'), TMPDIR: where.tmp } })
  return shell.end
}

t.test('in a directory that was removed absolute paths do: to boot, with a git checkout, and to close', async t => {
  const where = premises(t)
  const given = ['--config', join(where.infra, 'sunup.yaml'), '--root', where.root]
  const booted = await fromNowhere(where, ['boot', ...given])
  t.equal(booted.code, 0, booted.stdout + booted.stderr)
  t.ok(existsSync(where.health))
  for (const verb of ['plan', 'status', 'report']) t.match(await fromNowhere(where, [verb, ...given]), { code: 0 }, verb)
  t.match(await fromNowhere(where, ['close', ...given]), { code: 0 })
  t.notOk(existsSync(where.health))
})

t.test('there, what is relative fails in words, and closing closes all the same', async t => {
  const where = premises(t)
  t.equal((await where.sunup('boot')).code, 0)
  t.match(await fromNowhere(where, ['boot', '--config', 'sunup.yaml', '--root', where.root]), { code: 1, stdout: /it was removed/ })
  t.equal((await where.sunup('boot')).code, 0)
  const closed = await fromNowhere(where, ['close', '--root', where.root])
  t.match(closed, { code: 1, stdout: /gate closed/, stderr: /the directory that this runs in can't be had: it was removed[^]*absolute paths/ })
  t.notOk(existsSync(where.health))
})
