import { request, type Agent, type IncomingHttpHeaders } from 'node:http'
import { errnoOf } from '../../core/failure.ts'

export interface Exchange {
  readonly method: 'GET' | 'PUT'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly agent: Agent
  /** From the moment it has a connection of its own, or begins to make one. */
  readonly timeoutMs: number
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** User data, the largest of all, is 16 KB. */
const LARGEST = 1 << 20

/** One request and its whole answer. @throws an Error with an errno; of a body that was cut, too; or what the signal was aborted with */
export async function exchange(what: Exchange, signal: AbortSignal | undefined): Promise<Answer> {
  try {
    return await once(what, signal)
  } catch (error) {
    // The service had closed the connection that lay open: nothing was asked yet.
    if (!(error instanceof Error) || !('wasReused' in error) || signal?.aborted) throw error
    return once(what, signal)
  }
}

function once({ method, url, headers, agent, timeoutMs }: Exchange, signal: AbortSignal | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    let timer: NodeJS.Timeout | undefined
    // Node takes IPv6 addresses bare.
    const sent = request({ method, agent, host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port, path: url.pathname, headers: { ...headers, host: url.host, ...(method === 'PUT' && { 'content-length': 0 }) } })
    const end = (error: Error): void => {
      finish()
      sent.destroy()
      reject(error)
    }
    const abort = (): void => end(signal?.reason as Error)
    const finish = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    signal?.addEventListener('abort', abort, { once: true })
    // Before it has one it may wait for others: that is no sign of a slow service.
    sent.on('socket', () => void (timer = setTimeout(() => end(new Error(`${method} ${url.href}: no answer within ${timeoutMs} ms`)), timeoutMs)))
    sent.on('error', error => {
      const wasReused = sent.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(errnoOf(error) ?? '')
      end(wasReused ? Object.assign(error, { wasReused }) : error)
    })
    sent.on('response', answer => {
      const chunks: Buffer[] = []
      let length = 0
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > LARGEST) return end(new Error(`${url.href}: an answer of more than ${LARGEST} bytes`))
        chunks.push(chunk)
      })
      answer.on('error', end)
      answer.on('end', () => {
        finish()
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
    sent.end()
  })
}
