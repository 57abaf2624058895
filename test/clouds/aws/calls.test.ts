import t from 'tap'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { awsCalls } from '../../../src/clouds/aws/calls.ts'
import { awsCode } from '../../../src/clouds/aws/errors.ts'
import { Failure } from '../../../src/core/failure.ts'
import { testAccess } from '../../support/aws-access.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ssmServer } from '../../support/ssm-server.ts'

const never = new AbortController().signal
const GET = 'ssm:GetParameter'

async function served(t: Parameters<typeof ssmServer>[0], random?: () => number) {
  const server = await ssmServer(t, { key: { versions: ['text'] } })
  const { access, calls, clock } = testAccess(t, server.endpoint, random)
  const { SSMClient, GetParameterCommand } = await import('../../../src/clouds/aws/sdk/ssm.ts')
  const client = new SSMClient(await access.settings(never))
  const get = async (over: { readonly signal?: AbortSignal; readonly retries?: number; readonly throttles?: number } = {}) =>
    (await calls.ask(GET, options => client.send(new GetParameterCommand({ Name: 'key', WithDecryption: true }), options), { signal: never, on: 'key', ...over })).Parameter?.Value
  return { server, access, calls, clock, get }
}

const refusal = (status: number, type: string, message = 'said so') => ({ status, type, message })

t.test('a call that succeeds is one request, and counted', async t => {
  const { calls, get, clock } = await served(t)
  t.equal(await get(), 'text')
  t.strictSame([...calls.counts], [[GET, { count: 1, retries: 0, throttles: 0 }]])
  t.strictSame(clock.sleeps, [])
})

t.test('throttling is retried with full jitter, and counted', async t => {
  const { server, calls, get, clock } = await served(t, () => 0.5)
  let left = 3
  server.trouble = () => (left-- > 0 ? refusal(400, 'ThrottlingException', 'Rate exceeded') : undefined)
  t.equal(await get(), 'text')
  t.strictSame(clock.sleeps, [250, 500, 1_000])
  t.strictSame(calls.counts.get(GET), { count: 4, retries: 3, throttles: 3 })
})

for (const trouble of [refusal(500, 'InternalServerError'), refusal(503, 'ServiceUnavailable'), 'cut'] as const) {
  t.test(`${typeof trouble === 'object' ? trouble.status : trouble} is retried`, async t => {
    const { server, calls, get } = await served(t)
    let left = 2
    server.trouble = () => (left-- > 0 ? trouble : undefined)
    t.equal(await get(), 'text')
    t.strictSame(calls.counts.get(GET), { count: 3, retries: 2, throttles: 0 })
  })
}

