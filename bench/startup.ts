// How long the packaged program needs to start, against the Node that it brings.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { median, once } from './measure.ts'

export interface Start {
  readonly name: string
  /** Milliseconds, with nothing compiled yet; undefined where nothing is kept. */
  readonly firstMs?: number
  readonly settledMs: number
  readonly bestMs: number
}

/** The archive of `npm run package`, unpacked, started by its launcher without an environment: as a unit starts it.
 *  @param scratch a directory; what is made there stays
 *  @returns the bare Node first */
export function starts(scratch: string, runs: number): readonly Start[] {
  const home = unpacked(join(scratch, 'archive'))
  const [root, config] = [join(scratch, 'startup-root'), join(scratch, 'startup.yaml')]
  writeFileSync(config, 'cloud: local\n')
  const node = join(home, 'runtime/node')
  const sunup = join(home, 'bin/sunup')
  const contenders: Readonly<Record<string, readonly string[]>> = {
    'node -e 0': [node, '-e', '0'],
    'sunup --version': [sunup, '--version'],
    'sunup close, settled': [sunup, 'close', '--root', root, '--config', config],
  }
  const time = (argv: readonly string[]): number => {
    const { ms, code, output } = once(argv, scratch, {})
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${output}`)
    return ms
  }
  const first = Object.fromEntries(Object.entries(contenders).map(([name, argv]) => [name, time(argv)]))
  const times = new Map(Object.keys(contenders).map(name => [name, [] as number[]]))
  for (let turn = -2; turn < runs; turn++) {
    for (const [name, argv] of Object.entries(contenders)) {
      const ms = time(argv)
      if (turn >= 0) times.get(name)?.push(ms)
    }
  }
  return [...times].map(([name, all]) => ({ name, settledMs: median(all), bestMs: Math.min(...all), ...(name.startsWith('sunup') && { firstMs: first[name] as number }) }))
}

function unpacked(directory: string): string {
  mkdirSync(directory)
  execFileSync(process.execPath, [join(dirname(import.meta.dirname), 'scripts/package.ts'), '--out', directory], { stdio: ['ignore', 'ignore', 'inherit'] })
  const archive = readdirSync(directory).find(name => name.endsWith('.tar.gz')) as string
  execFileSync('tar', ['xzf', join(directory, archive), '-C', directory])
  return join(directory, readdirSync(directory).find(name => name !== archive && name.startsWith('sunup-')) as string)
}
