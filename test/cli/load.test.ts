import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LOADER = join(import.meta.dirname, '../../bin/load.js')
const script = (keeps: boolean): string => `
  const { load, keep } = require(${JSON.stringify(LOADER)}).loader(${JSON.stringify('CACHE')}, 'boot')
  load(__dirname + '/main.cjs').main().then(text => { console.log(text); ${keeps ? 'keep()' : ''} })
`
const MAIN = (build: string, word: string): string => `${build}"use strict"; const word = () => ${JSON.stringify(word)}
  exports.main = async () => [word(), require('./part.cjs').part, require('node:path').sep, (await require.importUrl('node:os')).EOL.length, __filename === module.filename].join(' ')`

function program(t: Test, keeps = true): { readonly dir: string; run(): string; kept(): readonly string[] } {
  const dir = t.testdir({ 'main.cjs': MAIN('/*0123*/', 'one'), 'part.cjs': '/*89ab*/exports.part = "part"', 'package.json': '{}', cache: {} })
  writeFileSync(join(dir, 'start.cjs'), script(keeps).replace('CACHE', join(dir, 'cache')))
  return {
    dir,
    run() {
      const { stdout, stderr } = spawnSync(process.execPath, [join(dir, 'start.cjs')], { encoding: 'utf8' })
      return stdout + stderr
    },
    kept: () => readdirSync(join(dir, 'cache')).sort(),
  }
}

t.test('a module runs as it would by require, the first time and from what was kept', async t => {
  const { run, kept } = program(t)
  t.equal(run(), 'one part / 1 true\n')
  t.equal(kept().length, 2)
  t.equal(run(), 'one part / 1 true\n')
})

t.test('what another build compiled is never run, though its source be as long', async t => {
  const { dir, run, kept } = program(t)
  run()
  writeFileSync(join(dir, 'main.cjs'), MAIN('/*4567*/', 'two'))
  t.equal(run(), 'two part / 1 true\n')
  t.equal(kept().length, 3)
})

t.test('a module that names no build is compiled each time', async t => {
  const { dir, run, kept } = program(t)
  writeFileSync(join(dir, 'main.cjs'), MAIN('', 'one'))
  t.equal(run(), 'one part / 1 true\n')
  t.equal(kept().length, 1)
})

t.test('what was kept and is torn, or cannot be kept, is no fault', async t => {
  const { dir, run, kept } = program(t)
  run()
  for (const name of kept()) {
    const file = join(dir, 'cache', name)
    writeFileSync(file, readFileSync(file).subarray(0, 100))
  }
  t.equal(run(), 'one part / 1 true\n')
  const elsewhere = program(t)
  cpSync(join(elsewhere.dir, 'main.cjs'), join(elsewhere.dir, 'cache-is-a-file'))
  writeFileSync(join(elsewhere.dir, 'start.cjs'), script(true).replace('CACHE', join(elsewhere.dir, 'cache-is-a-file')))
  t.equal(elsewhere.run(), 'one part / 1 true\n')
})
