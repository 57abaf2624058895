import { connect, createServer, type NetConnectOpts, type Server } from 'node:net'

/** A server, not listening yet, that passes every connection on to another. */
export function passing(to: NetConnectOpts): Server {
  return createServer(client => {
    const target = connect(to)
    client.pipe(target).pipe(client)
    for (const [one, other] of [[client, target], [target, client]] as const) one.on('error', () => other.destroy()).on('close', () => other.destroy())
  })
}
