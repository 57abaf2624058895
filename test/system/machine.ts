import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, fstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A machine that was booted for a test, and is thrown away after it. */
export interface LabMachine {
  /** Runs a command in it, as root, in the checkout (/sunup). */
  run(argv: readonly string[], onOutput: (text: string) => void): Promise<number>
  /** Shuts it down, and comes back when nothing of it is left. */
  close(): Promise<void>
}

const ENVIRONMENT = ['--chdir=/sunup', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'TAP=1', 'TAP_TIMEOUT=300']

const BOOT_MS = 60_000
const SHUTDOWN_MS = 30_000

/** All its mounts are made in a mount namespace of its own, over the image and the checkout, and its writes go to memory: when the last
 *  process of it is gone, so is everything. systemd is process 1, and the network is a loopback of its own, unless nspawn's options say otherwise.
 *  nspawn wants a /run/systemd to itself where the host does not run systemd. */
const SETUP = `
set -e
mount -t tmpfs tmpfs /run/systemd
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir /mnt/u1 /mnt/w1 /mnt/machine /mnt/u2 /mnt/w2 /mnt/checkout
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/u1,workdir=/mnt/w1" /mnt/machine
mount -t overlay overlay -o "lowerdir=$2,upperdir=/mnt/u2,workdir=/mnt/w2" /mnt/checkout
shift 2
exec systemd-nspawn --quiet --directory=/mnt/machine --bind=/mnt/checkout:/sunup --boot --machine=sunup-lab-$$ \\
  --register=no --keep-unit --kill-signal=SIGRTMIN+3 --console=pipe --link-journal=no "$@"
`

/** Boots the image with the checkout at /sunup. It ends with this process, however that ends.
 *  @param options of nspawn; default: a network of its own, with nothing in it */
export async function boot(image: string, checkout: string, options: readonly string[] = ['--private-network']): Promise<LabMachine> {
  mkdirSync('/run/systemd', { recursive: true })
  const log = openLog()
  const nspawn = spawn('setpriv', ['--pdeathsig', 'TERM', 'unshare', '--mount', 'sh', '-c', SETUP, 'sh', image, checkout, ...options], { stdio: ['ignore', log, log] })
  const inside = new Set<ChildProcess>()
  const close = async (): Promise<void> => {
    // nsenter stops itself when what it started is stopped, as a shutdown does to all, and would then never let go of it.
    for (const child of inside) child.kill('SIGKILL')
    await shutDown(nspawn)
  }
  try {
    const leader = await leaderOf(nspawn)
    const enter = (argv: readonly string[]): ChildProcess => {
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'nsenter', '--target', String(leader), '--all', 'env', '-i', ...ENVIRONMENT, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
      inside.add(child)
      child.once('close', () => inside.delete(child))
      return child
    }
    await untilUp(enter, nspawn)
    return {
      async run(argv, onOutput) {
        const child = enter(argv)
        for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', onOutput)
        const [code] = (await once(child, 'close')) as [number | null]
        return code ?? 1
      },
      close,
    }
  } catch (error) {
    await close()
    throw new Error(`the machine did not boot: ${error instanceof Error ? error.message : String(error)}\n${readLog(log)}`, { cause: error })
  } finally {
    closeSync(log)
  }
}

/** A file without a name. A pipe would end nspawn with a SIGPIPE when this process is killed, before it has taken its machine down. */
function openLog(): number {
  const directory = mkdtempSync(join(tmpdir(), 'sunup-lab-'))
  const log = openSync(join(directory, 'log'), 'w+')
  rmSync(directory, { recursive: true })
  return log
}

function readLog(log: number): string {
  const buffer = Buffer.alloc(fstatSync(log).size)
  readSync(log, buffer, 0, buffer.length, 0)
  return buffer.toString()
}

/** Process 1 of the machine, as the host counts. */
export async function leaderOf(nspawn: ChildProcess): Promise<number> {
  const limit = performance.now() + BOOT_MS
  while (performance.now() < limit && nspawn.exitCode === null) {
    const children = read(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`).trim().split(' ').filter(Boolean)
    // The first one only prepares; the machine's own has left its name behind.
    const leader = children.find(pid => read(`/proc/${pid}/comm`).trim() === 'systemd' && /^NSpid:\s+\d+\s+1$/m.test(read(`/proc/${pid}/status`)))
    if (leader !== undefined) return Number(leader)
    await sleep(20)
  }
  throw new Error(nspawn.exitCode === null ? 'its process 1 did not start in time' : `nspawn ended with ${nspawn.exitCode}`)
}

async function untilUp(enter: (argv: readonly string[]) => ChildProcess, nspawn: ChildProcess): Promise<void> {
  const limit = performance.now() + BOOT_MS
  let state = ''
  while (performance.now() < limit && nspawn.exitCode === null) {
    const child = enter(['systemctl', 'is-system-running', '--wait'])
    state = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (state += text))
    await once(child, 'close')
    if (['running', 'degraded'].includes(state.trim())) return
    await sleep(50)
  }
  throw new Error(`systemd says: ${state.trim() || 'nothing'}`)
}

async function shutDown(nspawn: ChildProcess): Promise<void> {
  if (nspawn.exitCode !== null || nspawn.signalCode !== null) return
  const ended = once(nspawn, 'close')
  nspawn.kill('SIGTERM')
  const force = setTimeout(() => nspawn.kill('SIGKILL'), SHUTDOWN_MS)
  await ended
  clearTimeout(force)
}

function read(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  } catch {
    // The process has ended in between.
    return ''
  }
}
