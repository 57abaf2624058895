import t from 'tap'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { awsCredentials } from '../../../src/clouds/aws/credentials.ts'
import { imds } from '../../../src/clouds/aws/imds.ts'
import { awsRegion } from '../../../src/clouds/aws/region.ts'
import { fakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { imdsServer, instanceDocuments, roleCredentials, type ImdsServer } from '../../support/imds-server.ts'

const never = new AbortController().signal
/** The SDK's own code reads the process's environment: nobody's files are to be found there. */
process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = process.env.AWS_ENDPOINT_URL = 'http://127.0.0.1:9'
for (const name of ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_DEFAULT_REGION']) delete process.env[name]

const NOWHERE = { HOME: '/nonexistent' }
const ROLE = 'meta-data/iam/security-credentials/web'

interface Options {
  readonly env?: Readonly<Record<string, string>>
  readonly moved?: (server: ImdsServer, elapsedMs: number) => unknown
  readonly role?: string | null
}

async function served(t: Parameters<typeof imdsServer>[0], { env = NOWHERE, moved, role }: Options = {}) {
  const clock: FakeClock = fakeClock(elapsedMs => moved?.(server, elapsedMs))
  const server: ImdsServer = await imdsServer(t, { clock, documents: instanceDocuments(role === undefined ? {} : { [ROLE]: role ?? undefined }) })
  const client = imds({ clock, endpoint: server.endpoint })
  t.teardown(client.dropSockets)
  return { server, clock, imds: client, credentials: awsCredentials({ imds: client, clock, env }) }
}

/** What a file in ~/.aws and the variables say, for this test alone. */
function inEnvironment(t: Parameters<typeof imdsServer>[0], set: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const before = { ...process.env }
  Object.assign(process.env, set)
  t.teardown(() => {
    for (const name of Object.keys(set)) if (before[name] === undefined) delete process.env[name]
    Object.assign(process.env, before)
  })
  return { ...NOWHERE, ...set }
}

t.test('the keys of the environment ask nobody', async t => {
  const { credentials, server } = await served(t, { env: { ...NOWHERE, AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'hidden', AWS_SESSION_TOKEN: 'token' } })
  t.strictSame(await credentials.ready(never), { accessKeyId: 'key', secretAccessKey: 'hidden', sessionToken: 'token' })
  t.strictSame(await credentials.current(), await credentials.ready(never))
  t.equal(server.requests.length, 0)
})

t.test('without keys they are those of the instance’s role', async t => {
  const { credentials } = await served(t)
  t.strictSame(await credentials.ready(never), {
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: 'secret-of-the-role',
    sessionToken: 'token-of-the-role',
    expiration: new Date('2026-03-01T18:00:00Z'),
  })
})

t.test('they are asked for once, also by several at once', async t => {
  const { credentials, server } = await served(t)
  await Promise.all([credentials.ready(never), credentials.ready(never), credentials.current()])
  await credentials.ready(never)
  t.equal(server.requests.length, 3)
})

t.test('they are renewed before they expire', async t => {
  const { credentials, server, clock } = await served(t, { role: roleCredentials({ expiration: '2026-03-01T12:12:00Z' }) })
  await credentials.ready(never)
  server.documents.set(ROLE, roleCredentials({ key: 'ASIANEXT' }))
  clock.advance(6 * 60_000)
  t.match(await credentials.ready(never), { accessKeyId: 'ASIAEXAMPLE' })
  clock.advance(2 * 60_000)
  t.match(await credentials.ready(never), { accessKeyId: 'ASIANEXT' })
})

t.test('a wall clock that is slow keeps none beyond a quarter of an hour', async t => {
  const { credentials, server, clock } = await served(t)
  await credentials.ready(never)
  server.documents.set(ROLE, roleCredentials({ key: 'ASIANEXT' }))
  clock.advance(15 * 60_000)
  t.match(await credentials.ready(never), { accessKeyId: 'ASIANEXT' })
})

t.test('old ones that the service goes on giving are used, and asked for again after a minute', async t => {
  const { credentials, server, clock } = await served(t, { role: roleCredentials({ expiration: '2026-03-01T11:00:00Z' }) })
  t.match(await credentials.ready(never), { accessKeyId: 'ASIAEXAMPLE' })
  await credentials.ready(never)
  t.equal(server.requests.length, 3)
  clock.advance(61_000)
  await credentials.ready(never)
  t.equal(server.requests.length, 5)
})

t.test('while the service is away, those that are still good are used', async t => {
  const { credentials, server, clock } = await served(t)
  await credentials.ready(never)
  await server.away()
  clock.advance(16 * 60_000)
  t.match(await credentials.ready(never), { accessKeyId: 'ASIAEXAMPLE' })
})

t.test('credentials that appear late are waited for', async t => {
  const { credentials } = await served(t, { role: null, moved: (server, elapsedMs) => elapsedMs >= 40_000 && server.documents.set(ROLE, roleCredentials()) })
  t.match(await credentials.ready(never), { accessKeyId: 'ASIAEXAMPLE' })
})

t.test('a role whose credentials are not there yet is waited for, too', async t => {
  const { credentials } = await served(t, {
    role: JSON.stringify({ Code: 'AssumeRoleUnauthorizedAccess', Message: 'EC2 cannot assume the role web.' }),
    moved: (server, elapsedMs) => elapsedMs >= 10_000 && server.documents.set(ROLE, roleCredentials()),
  })
  t.match(await credentials.ready(never), { accessKeyId: 'ASIAEXAMPLE' })
})

t.test('an instance without a role is told so after a minute, and at once the next time', async t => {
  const { credentials, clock } = await served(t, { role: null })
  await t.rejects(credentials.ready(never), { code: 'cloud.denied', message: /no role/, hint: /instance profile/ })
  t.equal(clock.monotonic(), 60_000)
  await t.rejects(credentials.ready(never), { code: 'cloud.denied' })
  t.equal(clock.monotonic(), 60_000)
})

t.test('a role that EC2 may not assume is told so, by its code', async t => {
  const { credentials } = await served(t, { role: JSON.stringify({ Code: 'AssumeRoleUnauthorizedAccess' }) })
  await t.rejects(credentials.ready(never), { code: 'cloud.denied', message: /of the role web: AssumeRoleUnauthorizedAccess/, hint: /trust policy/ })
})

t.test('the service’s outage is waited out', async t => {
  const { credentials, server } = await served(t, { moved: (server, elapsedMs) => elapsedMs >= 60_000 && server.back() })
  await server.away()
  t.match(await credentials.ready(never), { accessKeyId: 'ASIAEXAMPLE' })
})

t.test('whoever gives up leaves the asking to the next', async t => {
  const first = new AbortController()
  const { credentials } = await served(t, { role: null, moved: server => {
    first.abort(new Error('I give up'))
    server.documents.set(ROLE, roleCredentials())
  } })
  const [one, other] = await Promise.allSettled([credentials.ready(first.signal), credentials.ready(never)])
  t.match(one, { status: 'rejected', reason: { message: 'I give up' } })
  t.match(other, { status: 'fulfilled', value: { accessKeyId: 'ASIAEXAMPLE' } })
})

t.test('a profile goes before keys, and before the instance’s role', async t => {
  const directory = t.testdir({ credentials: '[other]\naws_access_key_id = of-the-profile\naws_secret_access_key = hidden\n', config: '[profile other]\nregion = ap-south-1\n' })
  const env = inEnvironment(t, { AWS_PROFILE: 'other', AWS_SHARED_CREDENTIALS_FILE: join(directory, 'credentials'), AWS_CONFIG_FILE: join(directory, 'config'), AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'hidden' })
  const { credentials, server } = await served(t, { env })
  t.match(await credentials.ready(never), { accessKeyId: 'of-the-profile' })
  t.equal(server.requests.length, 0)
  t.equal(await awsRegion(env, async () => t.fail('the instance is not asked') as never)(never), 'ap-south-1')
})

t.test('a file that names no credentials leaves them to the role', async t => {
  const directory = t.testdir({ config: '[default]\noutput = json\n' })
  const env = inEnvironment(t, { AWS_CONFIG_FILE: join(directory, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(directory, 'credentials') })
  const { credentials } = await served(t, { env })
  t.match(await credentials.ready(never), { accessKeyId: 'ASIAEXAMPLE' })
})

t.test('a profile whose process fails is a failure, not a reason to be somebody else', async t => {
  const directory = t.testdir({ config: '[profile broken]\ncredential_process = /bin/false\n' })
  const env = inEnvironment(t, { AWS_PROFILE: 'broken', AWS_CONFIG_FILE: join(directory, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(directory, 'credentials') })
  const { credentials, server } = await served(t, { env })
  await t.rejects(credentials.ready(never), { code: 'cloud.denied', hint: /profile broken/ })
  t.equal(server.requests.length, 0)
})

t.test('a container’s endpoint is asked where there is one', async t => {
  const server = createServer((request, response) => {
    const mine = request.headers.authorization === 'let me in'
    response.writeHead(mine ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ AccessKeyId: 'of-the-container', SecretAccessKey: 'hidden', Token: 't', Expiration: '2030-01-01T00:00:00Z' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const env = inEnvironment(t, { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'let me in' })
  const { credentials } = await served(t, { env })
  t.match(await credentials.ready(never), { accessKeyId: 'of-the-container' })
})

t.test('the region is that of the environment, else the instance’s', async t => {
  const instances = async () => 'eu-west-1'
  t.equal(await awsRegion({ ...NOWHERE, AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-2' }, instances)(never), 'us-east-1')
  t.equal(await awsRegion({ ...NOWHERE, AWS_REGION: '', AWS_DEFAULT_REGION: 'us-east-2' }, instances)(never), 'us-east-2')
  t.equal(await awsRegion(NOWHERE, instances)(never), 'eu-west-1')
})

t.test('a region that is nowhere to be found is said so, with what was tried', async t => {
  await t.rejects(awsRegion(NOWHERE, async () => null)(never), { code: 'cloud.invalid', message: /region can't be found/, hint: /AWS_REGION/ })
  const { server, imds } = await served(t)
  server.trouble = () => 403
  await t.rejects(awsRegion(NOWHERE, async signal => (await imds.get('x', signal)) ?? null)(never), { code: 'cloud.invalid', message: /region can't be found.*disabled/ })
})
