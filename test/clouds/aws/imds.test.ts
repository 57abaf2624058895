import t from 'tap'
import type { ImdsOptions } from '../../../src/clouds/aws/imds.ts'
import { imds } from '../../../src/clouds/aws/imds.ts'
import { Failure } from '../../../src/core/failure.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { imdsServer, instanceDocuments, type ImdsServer } from '../../support/imds-server.ts'

const PUBLIC = 'meta-data/public-ipv4'
const never = new AbortController().signal

const statuses = ({ requests }: ImdsServer) => requests.map(({ method, path, status }) => `${method} ${path} ${status}`)

async function served(t: Parameters<typeof imdsServer>[0], over: Partial<ImdsOptions> = {}) {
  const clock = fakeClock()
  const server = await imdsServer(t, { clock, documents: instanceDocuments() })
  const client = imds({ clock, endpoint: server.endpoint, ...over })
  t.teardown(client.dropSockets)
  return { clock, server, client }
}

t.test('a text is read with a token', async t => {
  const { server, client } = await served(t)
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  t.strictSame(statuses(server), ['PUT api/token 200', `GET ${PUBLIC} 200`])
})

t.test('one token serves all, also those who ask at once', async t => {
  const { server, client } = await served(t)
  await Promise.all([PUBLIC, 'meta-data/mac', 'meta-data/local-ipv4'].map(path => client.get(path, never)))
  await client.get(PUBLIC, never)
  t.equal(statuses(server).filter(line => line.startsWith('PUT')).length, 1)
})

t.test('requests one after the other share a connection', async t => {
  const { server, client } = await served(t)
  for (const path of [PUBLIC, 'meta-data/mac', 'meta-data/local-ipv4']) await client.get(path, never)
  t.equal(server.connections, 1)
})

t.test('dropped connections are made anew', async t => {
  const { server, client } = await served(t)
  await client.get(PUBLIC, never)
  client.dropSockets()
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  t.equal(server.connections, 2)
})

t.test('what is not there is undefined, and asked once', async t => {
  const { server, client } = await served(t)
  t.equal(await client.get('meta-data/spot/instance-action', never), undefined)
  t.equal(await client.list('meta-data/tags/nothing', never), undefined)
  t.equal(await client.document('dynamic/nothing', never), undefined)
  t.equal(server.requests.length, 4)
})

t.test('a list is its lines', async t => {
  const { client } = await served(t)
  t.strictSame(await client.list('meta-data/security-groups', never), ['web', 'default'])
})

t.test('a disabled service fails at once, in clear words', async t => {
  const { server, client, clock } = await served(t)
  server.trouble = () => 403
  await t.rejects(client.get(PUBLIC, never), { code: 'cloud.denied', message: /disabled/, hint: /http-endpoint enabled/ })
  t.equal(server.requests.length, 1)
  t.strictSame(clock.sleeps, [])
})

t.test('a token that is not known any more is renewed without a wait', async t => {
  const { server, client, clock } = await served(t)
  await client.get(PUBLIC, never)
  server.forgetTokens()
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  t.strictSame(statuses(server).slice(2), [`GET ${PUBLIC} 401`, 'PUT api/token 200', `GET ${PUBLIC} 200`])
  t.strictSame(clock.sleeps, [])
})

t.test('when several meet the end of a token, one renews it', async t => {
  const { server, client } = await served(t)
  await client.get(PUBLIC, never)
  server.forgetTokens()
  await Promise.all([PUBLIC, 'meta-data/mac', 'meta-data/local-ipv4'].map(path => client.get(path, never)))
  t.equal(statuses(server).filter(line => line.startsWith('PUT')).length, 2)
})

t.test('a token is renewed before it expires', async t => {
  const { server, client, clock } = await served(t)
  await client.get(PUBLIC, never)
  clock.advance((21_600 - 299) * 1_000)
  await client.get(PUBLIC, never)
  t.strictSame(statuses(server).slice(2), ['PUT api/token 200', `GET ${PUBLIC} 200`])
})

t.test('a short-lived token is renewed in its last quarter', async t => {
  const { server, client, clock } = await served(t, { tokenTtlSeconds: 60 })
  await client.get(PUBLIC, never)
  clock.advance(44_000)
  await client.get(PUBLIC, never)
  t.equal(server.requests.length, 3)
  clock.advance(2_000)
  await client.get(PUBLIC, never)
  t.strictSame(statuses(server).slice(3), ['PUT api/token 200', `GET ${PUBLIC} 200`])
})

