import t from 'tap'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory, makeOpenDirectory } from '../../src/core/make-directory.ts'

t.test('what is missing above is made, and the uppermost that was made is told', async t => {
  const dir = t.testdir()
  t.equal(makeDirectory(join(dir, 'a/b/c'), 0o700), join(dir, 'a'))
  t.equal(statSync(join(dir, 'a/b')).mode & 0o777, 0o700)
  t.equal(makeDirectory(join(dir, 'a/b/c')), undefined)
  t.equal(makeDirectory(join(dir, 'a/b/d')), join(dir, 'a/b/d'))
})

t.test('a file in the way is no directory', async t => {
  const dir = t.testdir()
  writeFileSync(join(dir, 'a'), '')
  t.throws(() => makeDirectory(join(dir, 'a')), { code: 'EEXIST' })
  t.throws(() => makeDirectory(join(dir, 'a/b')), { code: 'ENOTDIR' })
})

t.test('a file system that takes no new names is given up, not tried for ever', async t => {
  t.throws(() => makeDirectory('/proc/self/sunup/a'), { code: 'ENOENT' })
  t.throws(() => makeOpenDirectory('/proc/sunup'), { code: 'ENOENT' })
})

t.test('open is open whatever the umask is', async t => {
  const dir = t.testdir()
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))
  makeOpenDirectory(join(dir, 'a/b'))
  t.equal(statSync(join(dir, 'a')).mode & 0o777, 0o755)
  t.equal(statSync(join(dir, 'a/b')).mode & 0o777, 0o755)
  t.equal(process.umask(), 0o077)
})
