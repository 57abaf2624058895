import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A network of this process alone (it runs in a namespace of its own): a bridge, and on it a namespace for each machine. Nothing leads out of it. */

export const HERE = '10.213.0.1'
const BRIDGE = 'machines'

const ip = (...args: string[]): void => void execFileSync('ip', args)

export function makeBridge(): void {
  ip('link', 'set', 'lo', 'up')
  ip('link', 'add', BRIDGE, 'type', 'bridge')
  ip('address', 'add', `${HERE}/24`, 'dev', BRIDGE)
  ip('link', 'set', BRIDGE, 'up')
}

export interface Place {
  readonly address: string
  /** For nspawn and ip. */
  readonly namespace: string
  remove(): void
}

/** A namespace with one card on the bridge, and the metadata service's address on its loopback.
 *  @param number 2 to 254: the last part of its address */
export function makePlace(number: number): Place {
  const namespace = `machine${number}`
  const address = `10.213.0.${number}`
  ip('netns', 'add', namespace)
  ip('link', 'add', `card${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  ip('link', 'set', `card${number}`, 'master', BRIDGE, 'up')
  ip('-n', namespace, 'link', 'set', 'lo', 'up')
  ip('-n', namespace, 'address', 'add', '169.254.169.254/32', 'dev', 'lo')
  ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
  ip('-n', namespace, 'link', 'set', 'eth0', 'up')
  // As an instance with a way out: what leads nowhere is refused by whoever is there.
  ip('-n', namespace, 'route', 'add', 'default', 'via', HERE)
  return { address, namespace, remove: () => ip('netns', 'delete', namespace) }
}

export interface Forwarding {
  readonly port: number
  stop(): void
}

/** Makes a server on this process's loopback reachable from the machines. */
export async function offer(endpoint: string): Promise<Forwarding> {
  const port = Number(new URL(endpoint).port)
  const server = createServer(client => {
    const target = connect(port, '127.0.0.1')
    client.pipe(target).pipe(client)
    for (const [one, other] of [[client, target], [target, client]] as const) one.on('error', () => other.destroy()).on('close', () => other.destroy())
  })
  server.listen(0, HERE)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() }
}

/** In a machine's namespace: a metadata service at EC2's own address, which is the one that is offered at a port here. */
export async function metadataAt(place: Place, port: number): Promise<() => void> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'ip', 'netns', 'exec', place.namespace, process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'metadata-relay.ts'), HERE, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return () => void child.kill('SIGKILL')
}
