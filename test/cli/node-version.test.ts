import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { start } from '../support/program.ts'
import { premises, recipeText, SMALL } from '../support/repository.ts'

const home = fileURLToPath(new URL('../../', import.meta.url))

/** A Node of this machine that is too old for the program. */
const old = ['/usr/local/bin/node', '/usr/bin/node', '/opt/node/bin/node'].find(node => {
  if (!existsSync(node)) return false
  const [major = 0, minor = 0] = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout.split('.').map(Number)
  return major >= 16 && (major < 22 || (major === 22 && minor < 18))
})
const needsOld = { skip: old === undefined && 'there is no older Node on this machine' }

t.test('an older Node starts the one that the package brings', needsOld, async t => {
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
  t.match(await start(['--version'], { node: old as string }).end, { code: 0, stdout: `${version}\n`, stderr: '' })
  t.match(await start(['bot'], { node: old as string }).end, { code: 64, stderr: /boot/ }, 'and gives its exit code')
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunupWith({ node: old as string }, 'boot')).code, 0)
  t.ok(existsSync(where.health))
})

/** A boot under the older Node that waits in a command, whose process id it writes. */
async function waiting(t: Test) {
  const where = premises(t, {
    role: SMALL.replace('recipes:', 'recipes:\n  - own'),
    files: { 'recipes/own/recipe.ts': recipeText(`[execute({ name: 'waits', argv: ['/bin/sh', '-c', 'echo $PPID > "$SUNUP_ROOT/pid.new"; mv "$SUNUP_ROOT/pid.new" "$SUNUP_ROOT/pid"; exec sleep 60'] })]`) },
  })
  const started = where.started({ node: old as string }, 'boot')
  t.teardown(() => started.process.kill('SIGKILL'))
  const file = join(where.root, 'pid')
  while (!existsSync(file)) await new Promise(resolve => setImmediate(resolve))
  return { where, started, pid: Number(readFileSync(file, 'utf8')) }
}

for (const [signal, code] of [['SIGTERM', 143], ['SIGINT', 130]] as const) {
  t.test(`${signal} to the older Node ends the run in order`, needsOld, async t => {
    const { where, started, pid } = await waiting(t)
    t.not(pid, started.process.pid, 'there are two processes')
    started.process.kill(signal)
    t.equal((await started.end).code, code)
    t.match(where.report(), { exitCode: code, gate: 'closed' })
    t.equal(where.rows()[0]?.state, 'failed')
  })
}

t.test('a run dies with the older Node that started it', needsOld, async t => {
  const { where, started, pid } = await waiting(t)
  started.process.kill('SIGKILL')
  t.equal((await started.end).signal, 'SIGKILL')
  while (isAlive(pid)) await new Promise(resolve => setImmediate(resolve))
  t.throws(() => where.report(), 'it did not live to write its report')
  t.notOk(existsSync(where.health))
  where.write({ 'recipes/own/recipe.ts': recipeText('[]') })
  t.equal((await where.sunup('boot')).code, 0, 'and the lock is free')
})

t.test('without a newer Node it says which it needs', needsOld, async t => {
  const dir = t.testdir({})
  cpSync(join(home, 'bin'), join(dir, 'bin'), { recursive: true })
  const { code, stderr, stdout } = await start(['boot'], { node: old as string, program: join(dir, 'bin/sunup.js') }).end
  t.equal(code, 1)
  t.match(stderr, /needs Node 22\.18 or newer; this is \d+/)
  t.equal(stdout, '')
})

t.test('a bundle that is not made of what lies there is never run', async t => {
  const dir = t.testdir({})
  for (const name of ['bin', 'src', 'recipes', 'dist', 'package.json']) cpSync(join(home, name), join(dir, name), { recursive: true, preserveTimestamps: true, filter: path => !path.startsWith(join(home, 'dist/cache')) })
  symlinkSync(join(home, 'node_modules'), join(dir, 'node_modules'))
  // Whoever runs the bundle says so.
  const bundle = ['dist/main.cjs', 'dist/main.js'].map(name => join(dir, name)).find(existsSync) as string
  const text = readFileSync(bundle, 'utf8')
  writeFileSync(bundle, `console.error('the bundle');${text}`)
  const { inputsOf } = (await import(join(dir, 'bin/inputs.js'))) as { inputsOf(home: string): object }
  writeFileSync(join(dir, 'dist/inputs.json'), JSON.stringify(inputsOf(dir)))
  const run = async () => await start(['--version'], { program: join(dir, 'bin/sunup.js') }).end
  t.match(await run(), { code: 0, stderr: 'the bundle\n' }, 'a fresh one is run')
  const source = join(dir, 'src/cli/main.ts')
  const before = readFileSync(source, 'utf8')
  writeFileSync(source, `${before}// touched\n`)
  t.match(await run(), { code: 0, stderr: /^$/ }, 'a source that was changed is run itself')
  writeFileSync(join(dir, 'dist/inputs.json'), JSON.stringify(inputsOf(dir)))
  t.match(await run(), { stderr: 'the bundle\n' })
  mkdirSync(join(dir, 'recipes/more'))
  writeFileSync(join(dir, 'recipes/more/recipe.ts'), 'export {}\n')
  t.match(await run(), { code: 0, stderr: /^$/ }, 'so is a new recipe')
  writeFileSync(join(dir, 'dist/inputs.json'), 'torn')
  t.match(await run(), { code: 0, stderr: /^$/ }, 'and where nobody knows what it was made of')
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
