import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { showDuration } from '../core/duration.ts'
import { Failure, messageOf } from '../core/failure.ts'
import type { Probe } from '../core/role.ts'

/** Asks a URL until it answers as it should, for as long as the probe gives it. Redirects are answers, and not followed.
 *  Not with `fetch`: that sets the Host header itself.
 *  @throws Failure `probe.failed` with the last answer; what the signal was aborted with */
export async function probe(wanted: Probe, signal: AbortSignal, clock: Clock): Promise<void> {
  const until = clock.monotonic() + wanted.withinMs
  let last: Wrong | undefined
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const wrong = await lookAt(wanted, Math.max(1, Math.min(ONE_ANSWER_MS, until - clock.monotonic())), signal)
    if (wrong === undefined) return
    signal.throwIfAborted()
    // An answer says more than that there was no time left for another.
    if (last === undefined || wrong.answered || !last.answered) last = wrong
    if (until - clock.monotonic() <= pause) throw refused(wanted, last)
    await clock.sleep(pause, signal)
  }
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
/** A server that takes longer has hung; a new connection may find it well. */
const ONE_ANSWER_MS = 5_000
/** What is searched for `contains`, and no more is read. */
const LONGEST_BODY = 1024 * 1024

interface Wrong {
  readonly why: string
  readonly answered: boolean
  readonly body?: string
}

/** undefined: it answered as it should. */
async function lookAt({ url, headers, status, contains }: Probe, timeoutMs: number, signal: AbortSignal): Promise<Wrong | undefined> {
  const timeout = AbortSignal.timeout(Math.ceil(timeoutMs))
  try {
    const answer = await ask(url, headers, AbortSignal.any([signal, timeout]))
    if (answer.status !== status) return { why: `it answered ${answer.status}${answer.location === undefined ? '' : ` (to ${answer.location})`}, expected ${status}`, answered: true, body: answer.body }
    if (contains !== undefined && !answer.body.includes(contains)) return { why: `it answered ${status}, but without ${JSON.stringify(contains)}`, answered: true, body: answer.body }
    return undefined
  } catch (error) {
    return { why: timeout.aborted && !signal.aborted ? `no answer within ${showDuration(timeoutMs)}` : whyNot(error), answered: false }
  }
}

/** A name with several addresses fails with all of their errors, and no message of its own. */
function whyNot(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error)
}

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly body: string
}

async function ask(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
  const isTls = url.startsWith('https:')
  const { request } = isTls ? await import('node:https') : await import('node:http')
  const host = Object.entries(headers).find(([name]) => name.toLowerCase() === 'host')?.[1]
  return await new Promise((resolve, reject) => {
    // With a Host of its own the certificate is that one's, too.
    const servername = isTls && host !== undefined ? { servername: host.replace(/:\d+$/, '') } : {}
    const asked: ClientRequest = request(url, { headers, agent: false, signal, ...servername })
    asked.on('error', reject)
    asked.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      let length = 0
      const finish = (): void => resolve({ status: response.statusCode ?? 0, location: response.headers.location, body: Buffer.concat(chunks).toString('utf8') })
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length < LONGEST_BODY) return
        finish()
        asked.destroy()
      })
      response.on('end', finish)
      response.on('error', reject)
    })
    asked.end()
  })
}

function refused({ url, withinMs }: Probe, { why, body }: Wrong): Failure {
  const lines = body?.trim().split('\n').slice(0, LINES_SHOWN).map(line => line.slice(0, 200))
  return new Failure('probe.failed', `${url} did not answer as it should within ${showDuration(withinMs)}: ${why}`, {
    output: lines && lines[0] !== '' ? lines.join('\n') : undefined,
    hint: 'Look at the log of what serves it, and at `health` in the role.',
  })
}

const LINES_SHOWN = 10
