'use strict'
// What a bundle is made of: it is stale when any of this has changed since.
const { readdirSync, statSync } = require('fs')
const { join } = require('path')

/** Size and modification time of every file that goes into the bundle, by its path. */
exports.inputsOf = function inputsOf(home) {
  const inputs = {}
  for (const top of ['package.json', 'src', 'recipes']) list(home, top, inputs)
  return inputs
}

function list(home, name, inputs) {
  const stat = statSync(join(home, name))
  if (!stat.isDirectory()) inputs[name] = [stat.size, stat.mtimeMs]
  else for (const child of readdirSync(join(home, name)).sort()) list(home, `${name}/${child}`, inputs)
}
