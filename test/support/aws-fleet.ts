import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { awsCloud } from '../../src/clouds/aws/cloud.ts'
import { awsRegistry } from '../../src/clouds/aws/registry.ts'
import { awsRevisions } from '../../src/clouds/aws/revisions.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Cloud, Registry, Row } from '../../src/core/cloud.ts'
import type { Event } from '../../src/core/events.ts'
import type { Report } from '../../src/core/report.ts'
import { boot } from '../../src/life/boot.ts'
import type { World } from '../../src/cli/compose.ts'
import { partsOf } from '../../src/cli/place.ts'
import { systemClock } from '../../src/machine/clock.ts'
import type { RanHere } from './boot-here.ts'
import { dynamoDb, LEASE_MS, makeTable, tableAt, wire, type Wire } from './dynamodb.ts'
import { ec2Server, type Ec2Address, type Ec2Server } from './ec2-server.ts'
import { hooksServer, type HooksServer, type HooksServerOptions } from './hooks-server.ts'
import { imdsServer, instanceDocuments, roleCredentials, type ImdsServer } from './imds-server.ts'
import { start, type Ran, type RunOptions, type Started } from './program.ts'
import type { Fault } from './query-api.ts'
import { ssmServer, type Parameter, type SsmServer } from './ssm-server.ts'

/** One request to an API of the account, e.g. `ec2:AssociateAddress`, with what it was asked with. */
export interface Call {
  readonly api: string
  readonly params: Readonly<Record<string, unknown>>
}

/** An account on loopback: EC2, Auto Scaling with one group, DynamoDB, SSM, and the instances that live there. */
export interface Fleet {
  readonly ec2: Ec2Server
  readonly scaling: HooksServer
  readonly ssm: SsmServer
  /** All that was asked, in order. */
  readonly calls: Call[]
  /** What befalls a request. DynamoDB knows of `cut`, `throttle` and errors. */
  fault: ((call: Call) => Exclude<Fault, 'closed'> | undefined) | undefined
  /** Takes the place of the account's DynamoDB for the instances that are made, or boot here, from now on. */
  dynamoDbAt(endpoint: string): void
  readonly infra: string
  /** Writes files of the provisioning repository. */
  write(files: Readonly<Record<string, string>>): void
  /** The registry, strongly read, by nobody of the fleet. */
  rows(): Promise<readonly Row[]>
  readonly registry: Registry
  readonly revisions: Cloud['revisions']
  /** Launches one into the group: its launch hook waits, where there is one. */
  launch(id: string, options?: InstanceOptions): Promise<FleetInstance>
  /** `sunup` on a machine that is none of the fleet's, with keys and region in the environment and no metadata service. */
  sunup(...args: string[]): Promise<Ran>
}

export interface FleetOptions {
  /** Text of roles/web.yaml. */
  readonly role: string
  /** More of the provisioning repository, by path. */
  readonly files?: Readonly<Record<string, string>>
  /** Text of sunup.yaml after `cloud: aws`, without `source`, unless it has its own. */
  readonly config?: string
  readonly addresses?: readonly Ec2Address[]
  readonly hooks?: HooksServerOptions['hooks']
  readonly parameters?: Readonly<Record<string, Parameter>>
  /** Default: the registry's table is there. */
  readonly table?: boolean
}

export interface InstanceOptions {
  /** Documents of its metadata service beside the usual. */
  readonly documents?: Readonly<Record<string, string | undefined>>
  /** Into the warm pool. */
  readonly warm?: 'Stopped'
  /** In no group. */
  readonly alone?: boolean
  /** Default true; else state, run and resources lie on the host, below `dir`. */
  readonly staged?: boolean
}

export interface FleetInstance {
  readonly id: string
  readonly dir: string
  readonly imds: ImdsServer
  /** On the host. */
  readonly root: string
  readonly health: string
  readonly state: string
  boot(...args: string[]): Promise<Ran>
  started(options: RunOptions, ...args: string[]): Started
  /** A boot in the process of the test, where waiting takes as long as its clock says. */
  bootHere(conditions?: Conditions): Promise<RanHere>
  isOpen(): boolean
  /** Of the last run. */
  report(): Report
  /** The state in its group. */
  groupState(): string | undefined
}

export interface Conditions {
  readonly clock?: Clock
  readonly attended?: boolean
  readonly signal?: AbortSignal
  readonly warn?: (text: string) => void
  /** Told as they happen. */
  readonly sink?: (event: Event) => void
}

const home = new URL('../../', import.meta.url)
const EIP = ['203.0.113.20', '203.0.113.21']

/** Two addresses: one that instances' tags name, one that nobody does. */
export const ADDRESSES: readonly Ec2Address[] = EIP.map((publicIp, index) => ({ allocationId: `eipalloc-${index + 1}`, publicIp, tags: { pool: 'web' } }))

