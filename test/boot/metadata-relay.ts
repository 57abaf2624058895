import { connect, createServer } from 'node:net'

/** Passes what comes to EC2's metadata address on to HOST PORT: to be started in a namespace that has that address on its loopback. Says `ready`. */

const [host, port] = process.argv.slice(2) as [string, string]
createServer(client => {
  const target = connect(Number(port), host)
  client.pipe(target).pipe(client)
  for (const [one, other] of [[client, target], [target, client]] as const) one.on('error', () => other.destroy()).on('close', () => other.destroy())
}).listen(80, '169.254.169.254', () => process.stdout.write('ready\n'))
