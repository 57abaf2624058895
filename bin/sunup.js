#!/usr/bin/env node
// Finds a Node that can run the program, then the program: the bundle, or in a checkout whose bundle is stale the source itself.
// Plain JavaScript of old: this file must be understood by any Node that starts it.
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NEEDED = [22, 18]
const home = dirname(dirname(fileURLToPath(import.meta.url)))

if (isEnough(process.versions.node)) await start()
else await startElsewhere(join(home, 'node_modules', '.bin', 'node'))

async function start() {
  // Started by an older Node: what kills that must not leave us behind.
  if (process.env.SUNUP_STARTED_BY !== undefined && process.channel) {
    process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
    process.channel.unref()
    delete process.env.SUNUP_STARTED_BY
  }
  const bundle = join(home, 'dist', 'main.js')
  if (await isFresh()) {
    // A cache for each command: what its first run compiled is what the next ones find, and they compile different parts.
    module.enableCompileCache(join(home, 'dist', 'cache', process.argv[2]?.match(/^[a-z]+$/)?.[0] ?? 'other'))
    const { main } = await import(pathToFileURL(bundle).href)
    process.exit(await main())
  }
  const emitWarning = process.emitWarning
  process.emitWarning = (warning, ...rest) => (String(warning).includes('Type Stripping') ? undefined : emitWarning.call(process, warning, ...rest))
  const { main } = await import(pathToFileURL(join(home, 'src', 'cli', 'main.ts')).href)
  process.exit(await main())
}

async function startElsewhere(node) {
  const { spawn, spawnSync } = await import('node:child_process')
  const found = existsSync(node) ? spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim().slice(1) : undefined
  if (found === undefined || !isEnough(found)) {
    console.error(`sunup needs Node ${NEEDED.join('.')} or newer; this is ${process.versions.node}.`)
    process.exit(1)
  }
  const child = spawn(node, process.argv.slice(1), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, SUNUP_STARTED_BY: String(process.pid) },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    console.error(`sunup: ${node} can't be started: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
}

function isEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])
}

/** A published package has no source beside it; in a checkout the bundle must be made of exactly what lies there. */
async function isFresh() {
  if (!existsSync(join(home, 'src'))) return true
  try {
    const { inputsOf } = await import('./inputs.js')
    const inputs = JSON.parse(readFileSync(join(home, 'dist', 'inputs.json'), 'utf8'))
    return JSON.stringify(inputs) === JSON.stringify(inputsOf(home))
  } catch {
    return false
  }
}
