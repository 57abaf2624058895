import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { premises, SMALL, type Premises } from '../support/repository.ts'

const OTHER = SMALL.replaceAll('demo', 'other')
const states = (where: Premises): unknown => where.rows().map(({ role, state }) => [role, state])

async function moved(where: Premises, role: string): Promise<void> {
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame(states(where), [['demo', 'in-service']])
  where.write({ 'roles/other.yaml': role })
  where.edit('instance.yaml', 'demo]', 'other]')
}

t.test('an instance that has another role is no member of the one before', async t => {
  const where = premises(t, { role: SMALL })
  await moved(where, OTHER)
  t.match(await where.sunup('boot'), { code: 0, stderr: '' })
  t.strictSame(states(where), [['other', 'in-service']])
})

t.test('nor when its new role fails', async t => {
  const where = premises(t, { role: SMALL })
  await moved(where, OTHER.replace('/etc/motd', '/etc/other'))
  mkdirSync(join(where.root, 'etc/other/in-the-way'), { recursive: true })
  t.equal((await where.sunup('boot')).code, 1)
  t.strictSame(states(where), [['other', 'failed']])
})

t.test('nor when its new role has no registry, or its own has none any more', async t => {
  const where = premises(t, { role: SMALL })
  await moved(where, OTHER.replace('  - registry', ''))
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame(states(where), [])
  where.edit('instance.yaml', 'other]', 'demo]')
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame(states(where), [['demo', 'in-service']])
  where.edit('roles/demo.yaml', '  - registry', '')
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame(states(where), [])
})
