import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Measured {
  /** Milliseconds, wall clock. */
  readonly ms: number
  /** null: it could not be started, or was ended. */
  readonly code: number | null
  readonly output: string
}

/** Runs a command to its end. Its output is read, as a log would take it. */
export function once(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Measured {
  const start = process.hrtime.bigint()
  const { status, error, stdout, stderr } = spawnSync(argv[0] as string, argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 })
  const ms = Number(process.hrtime.bigint() - start) / 1e6
  return { ms, code: error ? null : status, output: error ? error.message : `${stdout}${stderr}` }
}

/** The largest resident set of the command's own process, in bytes: the kernel's high-water mark, read until it ends. */
export async function peakMemory(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(argv[0] as string, argv.slice(1), { cwd, env, stdio: 'ignore' })
  let peak = 0
  const look = setInterval(() => {
    try {
      const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
      if (found) peak = Math.max(peak, Number(found[1]) * 1024)
    } catch {
      // It has ended.
    }
  }, 1)
  await new Promise((resolve, reject) => child.on('exit', resolve).on('error', reject))
  clearInterval(look)
  return peak
}

export interface Traced {
  /** Programs that the command started itself, by name. */
  readonly own: readonly string[]
  /** Programs that those started. */
  readonly others: readonly string[]
  /** To files, by all of them; not to pipes, terminals or devices. */
  readonly bytesWritten: number
  readonly syncs: number
}

/** What the kernel was asked for, by strace; undefined where that is not to be had. */
export function traced(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Traced | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'sunup-trace-'))
  try {
    const calls = 'execve,clone,clone3,fork,vfork,write,writev,pwrite64,pwritev,fsync,fdatasync,sync,syncfs'
    // A file for each process and thread: in one, calls of several would be torn apart.
    const { status } = spawnSync('strace', ['-ff', '-y', '-s', '0', '-e', `trace=${calls}`, '-o', join(directory, 'trace'), ...argv], { cwd, env, stdio: 'ignore' })
    if (status !== 0) return undefined
    const threads = new Map(readdirSync(directory).map(name => [Number(name.split('.')[1]), readFileSync(join(directory, name), 'utf8').split('\n')]))
    return told(threads)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function told(threads: ReadonlyMap<number, readonly string[]>): Traced {
  const startedBy = (pid: number): number[] => threads.get(pid)?.flatMap(line => /^(?:clone3?|v?fork)\(.* = (\d+)/.exec(line)?.[1] ?? []).map(Number) ?? []
  const begotten = new Set([...threads.keys()].flatMap(startedBy))
  const main = [...threads.keys()].find(pid => !begotten.has(pid)) as number
  const own = new Set(startedBy(main))
  const lines = [...threads.values()].flat()
  return {
    own: [...own].flatMap(pid => programsOf(threads.get(pid) ?? [])),
    others: [...threads].flatMap(([pid, each]) => (pid === main || own.has(pid) ? [] : programsOf(each))),
    bytesWritten: lines.reduce((sum, line) => sum + Number(/^p?writev?(?:64)?\(\d+<\/(?!dev\/|proc\/).* = (\d+)$/.exec(line)?.[1] ?? 0), 0),
    syncs: lines.filter(line => /^(?:f(?:data)?sync|syncfs|sync)\(.* = 0$/.test(line)).length,
  }
}

function programsOf(lines: readonly string[]): string[] {
  return lines.flatMap(line => /^execve\("([^"]*)".* = 0$/.exec(line)?.[1]?.split('/').at(-1) ?? [])
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
