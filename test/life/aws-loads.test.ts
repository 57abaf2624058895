import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { awsFleet } from '../support/aws-fleet.ts'

// The clients of EC2 and DynamoDB are most of what a start could load: a role that has no use for them loads neither.

/** Notes each that is evaluated: as modules, or in the bundle, where one file has all clients and makes each when it is first asked for. */
const WATCH = `
const { appendFileSync } = require('node:fs')
const { Script } = require('node:vm')
const note = name => appendFileSync(process.env.SUNUP_TEST_LOADED, name + '\\n')
require('node:module').registerHooks({
  load: (url, context, next) => (/@aws-sdk\\/client-(ec2|dynamodb)\\/|clouds\\/aws\\/sdk\\/(ec2|dynamodb)\\.ts$/.test(url) && note(url), next(url, context)),
})
const { runInThisContext } = Script.prototype
Script.prototype.runInThisContext = function (...options) {
  const run = runInThisContext.apply(this, options)
  return (exports, require, module, file, directory) => {
    run(exports, require, module, file, directory)
    if (!file.endsWith('sdk.cjs')) return
    for (const name of ['ec2', 'dynamodb']) {
      const client = exports[name]
      exports[name] = () => (note(name), client())
    }
  }
}
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
