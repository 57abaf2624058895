import t from 'tap'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { testCloud } from '../../support/cloud.ts'
import { treeOf } from '../../support/tree.ts'

const signal = new AbortController().signal
const boot = { revision: 'abc', appRevision: null, instanceId: 'i-1', run: 'run-1' }

t.test('how boots went is the file revisions/<role>.json', async t => {
  const cloud = testCloud(t)
  const history = await cloud.revisions.recordFailed('web', boot, 'no', signal)
  t.strictSame(JSON.parse(readFileSync(join(cloud.directory, 'revisions/web.json'), 'utf8')), history)
})

t.test('what is known already, or only read, writes nothing', async t => {
  const cloud = testCloud(t)
  const empty = treeOf(cloud.directory)
  await cloud.revisions.history('web', signal)
  t.strictSame(treeOf(cloud.directory), empty)
  await cloud.revisions.recordGood('web', boot, signal)
  const before = treeOf(cloud.directory)
  await cloud.revisions.recordGood('web', { ...boot, run: 'run-2' }, signal)
  t.strictSame(treeOf(cloud.directory), before)
})

t.test('a file that is torn is an error that names it, and is not written over', async t => {
  const cloud = testCloud(t)
  const file = join(cloud.directory, 'revisions/web.json')
  mkdirSync(join(file, '..'))
  writeFileSync(file, '{"seq":1}')
  await t.rejects(cloud.revisions.history('web', signal), { code: 'cloud.invalid', message: new RegExp(file) })
  await t.rejects(cloud.revisions.recordGood('web', boot, signal), { code: 'cloud.invalid' })
  t.equal(readFileSync(file, 'utf8'), '{"seq":1}')
})

t.test('a role that would be a path is refused', async t => {
  await t.rejects(testCloud(t).revisions.recordGood('../x', boot, signal), { code: 'cloud.invalid' })
})
