import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
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

t.test('links that lead nowhere, or in a circle, are kept as they are written', async t => {
  const dir = t.testdir({ state: {}, source: { roles: {}, nowhere: t.fixture('symlink', 'none'), circle: t.fixture('symlink', 'circle'), inward: t.fixture('symlink', 'roles') } })
  keepDecision(join(dir, 'state'), DECISION, join(dir, 'source'), [])
  const kept = readDecision(join(dir, 'state'))?.source as string
  t.strictSame(['nowhere', 'circle', 'inward'].map(name => readlinkSync(join(kept, name))), ['none', 'circle', 'roles'])
})

for (const file of ['decision.json', 'made-of.json', 'source/roles/web.yaml']) {
  t.test(`${file} that a power cut left empty is made anew`, async t => {
    const dir = t.testdir({ state: {}, source: { roles: { 'web.yaml': 'recipes: []\n' } } })
    const [state, source] = [join(dir, 'state'), join(dir, 'source')]
    keepDecision(state, DECISION, source, [])
    const damaged = join(state, 'current', file)
    const whole = readFileSync(damaged, 'utf8')
    writeFileSync(damaged, '')
    keepDecision(state, DECISION, source, [])
    t.equal(readFileSync(damaged, 'utf8'), whole)
    t.match(readDecision(state), DECISION)
  })
}