t.test('fresh tokens that are refused are waited for, and then tried again', async t => {
  const { server, client, clock } = await served(t)
  let refusals = 4
  server.trouble = method => (method === 'GET' && refusals-- > 0 ? 401 : undefined)
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  t.equal(clock.sleeps.length, 2)
})

for (const trouble of [503, 500, 429, 'cut', 'closed'] as const) {
  t.test(`${trouble} is tried again, to a token's request too`, async t => {
    const { server, client, clock } = await served(t)
    let left = 2
    server.trouble = () => (left-- > 0 ? trouble : undefined)
    t.equal(await client.get(PUBLIC, never), '203.0.113.10')
    // A connection that was open and is closed under a request is made anew at once.
    t.ok(clock.sleeps.length >= 1)
    left = 2
    t.equal(await client.get('meta-data/mac', never), '02:00:00:00:00:01')
  })
}

t.test('an answer that does not come is not waited for', async t => {
  const { server, client } = await served(t, { tryMs: 50 })
  let silent = 2
  server.trouble = () => (silent-- > 0 ? 'silent' : undefined)
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  t.match(statuses(server), ['PUT api/token silent', 'PUT api/token silent', 'PUT api/token 200'])
})

t.test('JSON that ends too early is asked for again', async t => {
  const { server, client } = await served(t)
  server.documents.set('dynamic/broken', '{"a":')
  server.trouble = (_method, path) => {
    if (server.requests.some(request => request.path === path && path === 'dynamic/broken')) server.documents.set(path, '{"a":1}')
    return undefined
  }
  t.strictSame(await client.document('dynamic/broken', never), { a: 1 })
})

