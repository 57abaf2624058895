import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { keepDecision, readDecision } from '../../src/life/decision.ts'

const DECISION = { role: 'web', groups: ['web'], revision: null, configuration: null, registered: false }
const bytes = (directory: string, ...names: readonly string[]): Buffer => Buffer.concat([Buffer.from(directory), ...names.map(name => Buffer.from(`/${name}`, 'latin1'))])

t.test('a source is kept whole, also where names are no UTF-8', async t => {
  const dir = t.testdir({ state: {}, source: { roles: { 'web.yaml': 'recipes: []\n' }, 'ä\uFFFD': 'text' } })
  const source = join(dir, 'source')
  writeFileSync(bytes(source, 'na\xefve'), 'one')
  mkdirSync(bytes(source, 'd\xe9'))
  writeFileSync(bytes(source, 'd\xe9', 'plain'), 'two')
  symlinkSync('plain', bytes(source, 'd\xe9', 'l\xefnk'))
  keepDecision(join(dir, 'state'), DECISION, source, [])
  const kept = readDecision(join(dir, 'state'))?.source as string
  t.equal(readFileSync(join(kept, 'roles/web.yaml'), 'utf8'), 'recipes: []\n')
  t.equal(readFileSync(join(kept, 'ä\uFFFD'), 'utf8'), 'text')
  t.equal(readFileSync(bytes(kept, 'na\xefve'), 'utf8'), 'one')
  t.equal(readFileSync(bytes(kept, 'd\xe9', 'l\xefnk'), 'utf8'), 'two')

  const { ino } = statSync(kept)
  keepDecision(join(dir, 'state'), DECISION, source, [])
  t.equal(statSync(kept).ino, ino, 'and not copied anew while nothing changed')
  writeFileSync(bytes(source, 'd\xe9', 'plain'), 'three')
  keepDecision(join(dir, 'state'), DECISION, source, [])
  t.equal(readFileSync(bytes(readDecision(join(dir, 'state'))?.source as string, 'd\xe9', 'plain'), 'utf8'), 'three')
  t.equal(readdirSync(join(dir, 'state/decisions')).length, 1, 'the copy before it is gone')
  t.ok(existsSync(source))
})
