import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ownPath } from '../../src/core/own-path.ts'

t.test('what is there and what is not are both a path of our own', async t => {
  const state = t.testdir({ cache: {} })
  t.equal(ownPath(state, 'cache', 'source', 'x'), join(state, 'cache/source/x'))
})

t.test('a link anywhere below the base is refused, a dangling one too', async t => {
  const state = t.testdir({ there: {} })
  symlinkSync('there', join(state, 'cache'))
  symlinkSync('nothing', join(state, 'dangling'))
  t.throws(() => ownPath(state, 'cache', 'source'), { code: 'file.escape' })
  t.throws(() => ownPath(state, 'dangling'), { code: 'file.escape' })
})

t.test('how the base is reached is the operator’s', async t => {
  const dir = t.testdir({ disk: { sunup: {} } })
  symlinkSync('disk', join(dir, 'var'))
  t.equal(ownPath(join(dir, 'var'), 'sunup'), join(dir, 'var/sunup'))
})