t.test('the delays double, with jitter, up to five seconds', async t => {
  const { server, client, clock } = await served(t, { random: () => 1 })
  let left = 8
  server.trouble = () => (left-- > 0 ? 503 : undefined)
  await client.get(PUBLIC, never)
  t.strictSame(clock.sleeps, [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
  const jittered = await served(t, { random: () => 0 })
  left = 3
  jittered.server.trouble = server.trouble
  await jittered.client.get(PUBLIC, never)
  t.strictSame(jittered.clock.sleeps, [100, 200, 400])
})

t.test('a service that refuses for a minute and comes back is a service', async t => {
  const clock = fakeClock(elapsedMs => elapsedMs >= 60_000 && server.back())
  const server = await imdsServer(t, { clock, documents: instanceDocuments() })
  await server.away()
  const warnings: string[] = []
  const client = imds({ clock, endpoint: server.endpoint, warn: text => warnings.push(text) })
  t.teardown(client.dropSockets)
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  t.match(warnings, [/does not answer .* up to 5m/], 'told, and once')
  t.equal(warnings.length, 1)
  t.ok(clock.monotonic() >= 60_000 && clock.monotonic() < 65_000, 'noticed within five seconds')
})

t.test('the budget ends the waiting, and the failure says of whom and how long', async t => {
  const { server, client, clock } = await served(t, { budgetMs: 120_000 })
  await server.away()
  await t.rejects(client.get(PUBLIC, never), { code: 'cloud.unreachable', remedy: 'final', message: /http:\/\/127\.0\.0\.1:\d+\/ has not answered for (1m|2m)/, hint: /cloud: local.*hop limit/ })
  t.ok(clock.monotonic() > 110_000 && clock.monotonic() <= 120_000)
})

t.test('a spent budget is spent for all, until there is an answer', async t => {
  const { server, client, clock } = await served(t, { budgetMs: 60_000 })
  await server.away()
  await t.rejects(client.get(PUBLIC, never), { code: 'cloud.unreachable' })
  const slept = clock.sleeps.length
  clock.advance(10_000)
  await t.rejects(client.get(PUBLIC, never), { code: 'cloud.unreachable' })
  t.equal(clock.sleeps.length, slept, 'the next one tries once')
  await server.back()
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  await server.away()
  await t.rejects(client.get(PUBLIC, never), { code: 'cloud.unreachable' })
  t.ok(clock.sleeps.length > slept, 'a new outage has a budget of its own')
})

t.test('one path that is never answered ends with the budget, whatever the others are told', async t => {
  const { server, client, clock } = await served(t, { budgetMs: 60_000 })
  server.trouble = (_method, path) => (path === PUBLIC ? 503 : undefined)
  let isOver = false
  const asking = client.get(PUBLIC, never).finally(() => (isOver = true))
  const others = (async () => {
    while (!isOver && clock.monotonic() < 300_000) await client.get('meta-data/mac', never)
  })()
  await t.rejects(asking, { code: 'cloud.unreachable' })
  t.ok(clock.monotonic() <= 60_000)
  await others
})

t.test('a signal ends an answer that is awaited, and a wait between tries', async t => {
  const { server, client } = await served(t)
  const reason = new Failure('run.deadline', 'over')
  server.trouble = () => {
    ending.abort(reason)
    return 'silent'
  }
  const ending = new AbortController()
  await t.rejects(client.get(PUBLIC, ending.signal), reason)

  const between = new AbortController()
  const clock = fakeClock(() => between.abort(reason))
  const other = await imdsServer(t, { clock })
  other.trouble = () => 503
  await t.rejects(imds({ clock, endpoint: other.endpoint }).get(PUBLIC, between.signal), reason)
})

t.test('whoever gives up takes the token from nobody else', async t => {
  const { server, client } = await served(t)
  const ending = new AbortController()
  server.trouble = method => {
    if (method === 'PUT') ending.abort(new Error('I give up'))
    return undefined
  }
  const [first, second] = await Promise.allSettled([client.get(PUBLIC, ending.signal), client.get(PUBLIC, never)])
  t.match(first, { status: 'rejected', reason: { message: 'I give up' } })
  t.match(second, { status: 'fulfilled', value: '203.0.113.10' })
  t.equal(statuses(server).filter(line => line.startsWith('PUT')).length, 1)
})

t.test('the service is reached by IPv6', { skip: (await hasIpv6()) ? false : 'this machine has no IPv6' }, async t => {
  const clock = fakeClock()
  const server = await imdsServer(t, { clock, host: '::1', documents: instanceDocuments() })
  const client = imds({ clock, endpoint: server.endpoint })
  t.match(server.endpoint, /^http:\/\/\[::1\]:/)
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  client.dropSockets()
})

t.test('without tokens it is asked only where that was said', async t => {
  const clock = fakeClock()
  const server = await imdsServer(t, { clock, version1: true, documents: instanceDocuments() })
  const client = imds({ clock, endpoint: server.endpoint, version1: true })
  t.teardown(client.dropSockets)
  t.equal(await client.get(PUBLIC, never), '203.0.113.10')
  t.strictSame(statuses(server), [`GET ${PUBLIC} 200`])
  server.trouble = method => (method === 'PUT' ? 404 : undefined)
  await t.rejects(imds({ clock, endpoint: server.endpoint }).get(PUBLIC, never), { code: 'cloud.invalid', message: /gives no tokens/ })
})

t.test('switched off by the environment, nothing is asked', async t => {
  const { server, client } = await served(t, { disabled: true })
  await t.rejects(client.get(PUBLIC, never), { code: 'cloud.denied', message: /AWS_EC2_METADATA_DISABLED/ })
  t.equal(server.requests.length, 0)
})

t.test('an endpoint that is none is refused, by name', async t => {
  const clock = fakeClock()
  for (const endpoint of ['nowhere', 'https://127.0.0.1', 'file:///etc']) {
    t.throws(() => imds({ clock, endpoint }), { code: 'cloud.invalid', message: new RegExp(`AWS_EC2_METADATA_SERVICE_ENDPOINT must.*${endpoint}`) })
  }
  t.throws(() => imds({ clock, endpointMode: 'IPv5' }), { code: 'cloud.invalid', message: /IPv4 or IPv6, found "IPv5"/ })
  for (const endpointMode of [undefined, '', 'IPv4', 'IPv6']) t.doesNotThrow(() => imds({ clock, endpointMode }))
})

async function hasIpv6(): Promise<boolean> {
  const { networkInterfaces } = await import('node:os')
  return Object.values(networkInterfaces()).some(addresses => addresses?.some(({ address }) => address === '::1'))
}
