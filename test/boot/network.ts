import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { passing } from './passing.ts'

/** A network of this process alone (it runs in a namespace of its own): a bridge, and on it a namespace for each machine. Nothing leads out of it. */

export const HERE = '10.213.0.1'
const BRIDGE = 'machines'
const METADATA = '169.254.169.254'

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
  /** Where its metadata service is: beyond its card, as EC2's is, so that port 80 is the machine's own. */
  readonly metadata: string
  remove(): void
}

/** A namespace with a card on the bridge, and a way to a metadata service of its own.
 *  @param number 2 to 254: the last part of its address */
export function makePlace(number: number): Place {
  const namespace = `machine${number}`
  const address = `10.213.0.${number}`
  ip('netns', 'add', namespace)
  ip('link', 'add', `card${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  ip('link', 'set', `card${number}`, 'master', BRIDGE, 'up')
  ip('-n', namespace, 'link', 'set', 'lo', 'up')
  ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
  ip('-n', namespace, 'link', 'set', 'eth0', 'up')
  const metadata = `metadata${number}`
  ip('netns', 'add', metadata)
  ip('-n', metadata, 'link', 'set', 'lo', 'up')
  ip('-n', metadata, 'address', 'add', `${METADATA}/32`, 'dev', 'lo')
  ip('-n', namespace, 'link', 'add', 'nitro', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', metadata)
  for (const [one, card, last] of [[metadata, 'eth0', 1], [namespace, 'nitro', 2]] as const) {
    ip('-n', one, 'address', 'add', `169.254.170.${last}/30`, 'dev', card)
    ip('-n', one, 'link', 'set', card, 'up')
  }
  ip('-n', namespace, 'route', 'add', METADATA, 'via', '169.254.170.1')
  // As an instance with a way out: what leads nowhere is refused by whoever is there.
  ip('-n', namespace, 'route', 'add', 'default', 'via', HERE)
  return {
    address,
    namespace,
    metadata,
    remove() {
      // With the namespace it would go, too, but some time later.
      ip('link', 'delete', `card${number}`)
      for (const one of [metadata, namespace]) ip('netns', 'delete', one)
    },
  }
}

export interface Offered {
  readonly port: number
  stop(): void
}

/** Makes a server on this process's loopback reachable from the machines. */
export async function offer(endpoint: string): Promise<Offered> {
  const server = passing({ port: Number(new URL(endpoint).port), host: '127.0.0.1' })
  server.listen(0, HERE)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() }
}

/** At EC2's own address, for this machine alone: the metadata service that listens on this process's loopback. It gets there by a socket file, for
 *  which no network is needed.
 *  @param socket the file, which is not there yet
 *  @returns ends it */
export async function metadataAt({ metadata }: Place, endpoint: string, socket: string): Promise<() => void> {
  const server = passing({ port: Number(new URL(endpoint).port), host: '127.0.0.1' })
  server.listen(socket)
  await once(server, 'listening')
  const argv = ['ip', 'netns', 'exec', metadata, process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'metadata-relay.ts'), METADATA, socket]
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'close')])) as [unknown]
  if (String(said) !== 'ready\n') throw new Error(`the metadata service's relay ended with ${String(said)}`)
  return () => {
    child.kill('SIGKILL')
    server.close()
  }
}
