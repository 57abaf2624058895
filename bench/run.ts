// npm run bench: the same work by sunup (as packed), by its peers where they are installed, and the floor under it, in one run.
//   --n 50 --n 1000   how many templates; two or more give the cost of each further one
//   --runs 11         settled runs of each
//   --no-peers        sunup and the floor alone
//   --path a:b        where else peers are looked for
// Before it: how long a start of the packaged program takes.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { median, once, peakMemory, traced } from './measure.ts'
import { starts } from './startup.ts'
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
const runs = Number(values.runs)
const PEERS = [comtrya, itamae, pyinfra, ansible, puppet]
/** Who needs longer than this for a run gets three settled runs; past the second bound, one. */
const SLOW_MS = 3_000
const VERY_SLOW_MS = 30_000

const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${values.path === '' ? '' : `${values.path}:`}${process.env.PATH}`,
  LC_ALL: 'C.UTF-8',
  AWS_EC2_METADATA_DISABLED: 'true',
}

/** Medians of settled runs, and the best, by name and N. */
const medians = new Map<string, Map<number, number>>()
const bests = new Map<string, Map<number, number>>()

try {
  printStarts()
  const program = packed()
  for (const n of values.n.map(Number)) await bench(n, program)
  printMarginal(values.n.map(Number).sort((a, b) => a - b))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

/** The package as it is published: unpacked from its archive, so without the checkout around it. */
function packed(): string {
  const to = join(scratch, 'packed')
  mkdirSync(to)
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', to], { cwd: home, stdio: ['ignore', 'ignore', 'inherit'] })
  const archive = readdirSync(to).find(name => name.endsWith('.tgz')) as string
  execFileSync('tar', ['xzf', join(to, archive), '-C', to])
  return join(to, 'package')
}

async function bench(n: number, program: string): Promise<void> {
  const directory = join(scratch, `n${n}`)
  mkdirSync(join(directory, 'out'), { recursive: true })
  origin(directory)
  const floor = [
    [node, '-e', '0'],
    ['git', 'ls-remote', `file://${directory}/origin.git`, 'main'],
  ]
  // node and git are in the page cache for everyone.
  const underAll = (): number => floor.reduce((sum, argv) => sum + once(argv, directory, env).ms, 0)
  underAll()

  console.log(`\nN = ${n} templates and one git checkout; medians of ${runs} settled runs in turns (of the slow ones fewer), one machine, one run`)
  // A first run finds nothing that an earlier one compiled.
  rmSync(join(program, 'dist/cache'), { recursive: true, force: true })
  const us = sunup(directory, n, [node, join(program, 'bin/sunup.js')])
  const all = [us, ...(values.peers ? PEERS.map(peer => peer(directory, n)).filter(isInstalled) : [])]
  const first = new Map<Contender, number>()
  for (const one of all) ran(one, ms => first.set(one, ms), directory)
  const settled = new Map<Contender, number[]>([...first.keys()].map(one => [one, []]))
  const floors: number[] = []
  for (let turn = 0; turn <= runs; turn++) {
    const floorMs = underAll()
    if (turn > 0) floors.push(floorMs)
    for (const [one, times] of settled) {
      const firstMs = first.get(one) as number
      const wanted = firstMs > VERY_SLOW_MS ? 1 : firstMs > SLOW_MS ? Math.min(3, runs) : runs
      if (times.length >= wanted) continue
      // The first turn warms caches and does not count; the slow ones can't be much warmer than they are.
      const take = turn === 0 && wanted === runs ? () => {} : (ms: number) => times.push(ms)
      if (!ran(one, take, directory)) settled.delete(one)
    }
  }
  note('floor', n, floors)
  for (const [one, times] of settled) note(one.name, n, times)
  await printTable(n, us, [...settled.keys()], first, directory)
}

/** Runs it once. A peer that fails is told of, and leaves the race; sunup must not.
 *  @returns whether it went well */
function ran(one: Contender, take: (ms: number) => unknown, directory: string): boolean {
  const { ms, code, output } = once(one.argv, directory, env)
  if (code === 0) {
    take(ms)
    return true
  }
  const last = output.trimEnd().split('\n').slice(-20).map(line => `    ${line}`)
  const said = [`${one.name} failed (${code ?? 'not started'}): ${one.argv.join(' ')}`, ...last].join('\n')
  if (one.name === 'sunup') throw new Error(said)
  console.log(said)
  return false
}

function note(name: string, n: number, times: readonly number[]): void {
  for (const [all, ms] of [[medians, median(times)], [bests, Math.min(...times)]] as const) all.set(name, (all.get(name) ?? new Map<number, number>()).set(n, ms))
}

async function printTable(n: number, us: Contender, settled: readonly Contender[], first: ReadonlyMap<Contender, number>, directory: string): Promise<void> {
  const of = (name: string): number => medians.get(name)?.get(n) as number
  const row = (name: string, firstMs: number | undefined, memory: number | undefined): readonly string[] => [
    name,
    firstMs === undefined ? '' : `${firstMs.toFixed(0)} ms`,
    `${of(name).toFixed(1)} ms`,
    `${bests.get(name)?.get(n)?.toFixed(1)} ms`,
    (of(name) / of('floor')).toFixed(2),
    (of(name) / of(us.name)).toFixed(2),
    memory === undefined ? '' : `${(memory / 1e6).toFixed(0)} MB`,
  ]
  const rows = [['', 'first', 'settled', 'best', 'settled / floor', 'settled / sunup', 'peak memory'], row('floor', undefined, undefined)]
  for (const one of settled) rows.push([...row(one.name, first.get(one), await peakMemory(one.argv, directory, env))])
  print(rows)
  const trace = traced(us.argv, directory, env)
  if (trace) {
    console.log(`a settled run of sunup starts ${trace.own.join(', ') || 'nothing'} (which starts ${trace.others.join(', ') || 'nothing'}), writes ${trace.bytesWritten} bytes to files, syncs ${trace.syncs} times`)
  } else console.log('what a settled run starts, writes and syncs is not known here: there is no strace, or it may not trace')
  for (const one of settled) if (one.note !== undefined) console.log(`${one.name}: ${one.note}`)
}

/** What each further template costs, from the smallest N to the largest. */
function printMarginal(ns: readonly number[]): void {
  const [least, most] = [ns[0] as number, ns.at(-1) as number]
  if (least === most) return
  console.log(`\neach further template, from N = ${least} to ${most}`)
  const rows = [...medians].flatMap(([name, known]) => {
    const [small, large] = [known.get(least), known.get(most)]
    return name === 'floor' || small === undefined || large === undefined ? [] : [[name, `${((large - small) / (most - least)).toFixed(3)} ms`]]
  })
  print(rows)
}

/** Of the archive, as an image has it; a start is to cost at most half of what a bare Node does more. */
function printStarts(): void {
  const all = starts(scratch, Math.max(runs, 11))
  const bare = all[0]?.settledMs as number
  console.log(`startup: the archive of npm run package by its launcher, medians of ${Math.max(runs, 11)} starts in turns`)
  const rows = all.map(one => [one.name, one.firstMs === undefined ? '' : `${one.firstMs.toFixed(0)} ms`, `${one.settledMs.toFixed(1)} ms`, `${one.bestMs.toFixed(1)} ms`, (one.settledMs / bare).toFixed(2)])
  print([['', 'first', 'settled', 'best', '/ bare node'], ...rows])
}

function isInstalled(one: Contender): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', one.argv[0] as string], { env }).status === 0
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => (row[column] as string).length))) ?? []
  for (const row of rows) console.log(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('   '))
}
