import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tryLock } from '../../src/machine/lock.ts'
import { premises, SMALL } from '../support/repository.ts'

t.test('closing says that a boot which is at work will open again', async t => {
  const where = premises(t, { role: SMALL })
  const lock = tryLock(join(where.run, 'lock'), { command: 'boot', pid: process.pid })
  t.match(await where.sunup('close'), { code: 0, stderr: `\`sunup boot\` (process ${process.pid}) is at work, and opens the gate when it is done` })
  t.match(JSON.parse((await where.sunup('close', '--format', 'json')).stdout), { running: { pid: process.pid } })
  lock?.release()
  t.match(await where.sunup('close'), { code: 0, stderr: '' })
})

t.test('closed unless booted: once a boot has begun the gate is that boot’s', async t => {
  const where = premises(t, { role: SMALL })
  where.write({ '../root/run/sunup/health/ping.html': 'stale\n' })
  const early = async (): Promise<Record<string, unknown>> => JSON.parse((await where.sunup('close', '--unless-booted', '--format', 'json')).stdout) as Record<string, unknown>
  t.match(await early(), { gate: 'closed', wasOpen: true })
  t.equal((await where.sunup('boot')).code, 0)
  t.match(await early(), { gate: 'untouched' })
  t.match(await where.sunup('close', '--unless-booted'), { code: 0, stdout: /gate untouched: a boot has begun/ })
  t.ok(existsSync(where.health))
  // Of another start of the machine.
  const mark = join(where.run, 'boot')
  writeFileSync(mark, readFileSync(mark, 'utf8').replace(/-[0-9a-f-]{36}/, `-${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`))
  t.match(await early(), { gate: 'closed', wasOpen: true })
})

for (const line of ['run: /srv/run', 'run: "/srv/run" # ours', "'run': '/srv/run'"]) {
  for (const verb of ['boot', 'close']) {
    t.test(`${verb} with a broken sunup.yaml closes the gate that it still names: ${line}`, async t => {
      const where = premises(t, { role: SMALL, config: `${line}\n` })
      const health = join(where.root, 'srv/run/health/ping.html')
      t.equal((await where.sunup('boot')).code, 0)
      t.ok(existsSync(health))
      where.edit('sunup.yaml', line, `${line}\nbad: [`)
      where.write({ '../root/run/sunup/health/ping.html': 'stale\n' })
      const { code, stdout } = await where.sunup(verb)
      t.equal(code, 78)
      t.notOk(existsSync(health), stdout)
      t.notOk(existsSync(where.health), 'that of the default run, too: the line may be new')
    })
  }
}
