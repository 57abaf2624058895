#!/usr/bin/env node
'use strict'
// Finds a Node that can run the program, then the program: the bundle, or in a checkout whose bundle is stale the source itself.
// Plain JavaScript of old, and CommonJS: this file must be understood by any Node that starts it.

const { existsSync, readFileSync } = require('fs')
const { dirname, join } = require('path')

const NEEDED = [22, 18]
const home = dirname(__dirname)

if (isEnough(process.versions.node)) start()
else startElsewhere(join(home, 'node_modules', '.bin', 'node'))

function start() {
  // Started by an older Node: what kills that must not leave us behind.
  if (process.env.SUNUP_STARTED_BY !== undefined && process.channel) {
    const kill = process.kill.bind(process)
    process.on('disconnect', () => kill(process.pid, 'SIGKILL'))
    process.channel.unref()
    delete process.env.SUNUP_STARTED_BY
  }
  quieten()
  if (isFresh()) {
    // For recipes, whose types Node strips once.
    const cache = join(home, 'dist', 'cache')
    require('module').enableCompileCache(cache)
    const { load, keep } = require('./load.js').loader(cache, /^[a-z]+$/.test(process.argv[2]) ? process.argv[2] : 'other')
    end(load(join(home, 'dist', 'main.cjs')).main(), keep)
    return
  }
  end(import(require('url').pathToFileURL(join(home, 'src', 'cli', 'main.ts')).href).then(({ main }) => main()))
}

/** Without Node's warnings that two things are experimental: recipes whose types it strips, and how the bundle imports them. */
function quieten() {
  const emitWarning = process.emitWarning
  process.emitWarning = (warning, ...rest) => (/Type Stripping|USE_MAIN_CONTEXT_DEFAULT_LOADER/.test(String(warning)) ? undefined : emitWarning.call(process, warning, ...rest))
}

/** A run that ended well, or a plan that did, called what the next ones will call. */
function end(exitCode, keep) {
  exitCode.then(code => {
    if ((code === 0 || code === 2) && keep) keep()
    process.exit(code)
  })
}

function startElsewhere(node) {
  const { spawn, spawnSync } = require('child_process')
  const { constants } = require('os')
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
function isFresh() {
  if (!existsSync(join(home, 'src'))) return true
  try {
    const { inputsOf } = require('./inputs.js')
    const inputs = JSON.parse(readFileSync(join(home, 'dist', 'inputs.json'), 'utf8'))
    return JSON.stringify(inputs) === JSON.stringify(inputsOf(home))
  } catch {
    return false
  }
}