/** The role of most tests: a file, an address and a row. */
export const SMALL = `recipes:
  - files: [{ path: /etc/motd, content: "hello\\n" }]
  - eip: { tries: 2, every: 50ms }
  - registry: { meta: { port: 8080 } }
`

export async function awsFleet(t: Test, options: FleetOptions): Promise<Fleet> {
  const { role, files = {}, config = '', addresses = ADDRESSES, hooks = { 'sunup-launch': {} }, parameters = {}, table = true } = options
  const dir = t.testdir({ infra: {}, home: {} })
  const infra = join(dir, 'infra')
  const calls: Call[] = []
  const faults: { now: Fleet['fault'] } = { now: undefined }
  const noted = (api: string, params: Call['params']): Exclude<Fault, 'closed'> | undefined => {
    const call = { api, params }
    calls.push(call)
    return faults.now?.(call)
  }

  const ec2 = await ec2Server(t, { addresses })
  const scaling = await hooksServer(t, { hooks })
  const ssm = await ssmServer(t, parameters)
  const database = await dynamoDb(t)
  const direct = tableAt(t, database)
  if (table) await makeTable(direct, AbortSignal.timeout(10_000))
  ec2.fault = ({ action, params }) => noted(`ec2:${action}`, params)
  scaling.fault = ({ action, params }) => noted(`autoscaling:${action}`, params)
  // What Auto Scaling does in its own time.
  scaling.after = () => {
    for (const id of scaling.group.ids) if (/Pending:Proceed$/.test(scaling.group.state(id) ?? '')) scaling.group.arrive(id)
  }
  const front = await wire(t, database)
  noteTable(front, noted)
  ssm.trouble = () => {
    const fault = noted('ssm:GetParameter', { Name: ssm.asked.at(-1) })
    if (fault === 'cut') return fault
    if (fault === 'throttle') return { status: 400, type: 'ThrottlingException', message: 'Rate exceeded' }
    return typeof fault === 'object' && 'code' in fault ? { status: fault.status ?? 400, type: fault.code, message: fault.message } : undefined
  }

  const endpoints: Record<string, string> = {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ENDPOINT_URL_EC2: ec2.endpoint,
    AWS_ENDPOINT_URL_AUTO_SCALING: scaling.endpoint,
    AWS_ENDPOINT_URL_SSM: ssm.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: front.endpoint,
    AWS_CONFIG_FILE: '/nonexistent/config',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  }
  // The SDK finds its endpoints by the environment, as it does for users.
  inEnvironment(t, endpoints)

  const write: Fleet['write'] = changes => {
    for (const [name, text] of Object.entries(changes)) {
      mkdirSync(dirname(join(infra, name)), { recursive: true })
      writeFileSync(join(infra, name), text)
    }
  }
  write({ 'roles/web.yaml': role, ...files })

  const registry = awsRegistry({ items: direct, leaseMs: LEASE_MS, clock: systemClock })
  const configured = (own: string): string => `cloud: aws\n${/^source:/m.test(config) ? '' : `source: { directory: ${infra} }\n`}${own}${config}`

  return {
    ec2,
    scaling,
    ssm,
    calls,
    infra,
    registry,
    revisions: awsRevisions(direct),
    write,
    get fault() {
      return faults.now
    },
    set fault(given) {
      faults.now = given
    },
    dynamoDbAt(endpoint) {
      endpoints.AWS_ENDPOINT_URL_DYNAMODB = endpoint
      process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint
    },
    async rows() {
      const rows: Row[] = []
      for await (const row of registry.list(undefined, AbortSignal.timeout(10_000))) rows.push(row)
      return rows.sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1))
    },

    async launch(id, { documents = {}, warm, alone = false, staged = true } = {}) {
      const imds = await metadataOf(t, id, ec2, { ...(warm && { 'meta-data/autoscaling/target-lifecycle-state': `Warmed:${warm}` }), ...documents })
      const own = join(dir, id)
      const root = join(own, 'root')
      mkdirSync(root, { recursive: true })
      writeFileSync(join(own, 'sunup.yaml'), configured(staged ? '' : `state: ${root}/var/lib/sunup\nrun: ${root}/run/sunup\n`))
      ec2.instances.set(id, { id })
      if (!alone) {
        scaling.group.launch(id, warm)
        scaling.group.arrive(id)
      }
      const env = (): Record<string, string> => ({ ...endpoints, ...OF_THE_ROLE, AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint, HOME: join(dir, 'home') })
      const given = (args: readonly string[]): string[] => [...args, '--config', join(own, 'sunup.yaml'), ...(staged ? ['--root', root] : [])]
      const started: FleetInstance['started'] = (more, ...args) => start(given(args), { cwd: own, ...more, env: { ...env(), ...more.env } })
      const made: FleetInstance = {
        id,
        dir: own,
        imds,
        root,
        health: join(root, 'run/sunup/health/ping.html'),
        state: join(root, 'var/lib/sunup', id),
        started,
        boot: (...args) => started({}, 'boot', ...args).end,
        bootHere: conditions => bootHere({ env: env(), cwd: own, root: staged ? root : undefined }, conditions),
        isOpen: () => existsSync(made.health),
        report() {
          const last = readdirSync(join(made.state, 'runs')).sort().at(-1) as string
          return JSON.parse(readFileSync(join(made.state, 'runs', last, 'report.json'), 'utf8')) as Report
        },
        groupState: () => scaling.group.state(id),
      }
      return made
    },

    sunup: (...args) => start(args, { cwd: dir, env: { ...endpoints, HOME: join(dir, 'home') } }).end,
  }
}