t.test('throttling without end fails with all tries made, and the engine makes no more', async t => {
  const { server, calls, get, clock } = await served(t, () => 1)
  server.trouble = () => refusal(400, 'ThrottlingException', 'Rate exceeded')
  await t.rejects(get(), { code: 'cloud.throttled', remedy: 'final', message: 'ssm:GetParameter on key was throttled: Rate exceeded (tried 9 times)' })
  t.strictSame(calls.counts.get(GET), { count: 9, retries: 8, throttles: 9 })
  t.strictSame(clock.sleeps, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
})

t.test('a service that is down fails with all tries made, and the engine makes no more', async t => {
  const { server, get } = await served(t)
  server.trouble = () => 'cut'
  await t.rejects(get(), { code: 'cloud.unreachable', remedy: 'final', message: /no answer.*tried 5 times/, hint: /route/ })
  t.equal(server.asked.length, 5)
})

t.test('who looks before asking again is not retried for, but by the engine', async t => {
  const { server, get } = await served(t)
  server.trouble = () => 'cut'
  await t.rejects(get({ retries: 0 }), { code: 'cloud.unreachable', remedy: 'retry' })
  t.equal(server.asked.length, 1)
})

t.test('denied fails at once, names the action, and says where the policy is', async t => {
  const { server, get } = await served(t)
  server.trouble = () => refusal(400, 'AccessDeniedException', 'not authorized. Encoded authorization failure message: aGVsbG8')
  const failure = await get().catch((error: unknown) => error as Failure)
  t.match(failure, { code: 'cloud.denied', remedy: 'final', message: 'ssm:GetParameter on key was denied: not authorized.', hint: /sunup policy/ })
  t.equal(awsCode(failure), 'AccessDeniedException')
  t.equal(server.asked.length, 1)
})

t.test('credentials that are over, or nobody’s, are told from missing permission', async t => {
  const { server, get } = await served(t)
  server.trouble = () => refusal(400, 'ExpiredTokenException')
  await t.rejects(get(), { code: 'cloud.denied', message: /not valid any more/, hint: /clock/ })
  server.trouble = () => refusal(400, 'UnrecognizedClientException')
  await t.rejects(get(), { code: 'cloud.denied', message: /does not know these credentials/ })
})

t.test('what AWS refuses otherwise is told in its words, at once', async t => {
  const { server, get } = await served(t)
  server.trouble = () => refusal(400, 'ValidationException', 'no such thing')
  await t.rejects(get(), { code: 'cloud.invalid', message: 'ssm:GetParameter on key was refused: ValidationException: no such thing' })
  t.equal(server.asked.length, 1)
})

t.test('a machine whose clock is an hour off signs by the service’s clock', async t => {
  const { server, get, clock } = await served(t)
  for (const hours of [1, -1]) {
    server.aheadMs = hours * 3_600_000
    t.equal(await get(), 'text')
  }
  t.equal(server.asked.length, 4)
  t.strictSame(clock.sleeps, [])
})

t.test('a signal ends a call under way, and the wait before the next', async t => {
  const { server, get } = await served(t)
  const reason = new Failure('run.deadline', 'over')
  const ending = new AbortController()
  server.trouble = () => {
    ending.abort(reason)
    return 'silent'
  }
  await t.rejects(get({ signal: ending.signal }), reason)
  const between = new AbortController()
  const clock = fakeClock(() => between.abort(reason))
  await t.rejects(awsCalls({ clock }).ask('x:Y', () => Promise.reject(Object.assign(new Error('away'), { code: 'ECONNRESET' })), { signal: between.signal }), reason)
})

t.test('credentials are at hand before each try', async t => {
  const seen: string[] = []
  const calls = awsCalls({ clock: fakeClock(), ready: async () => seen.push('ready') })
  await calls.ask('x:Y', async () => {
    seen.push('sent')
    if (seen.length < 4) throw Object.assign(new Error('away'), { code: 'ECONNRESET' })
  }, { signal: never })
  t.strictSame(seen, ['ready', 'sent', 'ready', 'sent'])
})

t.test('credentials that can’t be had are told as such, and count no call', async t => {
  const missing = new Failure('cloud.denied', 'no role')
  const calls = awsCalls({ clock: fakeClock(), ready: () => Promise.reject(missing) })
  await t.rejects(calls.ask('x:Y', async () => t.fail('not sent'), { signal: never }), missing)
  t.equal(calls.counts.size, 0)
})

t.test('connections that lie open are dropped on demand', async t => {
  const { server, access, get } = await served(t)
  await get()
  await get()
  t.equal(server.connections, 1)
  access.dropSockets()
  await get()
  t.equal(server.connections, 2)
})

t.test('a fault of ours in a call is no failure of AWS', async t => {
  const calls = awsCalls({ clock: fakeClock() })
  await t.rejects(calls.ask('x:Y', () => Promise.reject(new TypeError('undefined is not a function')), { signal: never }), { code: 'bug' })
})

t.test('an endpoint that is none is no fault of ours', async t => {
  const { access, calls } = testAccess(t, 'garbage')
  const { SSMClient, GetParameterCommand } = await import('../../../src/clouds/aws/sdk/ssm.ts')
  const client = new SSMClient(await access.settings(never))
  await t.rejects(calls.ask(GET, options => client.send(new GetParameterCommand({ Name: 'key' }), options), { signal: never }), { code: 'cloud.invalid', hint: /AWS_ENDPOINT_URL/ })
})

t.test('an answer that is none of AWS is told so; of a busy proxy, retried', async t => {
  const pages: number[] = [503, 503, 200]
  const server = createServer((_request, response) => response.writeHead(pages.shift() as number, { 'content-type': 'text/html' }).end('<html></html>')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { access, calls } = testAccess(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const { SSMClient, GetParameterCommand } = await import('../../../src/clouds/aws/sdk/ssm.ts')
  const client = new SSMClient(await access.settings(never))
  await t.rejects(calls.ask(GET, options => client.send(new GetParameterCommand({ Name: 'key' }), options), { signal: never }), { code: 'cloud.invalid', message: /the answer \(200\) is none of AWS/ })
  t.strictSame(pages, [])
})
