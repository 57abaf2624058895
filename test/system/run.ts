import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { showDuration } from '../../src/core/duration.ts'
import { tapCount, type Count } from '../support/tap-count.ts'
import { image } from './image.ts'
import { boot, type LabMachine } from './machine.ts'

/** Runs test/system/*.test.ts, or the files named, each in a machine of its own that is booted for it.
 *  Those that boot machines of their own run on the host. Needs root, and the Debian packages mmdebstrap, systemd-container and iproute2.
 *  Exit code 0: all of them ran, and nothing failed. */

const checkout = resolve(import.meta.dirname, '../..')
const NODE = '/sunup/node_modules/node/bin/node'
const FLAGS = ['--disable-warning=ExperimentalWarning']
/** They are about how a machine boots. */
const ON_THE_HOST: readonly string[] = ['units.test.ts']

async function main(files: readonly string[]): Promise<boolean> {
  const startedAt = performance.now()
  const root = image()
  const open = new Set<LabMachine>()
  const close = async (machine: LabMachine): Promise<void> => {
    await machine.close()
    open.delete(machine)
  }
  const results: Count[] = []
  let ending: NodeJS.Signals | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      ending = signal
      void Promise.all([...open].map(close))
    })
  }
  try {
    for (const file of files) {
      if (ending) break
      const began = performance.now()
      const machine = ON_THE_HOST.includes(file) ? theHost() : await boot(root, checkout)
      open.add(machine)
      let tap = ''
      const code = await machine.run([NODE, ...FLAGS, `test/system/${file}`], text => (tap += text))
      await close(machine)
      const result = tapCount(tap, code)
      results.push(result)
      const isGood = result.isComplete && result.failed === 0
      if (!isGood) console.log(tap)
      else for (const [line] of tap.matchAll(/^.*# SKIP.*$/gm)) console.log(line)
      console.log(`${isGood ? 'ok' : 'not ok'} - ${file}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped, ${showDuration(performance.now() - began)}`)
    }
  } finally {
    await Promise.all([...open].map(close))
  }
  const sum = (of: (result: Count) => number): number => results.reduce((total, result) => total + of(result), 0)
  const isGood = ending === undefined && results.length === files.length && results.every(result => result.isComplete && result.failed === 0)
  console.log(
    `# ${results.length} of ${files.length} files, ${sum(one => one.passed)} passed, ${sum(one => one.failed)} failed, ${sum(one => one.skipped)} skipped, ${showDuration(performance.now() - startedAt)}${ending ? `, ended by ${ending}` : ''}`,
  )
  return isGood
}

/** In the place of a machine, the one that this runs on: with this Node, and the checkout where it is. What it boots ends with it. */
function theHost(): LabMachine {
  const ending = new AbortController()
  return {
    async run([_node, ...argv], onOutput) {
      const child = spawn(process.execPath, argv, { cwd: checkout, env: { PATH: process.env.PATH, HOME: process.env.HOME, TAP: '1', TAP_TIMEOUT: '300' }, stdio: ['ignore', 'pipe', 'inherit'] })
      ending.signal.addEventListener('abort', () => child.kill('SIGTERM'))
      child.stdout.setEncoding('utf8').on('data', onOutput)
      const [code] = (await once(child, 'close')) as [number | null]
      return code ?? 1
    },
    async close() {
      ending.abort()
    },
  }
}

if (process.geteuid?.() !== 0) {
  console.error('The system suite boots machines: it needs root.')
  process.exitCode = 1
} else {
  const named = process.argv.slice(2).map(file => basename(file))
  const all = globSync('*.test.ts', { cwd: import.meta.dirname }).sort()
  process.exitCode = (await main(named.length > 0 ? named : all)) ? 0 : 1
}
