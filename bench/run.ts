// npm run bench: the same work by sunup (as packed), by its peers where they are installed, and the floor under it, in one run.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { median, once, peakMemory, traced } from './measure.ts'
import { ansible, comtrya, itamae, origin, puppet, pyinfra, sunup, type Contender } from './work.ts'

const { values } = parseArgs({
  options: {
    n: { type: 'string', multiple: true, default: ['50', '1000'] },
    runs: { type: 'string', default: '11' },
    peers: { type: 'boolean', default: true },
    path: { type: 'string', default: '' },
  },
  allowNegative: true,
})

const home = dirname(import.meta.dirname)
const scratch = mkdtempSync(join(tmpdir(), 'sunup-bench-'))
const node = process.execPath
/** A peer that needs longer than this for a settled run is run three times, not `runs` times. */
const SLOW_MS = 5_000

const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${values.path === '' ? '' : `${values.path}:`}${process.env.PATH}`,
  LC_ALL: 'C.UTF-8',
  AWS_EC2_METADATA_DISABLED: 'true',
}

try {
  const program = packed()
  for (const n of values.n.map(Number)) await bench(n, program)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

/** The package as it is published: installed from its archive, so without the checkout around it. */
function packed(): readonly string[] {
  const to = join(scratch, 'packed')
  mkdirSync(to)
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', to], { cwd: home, stdio: ['ignore', 'ignore', 'ignore'] })
  const archive = readdirSync(to).find(name => name.endsWith('.tgz')) as string
  execFileSync('tar', ['xzf', join(to, archive), '-C', to])
  // Its first start compiles; every later one finds that done.
  const argv = [node, join(to, 'package/bin/sunup.js')]
  execFileSync(argv[0] as string, [...argv.slice(1), '--version'])
  return argv
}

async function bench(n: number, program: readonly string[]): Promise<void> {
  const directory = join(scratch, `n${n}`)
  mkdirSync(join(directory, 'out'), { recursive: true })
  origin(directory)
  const runs = Number(values.runs)
  const us = sunup(directory, n, program)
  const peers = values.peers ? [comtrya, itamae, pyinfra, ansible, puppet].map(peer => peer(directory, n)).filter(isInstalled) : []
  const floor = [
    [node, '-e', '0'],
    ['git', 'ls-remote', `file://${directory}/origin.git`, 'main'],
  ]

  console.log(`\nN = ${n} templates and one git checkout; ${runs} settled runs each, medians; all in one run on this machine`)
  const first = new Map<string, number>()
  for (const one of [us, ...peers]) {
    const { ms, code, output } = once(one.argv, directory, env)
    if (code !== 0) throw new Error(`${one.name} failed with ${code}: ${one.argv.join(" ")}\n${output}`)
    first.set(one.name, ms)
  }
  const settled = new Map<string, number[]>([['floor', []], ...[us, ...peers].map(one => [one.name, []] as [string, number[]])])
  // In turns, so that a machine that slows down slows all of them.
  for (let i = 0; i <= runs; i++) {
    // The first turn warms caches and does not count.
    const take = (name: string, ms: number): unknown => i > 0 && settled.get(name)?.push(ms)
    take('floor', floor.reduce((sum, argv) => sum + once(argv, directory, env).ms, 0))
    for (const one of [us, ...peers]) {
      if (i > 3 && (settled.get(one.name)?.[0] ?? 0) > SLOW_MS) continue
      take(one.name, once(one.argv, directory, env).ms)
    }
  }
  const ours = median(settled.get('sunup') as number[])
  const rows = [['', 'first', 'settled', 'settled / floor', 'settled / sunup', 'peak memory']]
  for (const [name, times] of settled) {
    const one = [us, ...peers].find(contender => contender.name === name)
    const memory = one ? `${((await peakMemory(one.argv, directory, env)) / 1e6).toFixed(0)} MB` : ''
    const ms = median(times)
    rows.push([name, first.has(name) ? `${first.get(name)?.toFixed(0)} ms` : '', `${ms.toFixed(1)} ms`, (ms / median(settled.get('floor') as number[])).toFixed(2), (ms / ours).toFixed(2), memory])
  }
  print(rows)
  const trace = traced(us.argv, directory, env)
  if (trace) console.log(`a settled run of sunup started ${trace.programs.length} programs (${[...new Set(trace.programs)].join(', ')}), wrote ${trace.bytesWritten} bytes and synced ${trace.syncs} times`)
  for (const one of peers) if (one.note !== undefined) console.log(`${one.name}: ${one.note}`)
}

function isInstalled(one: Contender): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', one.argv[0] as string], { env }).status === 0
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => (row[column] as string).length))) ?? []
  for (const row of rows) console.log(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('   '))
}
