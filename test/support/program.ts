import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Event } from '../../src/core/events.ts'

/** What `sunup` is in a checkout. */
export const PROGRAM = fileURLToPath(new URL('../../bin/sunup.js', import.meta.url))

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Before bin/sunup.js on the command line. */
  readonly nodeArgs?: readonly string[]
  /** What starts it. Default: the Node that runs the test. */
  readonly node?: string
  /** Another checkout's. */
  readonly program?: string
}

/** How it ended, and what it said. */
export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output as --format json has it. @throws when a line is no JSON */
  events(): readonly Event[]
}

export interface Started {
  readonly process: ChildProcess
  readonly end: Promise<Ran>
}

/** Starts `sunup` as a process of its own, in surroundings in which nothing of this user's clouds and git can be found. */
export function start(args: readonly string[], { cwd, env = {}, nodeArgs = [], node = process.execPath, program = PROGRAM }: RunOptions = {}): Started {
  // By env: a test runner that follows child processes would add to their environment, and to the time each takes to start.
  const surroundings = Object.entries({ ...SURROUNDINGS, PATH: process.env.PATH, ...env }).map(([name, value]) => `${name}=${value}`)
  const child = spawn('/usr/bin/env', ['-i', ...surroundings, node, ...nodeArgs, program, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.stderr += text))
  return {
    process: child,
    end: new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve({ code, signal, ...said, events: () => eventsOf(said.stdout) }))
    }),
  }
}

function eventsOf(text: string): readonly Event[] {
  return text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Event)
}

/** Loopback's port 9 answers nobody. */
const SURROUNDINGS = {
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_ACCESS_KEY_ID: 'nobody',
  AWS_SECRET_ACCESS_KEY: 'nobody',
  AWS_REGION: 'eu-west-1',
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
} as const

/** Does the work for each, a few at a time: as many as this machine has hands. */
export async function abreast<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>, hands = 3): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  let next = 0
  const hand = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as Item)
  }
  await Promise.all(Array.from({ length: hands }, hand))
  return results
}
