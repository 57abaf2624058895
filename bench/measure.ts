import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Measured {
  /** Milliseconds, wall clock. */
  readonly ms: number
  readonly code: number | null
  readonly output: string
}

/** Runs a command to its end. Its output is read and dropped, as a log would take it. */
export function once(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Measured {
  const start = process.hrtime.bigint()
  const { status, error, stdout, stderr } = spawnSync(argv[0] as string, argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 })
  const ms = Number(process.hrtime.bigint() - start) / 1e6
  if (error) throw error
  return { ms, code: status, output: `${stdout}${stderr}` }
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
  /** Programs started, by name. */
  readonly programs: readonly string[]
  readonly bytesWritten: number
  readonly syncs: number
}

/** What the kernel was asked for, by strace; undefined where there is none. Writes to standard output and pipes are not counted. */
export function traced(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Traced | undefined {
  const result = spawnSync('strace', ['-f', '-qq', '-y', '-e', 'trace=execve,write,pwrite64,writev,fsync,fdatasync', '-o', '/dev/stderr', ...argv], {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 1 << 28,
  })
  if (result.error) return undefined
  const lines = result.stderr.split('\n')
  const programs = lines.flatMap(line => /execve\("([^"]+)".* = 0$/.exec(line)?.[1]?.split('/').at(-1) ?? []).slice(1)
  const files = lines.flatMap(line => /(?:p?write(?:64|v)?)\(\d+<(\/(?!dev\/)[^>]*)>.* = (\d+)$/.exec(line)?.slice(2, 3) ?? [])
  return { programs, bytesWritten: files.reduce((sum, bytes) => sum + Number(bytes), 0), syncs: lines.filter(line => /f(?:data)?sync\(/.test(line)).length }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
