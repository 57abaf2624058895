import { closeSync, createReadStream, openSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hashOf } from '../core/digest.ts'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { withoutPasswords } from '../core/secret.ts'

export interface Download {
  /** http, https or file. */
  readonly url: string
  /** Hex, lower case. */
  readonly sha256: string
}

/** Writes what the URL offers into the file, which must be there and empty, and compares its checksum. On a failure the file is left as far
 *  as it got: it must have a name that nobody believes.
 *  @param file on the host
 *  @throws Failure `download.missing`, `download.denied`, `download.checksum`, `network.failed`, `disk.full` */
export async function download({ url, sha256 }: Download, file: string, signal: AbortSignal): Promise<void> {
  const hash = hashOf('sha256')
  const descriptor = openSync(file, 'r+')
  try {
    for await (const chunk of body(url, signal)) {
      hash.update(chunk)
      writeChunk(descriptor, chunk, file)
    }
  } finally {
    closeSync(descriptor)
  }
  const found = hash.digest('hex')
  if (found === sha256) return
  throw new Failure('download.checksum', `${shown(url)} has the SHA-256 ${found}, not ${sha256}`, {
    hint: 'What the server hands out was changed, or the checksum in the role is another version’s.',
  })
}

/** The SHA-256 of a file on the host, hex. Read piece by piece: it may be larger than memory. */
export async function checksumOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = hashOf('sha256')
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) hash.update(chunk as Buffer)
  } catch (error) {
    signal.throwIfAborted()
    throw new Failure('file.denied', `reading ${file} failed: ${messageOf(error)}`, { cause: error })
  }
  return hash.digest('hex')
}

/** The URL and checksum of a resource's props, in one spelling. @throws Failure `resource.invalid`, `secret.misplaced` */
export function checkDownload(label: string, { url, sha256 }: Download): Download {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['http:', 'https:', 'file:'].includes(parsed.protocol)) {
    throw new Failure('resource.invalid', `${label}: "url" must be an http, https or file URL, found ${JSON.stringify(withoutPasswords(url))}`)
  }
  if (parsed.username + parsed.password !== '') throw new Failure('secret.misplaced', `${label}: "url" holds ${parsed.password === '' ? 'a user, which may be a token' : 'a password'}`, { hint: 'A URL is shown in plans and reports: serve the file without one.' })
  if (!/^[0-9a-f]{64}$/i.test(sha256)) throw new Failure('resource.invalid', `${label}: "sha256" must be 64 hex digits, found ${JSON.stringify(sha256)}`, { hint: 'sha256sum prints it.' })
  return { url, sha256: sha256.toLowerCase() }
}

async function* body(url: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* url.startsWith('file:') ? fileBody(url, signal) : httpBody(url, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Failure) throw error
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const why = `downloading ${shown(url)} failed: ${messageOf(cause) || errnoOf(cause) || messageOf(error)}`
    if (/CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(errnoOf(cause) ?? '')) {
      throw new Failure('download.denied', why, { cause: error, hint: 'The server’s certificate is not trusted by this machine (NODE_EXTRA_CA_CERTS adds authorities).' })
    }
    throw new Failure('network.failed', why, { cause: error })
  }
}

async function* httpBody(url: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  // The checksum is of the file as it lies there: a server that calls it compressed must not have it unpacked on the way.
  const response = await fetch(url, { signal, headers: { 'accept-encoding': 'identity' } })
  if (response.ok && response.body) return yield* response.body
  await response.body?.cancel()
  const why = `${shown(url)} answered ${response.status} ${response.statusText}`.trimEnd()
  if (response.status === 401 || response.status === 403) throw new Failure('download.denied', why, { hint: 'The server wants a login, or a newer signed URL.' })
  if (response.status >= 500 || response.status === 408 || response.status === 429) throw new Failure('network.failed', why)
  throw new Failure('download.missing', why, { hint: 'Check the URL.' })
}

async function* fileBody(url: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    const path = fileURLToPath(url)
    const found = statSync(path)
    // A FIFO would be waited for, also by the process's end.
    if (!found.isFile() && !found.isDirectory()) throw new Failure('download.denied', `${url} can't be read: it is no regular file`)
    yield* createReadStream(path, { signal }) as AsyncIterable<Uint8Array>
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Failure) throw error
    const code = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'EISDIR' ? 'download.missing' : 'download.denied'
    throw new Failure(code, `${url} can't be read: ${messageOf(error)}`, { cause: error })
  }
}

function writeChunk(descriptor: number, chunk: Uint8Array, file: string): void {
  try {
    writeFileSync(descriptor, chunk)
  } catch (error) {
    const code = errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT' ? 'disk.full' : 'file.denied'
    throw new Failure(code, `writing ${file} failed: ${messageOf(error)}`, { cause: error })
  }
}

/** A signed URL's query is its password. */
function shown(url: string): string {
  return url.replace(/[?#].*$/s, '')
}
