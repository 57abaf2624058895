import { globSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { runNodeTests } from '../../machine/node-tests.ts'
import type { World } from '../compose.ts'
import { settingsOf, withRepository } from '../place.ts'
import type { Command } from '../verbs.ts'

const PATTERN = 'recipes/**/*.test.{ts,js,mts,mjs}'

const command: Command = async (asked, world) => await withRepository(settingsOf(asked, world), asked, world, async ({ directory }) => {
  const files = asked.arguments.length > 0 ? asked.arguments.map(path => named(path, world)) : found(directory)
  if (files.length === 0) throw new Failure('source.empty', `there is no test below ${join(directory, 'recipes')}`, { hint: 'A test is a file like recipes/app/recipe.test.ts: docs/recipes.md shows one.' })
  const inJson = asked.format === 'json'
  // One that is run within another runner's test would report to that, in its own way.
  const { NODE_TEST_CONTEXT: _, ...env } = world.env
  const passed = await runNodeTests({ node: process.execPath, hooks: hooksOf(world), files, cwd: directory, env, output: inJson ? 2 : 1, signal: world.signal })
  if (inJson) world.write(`${JSON.stringify({ passed, files: files.map(file => relative(directory, file)) }, undefined, 1)}\n`)
  return passed ? 0 : 1
})

function found(directory: string): readonly string[] {
  return globSync(PATTERN, { cwd: directory, exclude: path => path.includes('node_modules') }).sort().map(path => join(directory, path))
}

function named(path: string, { cwd }: World): string {
  const file = resolve(path.startsWith('/') ? '/' : cwd(), path)
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file
  throw new Failure('usage', `${path} is no file`, { hint: 'Without a name all tests below recipes/ are run.' })
}

/** A module that makes `import … from 'sunup'` mean this program, in processes of Node that are not sunup. */
function hooksOf({ home, program, indexUrl }: World): string {
  const from = JSON.stringify(program === home ? join(home, 'src/roles/hooks.ts') : join(program, 'main.cjs'))
  const text = `import { createRequire } from 'node:module'\ncreateRequire(${from})(${from}).installHooks(${JSON.stringify(indexUrl)})`
  return `data:text/javascript,${encodeURIComponent(text)}`
}

export default command