/** No keys and no region in the environment: an instance has both of its metadata service. */
const OF_THE_ROLE = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_REGION: '' }

/** What its metadata service tells: a public address of its own at first, and the one that EC2 has given it since. */
async function metadataOf(t: Test, id: string, ec2: Ec2Server, documents: NonNullable<InstanceOptions['documents']>): Promise<ImdsServer> {
  const identity = JSON.parse(instanceDocuments()['dynamic/instance-identity/document'] as string) as object
  const imds = await imdsServer(t, {
    documents: instanceDocuments({
      'dynamic/instance-identity/document': JSON.stringify({ ...identity, instanceId: id }),
      'meta-data/instance-id': id,
      'meta-data/iam/security-credentials/web': roleCredentials({ expiration: new Date(Date.now() + 6 * 3_600_000).toISOString() }),
      ...documents,
    }),
  })
  const usual = imds.documents.get.bind(imds.documents)
  imds.documents.get = path => {
    const held = /^meta-data\/public-(ipv4|hostname)$/.test(path) ? ec2.heldBy(id) : undefined
    if (held === undefined) return usual(path)
    return path.endsWith('ipv4') ? held : `ec2-${held.replaceAll('.', '-')}.eu-west-1.compute.amazonaws.com`
  }
  return imds
}

/** Notes what DynamoDB is asked. Of a table's time to live, which dynalite has none of, it answers itself. */
function noteTable(front: Wire, noted: (api: string, params: Call['params']) => Exclude<Fault, 'closed'> | undefined): void {
  let attribute: unknown
  front.fault((operation, body) => {
    const fault = noted(`dynamodb:${operation}`, body)
    if (fault === 'cut') return 'cut'
    if (fault === 'throttle') return { status: 400, body: { __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message: 'The level of configured provisioned throughput was exceeded.' } }
    if (typeof fault === 'object' && 'code' in fault) return { status: fault.status ?? 400, body: { __type: `com.amazonaws.dynamodb.v20120810#${fault.code}`, message: fault.message } }
    if (operation === 'UpdateTimeToLive') {
      attribute = (body.TimeToLiveSpecification as { readonly AttributeName?: unknown }).AttributeName
      return { status: 200, body: { TimeToLiveSpecification: body.TimeToLiveSpecification } }
    }
    if (operation === 'DescribeTimeToLive') return { status: 200, body: { TimeToLiveDescription: attribute === undefined ? { TimeToLiveStatus: 'DISABLED' } : { TimeToLiveStatus: 'ENABLED', AttributeName: attribute } } }
    return 'none'
  })
}

async function bootHere({ env, cwd, root }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string; readonly root: string | undefined }, conditions: Conditions = {}): Promise<RanHere> {
  const { clock = systemClock, attended = false, signal = new AbortController().signal, warn = () => {}, sink = () => {} } = conditions
  const events: Event[] = []
  const world = { env, cwd: () => cwd, attended, signal, writeError: warn, program: home.pathname, indexUrl: new URL('src/index.ts', home).href } as unknown as World
  const parts = partsOf({ arguments: [], config: join(cwd, 'sunup.yaml'), ...(root !== undefined && { root }) }, world)
  const note = (event: Event): void => {
    events.push(event)
    sink(event)
  }
  const ended = await boot(
    { command: 'boot', version: '0', clock, sinks: [note], signal },
    { ...parts, warn, cloud: async ({ registry: { table, leaseMs } }, user) => awsCloud({ clock, env, table, leaseMs, user }) },
  )
  return { ...ended, events }
}

/** Sets them for the time of the test. */
function inEnvironment(t: Test, values: Readonly<Record<string, string>>): void {
  const before = Object.keys(values).map(name => [name, process.env[name]] as const)
  Object.assign(process.env, values)
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
}
