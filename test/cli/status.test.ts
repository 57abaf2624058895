import t from 'tap'
import { premises, SMALL } from '../support/repository.ts'

t.test('the command that shows the last run names the same machine', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const { stdout } = await where.sunup('status')
  const command = /`(sunup report .*)` shows all of it/.exec(stdout)?.[1] ?? ''
  t.match(command, `--root ${where.root}`)
  t.match(command, `--config ${where.infra}/sunup.yaml`)
})
