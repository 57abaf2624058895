'use strict'
// Runs the bundle with what V8 compiled of it in an earlier run. Node's own compile cache is taken before a module runs, and so has none of the
// functions that are compiled when they are called: of a settled boot that would be a quarter. This one is taken when the program has run.
const { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } = require('fs')
const { createRequire, wrap } = require('module')
const { dirname, join } = require('path')
const { Script } = require('vm')

/** Loads CommonJS modules of the bundle by compiled code that is kept in a directory, one file for each command and module. The first line of a
 *  module is a comment that names its build: V8 itself compares no more than the lengths of sources.
 *  @param directory made when needed; one that can't be written to is no fault
 *  @returns load, like require; and keep, which writes what was compiled anew */
exports.loader = function loader(directory, command) {
  const fresh = []

  function load(file) {
    const known = require.cache[file]
    if (known) return known.exports
    const source = readFileSync(file, 'latin1')
    const build = /^\/\*([0-9a-f]+)\*\//.exec(source)?.[1]
    const kept = build && join(directory, `${build}-${process.version}-${process.arch}-${command}`)
    const cachedData = kept && read(kept)
    const script = new Script(wrap(source), { filename: file, cachedData })
    if (kept && (cachedData === undefined || script.cachedDataRejected)) fresh.push({ script, kept })
    const module = { exports: {}, id: file, filename: file, loaded: false }
    require.cache[file] = module
    const own = createRequire(file)
    const required = name => (name.endsWith('.cjs') ? load(join(dirname(file), name)) : own(name))
    required.importUrl = url => import(url)
    script.runInThisContext()(module.exports, required, module, file, dirname(file))
    module.loaded = true
    return module.exports
  }

  function keep() {
    for (const { script, kept } of fresh) write(kept, script.createCachedData())
  }

  return { load, keep }
}

function read(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

/** Whole or not at all, also after a power cut: V8 believes what it finds. */
function write(file, data) {
  const staged = `${file}.${process.pid}.new`
  try {
    mkdirSync(dirname(file), { recursive: true })
    const descriptor = openSync(staged, 'wx', 0o644)
    try {
      writeSync(descriptor, data)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(staged, file)
  } catch {
    try {
      rmSync(staged, { force: true })
    } catch {
      // Where nothing can be written, there is nothing to remove.
    }
  }
}
