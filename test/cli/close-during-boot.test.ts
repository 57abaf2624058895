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
