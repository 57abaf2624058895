import t from 'tap'
import type { Test } from 'tap'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Verified } from '../../src/core/gate.ts'
import type { Clock } from '../../src/core/clock.ts'
import { Failure } from '../../src/core/failure.ts'
import { healthUrlGate } from '../../src/gate/health-url.ts'
import { probe } from '../../src/gate/probe.ts'

const signal = new AbortController().signal

/** Time that passes only by sleeping. */
function quickClock(): Clock {
  let now = 0
  return {
    now: () => now,
    monotonic: () => now,
    async sleep(ms, given) {
      given.throwIfAborted()
      now += ms
      // Connections of the probe before are done with.
      await new Promise(setImmediate)
    },
  }
}

async function serving(t: Test, answer: RequestListener, port = 0): Promise<{ url: string; port: number; server: Server }> {
  const server = createServer(answer)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void (server.closeAllConnections(), server.close()))
  const at = (server.address() as AddressInfo).port
  return { url: `http://127.0.0.1:${at}/`, port: at, server }
}

const wanted = (url: string, more: object = {}) => ({ url, headers: {}, status: 200, contains: undefined, withinMs: 30_000, ...more })

t.test('it passes what answers as it should, asking with its own Host', async t => {
  const hosts: (string | undefined)[] = []
  const { url } = await serving(t, (request, response) => {
    hosts.push(request.headers.host)
    response.end('the app is up')
  })
  await probe(wanted(url, { headers: { Host: 'app' }, contains: 'app' }), signal, quickClock())
  t.strictSame(hosts, ['app'])
})

t.test('it asks again until the answer is right', async t => {
  let asked = 0
  const { url } = await serving(t, (_request, response) => {
    response.statusCode = ++asked < 4 ? 503 : 200
    response.end(asked < 3 ? 'starting' : 'up')
  })
  await probe(wanted(url, { contains: 'up' }), signal, quickClock())
  t.equal(asked, 4)
})

t.test('it asks again while it is refused', async t => {
  const { port, server } = await serving(t, () => {})
  server.close()
  await once(server, 'close')
  const clock = quickClock()
  let sleeps = 0
  const patient: Clock = {
    ...clock,
    async sleep(ms, given) {
      if (++sleeps === 3) await serving(t, (_request, response) => response.end('up'), port)
      await clock.sleep(ms, given)
    },
  }
  await probe(wanted(`http://127.0.0.1:${port}/`), signal, patient)
  t.equal(sleeps, 3)
})

t.test('nobody there until the end: it says so', async t => {
  const { url, server } = await serving(t, () => {})
  server.close()
  await once(server, 'close')
  await t.rejects(probe(wanted(url), signal, quickClock()), { code: 'probe.failed', message: /within 30.0 s: .*ECONNREFUSED/ })
})

t.test('a name of several addresses, none of which answers, has its reasons too', async t => {
  const { port, server } = await serving(t, () => {})
  server.close()
  await once(server, 'close')
  await t.rejects(probe(wanted(`http://localhost:${port}/`), signal, quickClock()), { code: 'probe.failed', message: /E[A-Z_]{4,}/ })
})

t.test('the last answer is in the error', async t => {
  const { url } = await serving(t, (_request, response) => {
    response.statusCode = 502
    response.end('<h1>Bad Gateway</h1>\n')
  })
  await t.rejects(probe(wanted(url), signal, quickClock()), { code: 'probe.failed', message: /answered 502, expected 200/, output: '<h1>Bad Gateway</h1>' })
})

t.test('an answer without the text is none', async t => {
  const { url } = await serving(t, (_request, response) => response.end('Welcome to nginx!'))
  await t.rejects(probe(wanted(url, { contains: 'app' }), signal, quickClock()), { code: 'probe.failed', message: /without "app"/, output: /Welcome to nginx/ })
})

t.test('a redirect is not followed', async t => {
  const { url } = await serving(t, (_request, response) => void response.writeHead(301, { location: 'https://app/' }).end())
  await t.rejects(probe(wanted(url), signal, quickClock()), { message: /answered 301 \(to https:\/\/app\/\)/ })
  await t.resolves(probe(wanted(url, { status: 301 }), signal, quickClock()), 'but may be what is wanted')
})

t.test('of an endless answer only the beginning is read', async t => {
  const { url } = await serving(t, (_request, response) => {
    const more = (): void => void (response.destroyed || response.write('x'.repeat(65_536), () => setImmediate(more)))
    response.write('up')
    more()
  })
  await t.resolves(probe(wanted(url, { contains: 'up' }), signal, quickClock()))
})

t.test('a server that never answers does not hold it past its time', async t => {
  const { url } = await serving(t, () => {})
  await t.rejects(probe(wanted(url, { withinMs: 1 }), signal, quickClock()), { code: 'probe.failed', message: /no answer within/ })
})

t.test('the signal ends it at once', async t => {
  const stop = new AbortController()
  const { url } = await serving(t, () => stop.abort(new Failure('signal.int', 'ended by SIGINT')))
  await t.rejects(probe(wanted(url), stop.signal, quickClock()), { code: 'signal.int' })
})

t.test('no header stands in an error', async t => {
  const { url } = await serving(t, (_request, response) => void response.writeHead(401).end('no'))
  const error = await probe(wanted(url, { headers: { Authorization: 'Bearer abcdef' } }), signal, quickClock()).catch(reason => reason as Failure)
  t.notMatch(JSON.stringify([error?.message, error?.output, error?.hint]), 'abcdef')
})

t.test('the health URL must answer 200', async t => {
  let status = 200
  const { url } = await serving(t, (_request, response) => void response.writeHead(status).end('ok'))
  const gate = healthUrlGate({ url, clock: quickClock() })
  await t.resolves(gate.open({} as Verified, signal))
  status = 404
  await t.rejects(gate.open({} as Verified, signal), { code: 'probe.failed' })
})
