import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { leaderOf } from '../system/machine.ts'
import type { Place } from './network.ts'

/** A machine with a disk of its own over an image: it can be switched off, lose its power, and start again from what it had written. */
export interface Machine {
  /** Where its disk can be looked at from here. */
  readonly root: string
  /** What it wrote, and nothing of the image. */
  readonly written: string
  /** Starts it; it is not waited for. */
  powerOn(): Promise<void>
  /** In order: what runs is stopped by systemd. */
  shutDown(): Promise<void>
  /** As if the plug was pulled. */
  powerCut(): Promise<void>
  readonly isOn: boolean
  /** Takes its disk out: what it wrote may be a layer of another's. */
  unmount(): void
  /** All that came on its console, since it was made. */
  console(): string
  /** Runs a command in it as root. */
  run(...argv: string[]): Promise<Ran>
}

export interface Ran {
  readonly code: number | null
  readonly output: string
}

const SHUTDOWN_MS = 60_000
const ENVIRONMENT = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8']

/** @param layers of its image, the uppermost first
 *  @param directory a new one for its disk, on a disk that holds what was written */
export function makeMachine(layers: readonly string[], directory: string, { namespace }: Place): Machine {
  const root = join(directory, 'root')
  const written = join(directory, 'written')
  for (const part of ['root', 'written', 'work']) mkdirSync(join(directory, part), { recursive: true })
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${layers.join(':')},upperdir=${written},workdir=${join(directory, 'work')}`, root])
  const log = join(directory, 'console')
  const now: { nspawn?: ChildProcess; leader?: number } = {}

  async function gone(): Promise<void> {
    const { nspawn } = now
    if (nspawn !== undefined && nspawn.exitCode === null && nspawn.signalCode === null) await once(nspawn, 'close')
    delete now.nspawn
    delete now.leader
  }

  return {
    root,
    written,
    get isOn() {
      return now.nspawn !== undefined && now.nspawn.exitCode === null && now.nspawn.signalCode === null
    },
    async powerOn() {
      const output = openSync(log, 'a')
      const argv = ['--quiet', `--directory=${root}`, '--boot', `--machine=${namespace}`, `--network-namespace-path=/run/netns/${namespace}`, '--register=no', '--keep-unit']
      now.nspawn = spawn('setpriv', ['--pdeathsig', 'KILL', 'systemd-nspawn', ...argv, '--kill-signal=SIGRTMIN+3', '--console=read-only', '--link-journal=no', '--resolv-conf=off', '--timezone=off'], {
        stdio: ['ignore', output, output],
      })
      closeSync(output)
      now.leader = await leaderOf(now.nspawn)
    },
    async shutDown() {
      now.nspawn?.kill('SIGTERM')
      const force = setTimeout(() => now.nspawn?.kill('SIGKILL'), SHUTDOWN_MS)
      await gone()
      clearTimeout(force)
    },
    async powerCut() {
      // With its process 1 the kernel ends all the others.
      if (now.leader !== undefined) process.kill(now.leader, 'SIGKILL')
      now.nspawn?.kill('SIGKILL')
      await gone()
    },
    unmount: () => void execFileSync('umount', [root]),
    console: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    async run(...argv) {
      const { leader } = now
      if (leader === undefined) throw new Error(`the machine is off: ${argv.join(' ')}`)
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'nsenter', '--target', String(leader), '--all', 'env', '-i', ...ENVIRONMENT, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => void (output += text))
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, output }
    },
  }
}
