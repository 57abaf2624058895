import { buffer } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import type { EC2Client } from '@aws-sdk/client-ec2'
import { isRecord } from '../../core/plain.ts'

/** A client of the SDK whose service speaks XML. */
interface XmlClient {
  readonly middlewareStack: Pick<EC2Client['middlewareStack'], 'add'>
}

/** Makes a client refuse what is no answer of its service. The SDK reads a proxy's page as an answer in which all that could be told is missing: an
 *  instance that nobody knows, a hook that is completed. An answer's root element is named after its action, and is there when all else is empty.
 *  A call then fails with a SyntaxError, as one of the JSON services does by itself. */
export function refuseForeignAnswers(client: XmlClient): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async args => {
        const result = await next(args)
        const { response } = result
        if (!isAnswer(response) || response.statusCode >= 300) return result
        const body = await buffer(response.body as Readable)
        response.body = body
        if (body.includes(`<${commandName.replace(/Command$/, '')}Response`)) return result
        throw Object.assign(new SyntaxError('the answer is of another kind'), { $metadata: { httpStatusCode: response.statusCode } })
      },
    { name: 'refuseForeignAnswers', step: 'deserialize', priority: 'low' },
  )
}

interface Answer {
  readonly statusCode: number
  body: Readable | Uint8Array
}

function isAnswer(response: unknown): response is Answer {
  return isRecord(response) && typeof response.statusCode === 'number' && isRecord(response.body) && Symbol.asyncIterator in response.body
}
