import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { awsFleet } from '../support/aws-fleet.ts'

// The clients of EC2 and DynamoDB are most of what a start could load: a role that has no use for them loads neither.

/** Notes each file of theirs that is read, as the bundle or as modules. */
const WATCH = `
const fs = require('node:fs')
const { readFileSync, appendFileSync } = fs
const note = name => /apart\\/sdk\\.cjs$|@aws-sdk\\/client-(ec2|dynamodb)\\/|clouds\\/aws\\/sdk\\/(ec2|dynamodb)\\.ts$/.test(String(name)) && appendFileSync(process.env.SUNUP_TEST_LOADED, name + '\\n')
fs.readFileSync = (file, ...rest) => (note(file), readFileSync(file, ...rest))
require('node:module').registerHooks({ load: (url, context, next) => (note(url), next(url, context)) })
`

async function loaded(t: Test, role: string): Promise<string> {
  const fleet = await awsFleet(t, { role })
  const instance = await fleet.launch('i-0123456789abcdef0', { alone: true, documents: { 'meta-data/autoscaling/target-lifecycle-state': undefined } })
  const watch = join(instance.dir, 'watch.cjs')
  const list = join(instance.dir, 'loaded')
  writeFileSync(watch, WATCH)
  const { code, stdout, stderr } = await instance.started({ env: { NODE_OPTIONS: `--require=${watch}`, SUNUP_TEST_LOADED: list } }, 'boot').end
  t.equal(code, 0, `${stdout}${stderr}`)
  return existsSync(list) ? readFileSync(list, 'utf8') : ''
}

t.test('a role with a row loads its client', async t => {
  t.not(await loaded(t, 'securityGroups: [web]\nrecipes:\n  - files: [{ path: /etc/motd, content: "hello\\n" }]\n  - registry\n'), '')
})

t.test('a role without either loads none', async t => {
  t.equal(await loaded(t, 'securityGroups: [web]\nrecipes:\n  - files: [{ path: /etc/motd, content: "hello\\n" }]\n'), '')
})
