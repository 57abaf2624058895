import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { endedBySignals, nameOf, tally } from '../support/suite.ts'
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
  const root = image()
  const open = new Set<LabMachine>()
  const close = async (machine: LabMachine): Promise<void> => {
    await machine.close()
    open.delete(machine)
  }
  const signal = endedBySignals()
  signal.addEventListener('abort', () => void Promise.all([...open].map(close)))
  const results = tally()
  try {
    for (const file of files) {
      if (signal.aborted) break
      const machine = ON_THE_HOST.includes(file) ? theHost() : await boot(root, checkout)
      open.add(machine)
      let tap = ''
      const code = await machine.run([NODE, ...FLAGS, `test/system/${file}`], text => (tap += text))
      await close(machine)
      results.add(file, { tap, code })
    }
  } finally {
    await Promise.all([...open].map(close))
  }
  return results.close(files.length, nameOf(signal))
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
