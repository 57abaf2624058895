import t from 'tap'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { awsCalls } from '../../src/clouds/aws/calls.ts'
import { awsAccess } from '../../src/clouds/aws/client.ts'
import { awsCredentials } from '../../src/clouds/aws/credentials.ts'
import { imds } from '../../src/clouds/aws/imds.ts'
import { awsRegion } from '../../src/clouds/aws/region.ts'
import { awsSecrets } from '../../src/clouds/aws/secrets.ts'
import { reveal } from '../../src/core/secret.ts'
import { systemClock } from '../../src/machine/clock.ts'

const run = promisify(execFile)
const never = new AbortController().signal

/** Region, keys and endpoint as a user's environment gives them. */
const client = imds({ clock: systemClock, endpoint: process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT, budgetMs: 0 })
const credentials = awsCredentials({ imds: client, clock: systemClock, env: process.env })
const calls = awsCalls({ clock: systemClock, ready: credentials.ready })
const access = awsAccess({ calls, region: awsRegion(process.env, async () => null), credentials: credentials.current })
const secrets = awsSecrets({ access })
t.teardown(access.dropSockets)

async function aws(...args: readonly string[]): Promise<unknown> {
  const { stdout } = await run(process.env.SUNUP_TEST_AWS_CLI as string, [...args, '--output', 'json'])
  return stdout === '' ? undefined : JSON.parse(stdout)
}

t.test('a secure string that the AWS CLI wrote is read in clear', async t => {
  await aws('ssm', 'put-parameter', '--name', '/app/key', '--type', 'SecureString', '--value', 'first')
  t.equal(reveal(await secrets.read('/app/key', never)), 'first')
})

t.test('the last version is read, and an older one when named', async t => {
  await aws('ssm', 'put-parameter', '--name', '/app/key', '--overwrite', '--value', 'second ✓\nline two')
  t.equal(reveal(await secrets.read('/app/key', never)), 'second ✓\nline two')
  t.equal(reveal(await secrets.read('/app/key:1', never)), 'first')
})

t.test('a version is read by its label', async t => {
  await aws('ssm', 'label-parameter-version', '--name', '/app/key', '--parameter-version', '1', '--labels', 'stable')
  t.equal(reveal(await secrets.read('/app/key:stable', never)), 'first')
})

t.test('a parameter, and a version, that are not there are missing', async t => {
  await t.rejects(secrets.read('/app/kye', never), { code: 'secret.missing', message: 'there is no parameter /app/kye' })
  await t.rejects(secrets.read('/app/key:7', never), { code: 'secret.missing', message: /no such version/ })
})

t.test('each read was one call', async t => {
  t.strictSame([...calls.counts], [['ssm:GetParameter', { count: 6, retries: 0, throttles: 0 }]])
})
