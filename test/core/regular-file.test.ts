import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { errnoOf } from '../../src/core/failure.ts'
import { readRegular, readRegularText } from '../../src/core/regular-file.ts'

t.test('a regular file is read whole, also one of /proc, which has no size', async t => {
  const dir = t.testdir({ empty: '', some: 'ä\n', much: 'x'.repeat(17 * 1024 * 1024) })
  t.equal(readRegularText(join(dir, 'empty')), '')
  t.equal(readRegularText(join(dir, 'some')), 'ä\n')
  t.equal(readRegular(join(dir, 'much')).length, 17 * 1024 * 1024)
  t.match(readRegularText('/proc/self/comm'), /./)
})

t.test('what is longer than asked for is refused', async t => {
  const dir = t.testdir({ file: 'x'.repeat(11) })
  t.equal(readRegular(join(dir, 'file'), 11).length, 11)
  t.throws(() => readRegular(join(dir, 'file'), 10), { code: 'file.kind', message: /file is longer than/ })
})

t.test('what is no regular file is refused at once, whoever leads there', async t => {
  const dir = t.testdir({})
  execFileSync('mkfifo', [join(dir, 'fifo')])
  symlinkSync('fifo', join(dir, 'link'))
  symlinkSync('/dev/zero', join(dir, 'endless'))
  for (const name of ['fifo', 'link']) t.throws(() => readRegular(join(dir, name)), { code: 'file.kind', message: /named pipe/ })
  t.throws(() => readRegular(join(dir, 'endless')), { code: 'file.kind', message: /a device/ })
  const server = createServer()
  // Where a socket's address has room for it.
  const short = mkdtempSync(join(tmpdir(), 's-'))
  await new Promise<void>(listening => server.listen(join(short, 'socket'), listening))
  t.teardown(() => {
    server.close()
    rmSync(short, { recursive: true, force: true })
  })
  t.throws(() => readRegular(join(short, 'socket')), { code: 'file.kind', message: /a socket/ })
})

t.test('/dev/null is as good as an empty file', async t => {
  t.equal(readRegularText('/dev/null'), '')
})

t.test('the system is quoted on what is not there, and of a directory', async t => {
  const dir = t.testdir({})
  const errno = (path: string): string | undefined => {
    try {
      return void readRegular(path)
    } catch (error) {
      return errnoOf(error)
    }
  }
  t.equal(errno(join(dir, 'gone')), 'ENOENT')
  t.equal(errno(dir), 'EISDIR')
})
