import { execFileSync } from 'node:child_process'
import t from 'tap'

t.test('placeholder', async t => {
  t.match(execFileSync(process.env.SUNUP_TEST_AWS_CLI as string, ['ssm', 'describe-parameters'], { encoding: 'utf8' }), /Parameters/)
})
