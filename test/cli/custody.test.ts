import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { child } from '../support/children.ts'
import { premises, type Premises } from '../support/repository.ts'

/** A repository whose role has one recipe of its own. @param lines what its resources() does before it returns; @param atImport what the file does */
function withRecipe(t: Test, lines: string, atImport = ''): Premises {
  return premises(t, {
    role: 'securityGroups: [demo]\nrecipes: [own]\n',
    files: {
      'recipes/own/recipe.ts': `import { recipe, file } from 'sunup'
${atImport}
export default recipe({
  description: 'A recipe for tests.',
  resources() {
    ${lines}
    return [file({ path: '/a', content: 'x' })]
  },
})
`,
    },
  })
}

const ENDING = ['process.exit(0)', 'process.reallyExit(0)', 'process.abort()', "process.kill(process.pid, 'SIGKILL')", 'process.kill(0)']

for (const call of ENDING) {
  t.test(`a recipe that calls ${call} has thrown: check, plan and boot say where`, async t => {
    const where = withRecipe(t, call)
    t.match(await where.sunup('check'), { code: 78, stdout: /recipes\/own\/recipe\.ts:6/ })
    const planned = await where.sunup('plan', '--format', 'json')
    t.match(planned, { code: 78 })
    const booted = await where.sunup('boot', '--format', 'json')
    t.equal(booted.code, 78)
    for (const { events } of [planned, booted]) t.match(events().at(-1), { type: 'run.finished', exitCode: 78, error: { code: 'recipe.threw', message: /^recipes\/own\/recipe\.ts:6: .*process\.\w+\(\)/ } })
    t.match(where.answers(), [{ answer: 'failed' }], 'and the group is told')
    t.notOk(existsSync(where.health))
  })
}

t.test('a recipe that ends the program while it is loaded has thrown', async t => {
  const where = withRecipe(t, '', 'process.exit(0)')
  t.match(await where.sunup('check'), { code: 78, stdout: /recipes\/own\/recipe\.ts:2/ })
  t.match((await where.sunup('boot', '--format', 'json')).events().at(-1), { gate: 'closed', exitCode: 78, error: { code: 'recipe.threw', message: /recipe\.ts:2/ } })
  t.match(where.answers(), [{ answer: 'failed' }])
})

t.test('the exit code is not a recipe’s to set', async t => {
  const where = withRecipe(t, "process.exitCode = 3; process.on('exit', () => { process.exitCode = 4 })")
  t.equal((await where.sunup('check')).code, 0)
  t.equal((await where.sunup('plan')).code, 2)
  t.equal((await where.sunup('boot')).code, 0)
})

const LATER: readonly (readonly [name: string, text: string])[] = [
  ['in a timer', "setTimeout(() => { throw new Error('late') }, 0)"],
  ['in a promise that nobody awaits', "Promise.reject(new Error('late'))"],
  ['by ending the program in a promise', 'Promise.resolve().then(() => process.exit(0))'],
]

for (const [name, text] of LATER) {
  t.test(`what a recipe throws later, ${name}, fails the run, and is the recipe’s`, async t => {
    const where = withRecipe(t, text)
    // Time for a timer that is due at once to be due.
    where.edit('recipes/own/recipe.ts', text, `${text}; for (const from = Date.now(); Date.now() - from < 5;);`)
    t.match(await where.sunup('check'), { code: 78, stderr: /recipes\/own\/recipe\.ts:6/ })
    t.equal((await where.sunup('plan')).code, 78)
    const booted = await where.sunup('boot', '--format', 'json')
    t.equal(booted.code, 78)
    t.match(booted.events().at(-1), { gate: 'closed', error: { code: 'recipe.threw', message: /recipes\/own\/recipe\.ts:6: / } })
    t.match(where.answers(), [{ answer: 'failed' }])
    t.notOk(existsSync(where.health))
  })
}

t.test('what recipes print goes to standard error: standard output is the program’s', async t => {
  const where = withRecipe(t, "console.log('one'); process.stdout.write('two\\n'); console.info('three')", "console.log('zero')")
  for (const verb of ['plan', 'boot']) {
    const { events, stderr } = await where.sunup(verb, '--format', 'json')
    t.equal(events().at(-1)?.type, 'run.finished')
    t.equal(stderr, 'zero\none\ntwo\nthree\n')
  }
  const { stdout } = await where.sunup('check', '--format', 'json')
  t.match(JSON.parse(stdout), { faults: [] })
})

const CUSTODY = new URL('../../src/cli/custody.ts', import.meta.url).href

t.test('a program that ends before its command has ended says so, and ends with 70', async t => {
  const { end } = child(t, `import { takeCustody } from ${JSON.stringify(CUSTODY)}
    import { writeSync } from 'node:fs'
    takeCustody(text => writeSync(2, text))
    process.exitCode = 0`)
  const { code, stderr } = await end()
  t.equal(code, 70)
  t.match(stderr, /^error: the program was ended before its command had: .*\n$/)
})

t.test('once released the process ends as it is told to, and others may be signalled all the time', async t => {
  const { end } = child(t, `import { takeCustody } from ${JSON.stringify(CUSTODY)}
    const { release } = takeCustody(text => console.error(text))
    console.error(process.kill(process.ppid, 0), process.kill(process.pid, 0))
    process.on('exit', () => { process.exitCode = 5 })
    release()
    process.exit(3)`)
  t.match(await end(), { code: 3, stderr: 'true true\n' })
})
