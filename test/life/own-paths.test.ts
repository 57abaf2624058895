import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { plainTree } from '../support/plain-tree.ts'
import { premises, SMALL } from '../support/repository.ts'

/** Where sunup keeps its own, below the staging root. */
const STATE = 'var/lib/sunup'
const OWN = `${STATE}/i-0demo`

/** What becomes of a boot that finds a link there. */
const LINKS: readonly (readonly [path: string, target: string, code: number])[] = [
  [OWN, 'there', 1],
  [`${OWN}/runs`, 'there', 1],
  [`${OWN}/decisions`, 'there', 1],
  [`${OWN}/journal.ndjson`, 'there/file', 1],
  [`${OWN}/journal.ndjson`, 'nothing', 1],
  ['run/sunup/lock', 'nothing', 1],
  ['run/sunup/lock', 'there/file', 1],
  // What is not kept for long is replaced.
  ['run/sunup/lock.holder', 'there/file', 0],
  ['run/sunup/lock.holder.new', 'there/file', 0],
  ['run/sunup/boot', 'there/file', 0],
  ['run/sunup/boot', 'nothing', 0],
  ['run/sunup/health', 'there', 0],
  ['run/sunup/health/ping.html', 'there/file', 0],
  ['run/sunup/health/.ping.html.new', 'there/file', 0],
  [`${OWN}/current`, '../../../../precious/there/x', 0],
]

for (const staged of [true, false]) {
  for (const [path, target, code] of LINKS) {
    t.test(`${staged ? 'in a staging root' : 'on the machine'} ${path} -> ${target} is not followed`, async t => {
      const where = premises(t, { role: SMALL.replace('/etc/motd', staged ? '/etc/motd' : '{{dir}}/root/etc/motd'), staged })
      const precious = join(where.dir, 'precious')
      mkdirSync(join(precious, 'there/other'), { recursive: true })
      writeFileSync(join(precious, 'there/file'), 'mine\n')
      const before = plainTree(precious)
      const link = join(where.root, path)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(target.startsWith('..') ? target : join(precious, target), link)
      const ran = await where.sunup('boot', '--format', 'json')
      t.strictSame(plainTree(precious), before)
      t.equal(ran.code, code, ran.stdout + ran.stderr)
      t.equal(existsSync(where.health), code === 0)
      if (code !== 0) t.match(ran.events().at(-1), { gate: 'closed', error: { code: 'file.escape' } })
    })
  }
}

t.test('an unfinished decision is not removed through a link', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const precious = join(where.dir, 'precious')
  mkdirSync(join(precious, 'other'), { recursive: true })
  rmSync(join(where.state, 'decisions'), { recursive: true })
  symlinkSync(precious, join(where.state, 'decisions'))
  const before = plainTree(precious)
  t.equal((await where.sunup('boot')).code, 1)
  t.strictSame(plainTree(precious), before)
  t.notOk(existsSync(where.health))
})
