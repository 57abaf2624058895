import { once } from 'node:events'
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Event } from '../../src/core/events.ts'
import { awsFleet, type Fleet, type FleetInstance } from '../support/aws-fleet.ts'
import type { Ec2Address } from '../support/ec2-server.ts'
import type { Given } from './alone.ts'
import { FILES, gitServer, type GitServer } from './infrastructure.ts'
import { makeMachine, type Machine } from './machine.ts'
import { HERE, makePlace, metadataAt, offer } from './network.ts'

export const given = JSON.parse(process.env.SUNUP_BOOT ?? '{}') as Given

/** An account, a git server, and instances of the baked image that boot in it. */
export interface World {
  readonly fleet: Fleet
  readonly git: GitServer
  /** An instance in the group's Pending:Wait, whose machine is off. Its health check is asked from now on.
   *  @param number of its address, from 10
   *  @param isStock from the stock image, with the user data that fetches the archive */
  launch(number: number, isStock?: boolean): Promise<Instance>
}

export interface Instance {
  readonly id: string
  readonly machine: Machine
  readonly answers: readonly Answer[]
  /** Of its runs, the first one first. */
  runs(): readonly (readonly Event[])[]
  /** Waits until as many boots have come to their end.
   *  @returns the events of the last that did */
  ended(boots: number): Promise<readonly Event[]>
  /** What the health check says now. */
  ask(path?: string): Promise<number>
  groupState(): string | undefined
}

/** What the health check was answered: a status, or 0 for no answer. */
export interface Answer {
  readonly at: number
  readonly status: number
}

const BOOT_MS = 180_000
const POLL_MS = 10
const userDataOf = (name: string): string => readFileSync(resolve(import.meta.dirname, '../../cloud-init', name), 'utf8')

export async function world(t: Test, instances = 1): Promise<World> {
  const addresses: Ec2Address[] = Array.from({ length: instances }, (_, index) => ({ allocationId: `eipalloc-${index + 1}`, publicIp: `203.0.113.${20 + index}`, tags: { pool: 'web' } }))
  const fleet = await awsFleet(t, { role: '{}', addresses })
  const directory = mkdtempSync(join(given.work, 'world-'))
  const git = await gitServer(join(directory, 'git'))
  t.teardown(git.stop)
  git.commit('infra', FILES)
  git.commit('app', { 'public/index.html': 'hello\n' })

  const environment: string[] = []
  for (const [name, endpoint] of [['EC2', fleet.ec2.endpoint], ['AUTO_SCALING', fleet.scaling.endpoint], ['SSM', fleet.ssm.endpoint], ['DYNAMODB', process.env.AWS_ENDPOINT_URL_DYNAMODB as string]] as const) {
    const { port, stop } = await offer(endpoint)
    t.teardown(stop)
    environment.push(`AWS_ENDPOINT_URL_${name}=http://${HERE}:${port}`)
  }
  const { port, stop } = await offer(await archiveServer(t))
  t.teardown(stop)
  const userData = (name: string): string =>
    userDataOf(name)
      .replace(/repository: .*/, `repository: git://${HERE}/infra`)
      .replace('write_files:\n', `write_files:\n  - path: /etc/sunup/environment\n    content: |\n${environment.map(line => `      ${line}\n`).join('')}`)
      .replace(/https:\S+tar\.gz/, `http://${HERE}:${port}/sunup.tar.gz`)
      .replace(/[0-9a-f]{64}/, given.sha256)

  return {
    fleet,
    git,
    async launch(number, isStock = false) {
      const id = `i-${String(number).padStart(17, '0')}`
      const place = makePlace(number)
      t.teardown(place.remove)
      const inFleet = await fleet.launch(id, { documents: { 'user-data': userData(isStock ? 'stock.yaml' : 'baked.yaml'), 'meta-data/local-ipv4': place.address } })
      t.teardown(await metadataAt(place, inFleet.imds.endpoint, join(directory, `metadata-${number}`)))
      const machine = makeMachine(isStock ? [given.stock] : given.layers, join(directory, id), place)
      t.teardown(async () => {
        if (machine.isOn) await machine.powerCut()
        machine.unmount()
      })
      const answers: Answer[] = []
      t.teardown(polling(place.address, answers))
      return instance(id, inFleet, machine, place.address, answers)
    },
  }
}

/** Where users download from. */
async function archiveServer(t: Test): Promise<string> {
  const server = createServer((_, response) => void createReadStream(given.archive).pipe(response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function instance(id: string, inFleet: FleetInstance, machine: Machine, address: string, answers: readonly Answer[]): Instance {
  const runs = (): (readonly Event[])[] => {
    const directory = join(machine.root, 'var/lib/sunup', id, 'runs')
    if (!existsSync(directory)) return []
    return readdirSync(directory).sort().map(run => eventsOf(join(directory, run, 'events.ndjson')))
  }
  return {
    id,
    machine,
    answers,
    runs,
    async ended(boots) {
      const limit = performance.now() + BOOT_MS
      while (performance.now() < limit) {
        const finished = runs().filter(events => events.some(({ type }) => type === 'run.finished'))
        if (finished.length >= boots) return finished.at(-1) as readonly Event[]
        await sleep(50)
      }
      throw new Error(`${id} did not end boot ${boots} in time:\n${machine.console().slice(-8_000)}`)
    },
    ask: (path = '/ping.html') => asked(address, path),
    groupState: () => inFleet.groupState(),
  }
}

/** A torn last line is no event yet. */
function eventsOf(file: string): readonly Event[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as Event)
}

function asked(host: string, path: string): Promise<number> {
  return new Promise(resolve => {
    const request = get({ host, path, agent: false, timeout: 500 }, response => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0)).once('error', () => resolve(0))
    })
    // One that is given up may fail a second time.
    request.on('error', () => resolve(0)).once('timeout', () => request.destroy())
  })
}

/** Asks as a load balancer would, but far more often.
 *  @returns ends it */
function polling(address: string, answers: Answer[]): () => void {
  const now = { isOver: false }
  void (async () => {
    while (!now.isOver) {
      const status = await asked(address, '/ping.html')
      answers.push({ at: Date.now(), status })
      await sleep(POLL_MS)
    }
  })()
  return () => void (now.isOver = true)
}

/** Waits for what happens outside of this process, or as its answer. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, ms = BOOT_MS): Promise<void> {
  const limit = performance.now() + ms
  while (!(await isSo())) {
    if (performance.now() > limit) throw new Error(`not in time: ${what}`)
    await sleep(3)
  }
}

/** What was answered to the group, in order. */
export function answered({ calls }: Fleet): readonly unknown[] {
  return calls.filter(({ api }) => api === 'autoscaling:CompleteLifecycleAction').map(({ params }) => params.LifecycleActionResult)
}
