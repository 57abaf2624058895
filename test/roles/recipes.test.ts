import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bookOf, failureOf, recipeText } from '../support/provisioning.ts'

const from = { file: 'roles/web.yaml', line: 4 }

const book = (t: Test, recipes: Record<string, string>, limitMs?: number) =>
  bookOf(t.testdir({ recipes: Object.fromEntries(Object.entries(recipes).map(([name, text]) => [name, { 'recipe.ts': text }])) }), limitMs)

t.test("a repository's recipe is loaded with its types stripped", async t => {
  const recipe = await book(t, { app: recipeText('[file({ path: "/x" as string, content: "" })]') }).load('app', from)
  t.match(recipe, { name: 'app', definition: { description: 'A recipe for tests.', resources: Function }, path: /recipes\/app\/recipe\.ts$/ })
})

t.test("a repository's recipe comes before one of the same name that comes with sunup", async t => {
  t.equal((await book(t, { files: recipeText('[]') }).load('files', from)).definition.description, 'A recipe for tests.')
})

t.test('a recipe that comes with sunup needs nothing in the repository', async t => {
  t.match(await bookOf(t.testdir({})).load('files', from), { name: 'files', path: undefined, definition: { resources: Function } })
})

t.test("types are stripped whatever the repository's package.json says", async t => {
  const source = t.testdir({
    'package.json': '{ "type": "commonjs" }',
    lib: { 'word.ts': 'export const word: string = "hello"\n' },
    recipes: { app: { 'recipe.ts': `import { word } from '../../lib/word.ts'\n${recipeText('[]').replace("'A recipe for tests.'", 'word')}` }, old: { 'recipe.js': recipeText('[]') } },
  })
  t.equal((await bookOf(source).load('app', from)).definition.description, 'hello')
  t.equal((await bookOf(source).load('old', from)).definition.description, 'A recipe for tests.')
})

t.test('a recipe may await what ends', async t => {
  const text = `const word = await Promise.resolve('awaited')\n${recipeText('[]').replace("'A recipe for tests.'", 'word')}`
  t.equal((await book(t, { app: text }).load('app', from)).definition.description, 'awaited')
})

t.test('a misspelt recipe is told at its place, with the nearest of all', async t => {
  const recipes = book(t, { agent: recipeText('[]') })
  t.match(await failureOf(() => recipes.load('agnet', from)), { code: 'recipe.missing', message: 'roles/web.yaml:4: there is no recipe "agnet"', hint: 'Did you mean agent?' })
  t.match(await failureOf(() => recipes.load('fils', from)), { hint: 'Did you mean files?' })
  t.match(await failureOf(() => recipes.load('../recipes/agent', from)), { code: 'recipe.missing' })
})

t.test('a folder without a recipe.ts is told', async t => {
  const source = t.testdir({ recipes: { app: { 'index.ts': '' } } })
  t.match(await failureOf(() => bookOf(source).load('app', from)), { code: 'recipe.missing', message: /recipes\/app has no recipe\.ts/ })
})

for (const [what, text, code, line, message] of [
  ['a syntax error', '\n\nexport default {\n  a b\n}\n', 'recipe.invalid', 4, /./],
  ['a name that is declared twice', '\nlet a = 1\nlet a = 2\nexport default a\n', 'recipe.invalid', 3, /already been declared/],
  ['an enum', '\n\nenum A { b }\nexport default 1\n', 'recipe.invalid', 3, /enum is not supported/],
  ['an import that sunup does not have', "import { z } from 'sunup'\nimport { fil } from 'sunup'\nexport default fil\n", 'recipe.invalid', 2, /'fil'/],
  ['a package that is not there', "\nimport x from 'left-pad-of-nobody'\nexport default x\n", 'recipe.invalid', 2, /no package "left-pad-of-nobody"/],
  ['a file that is not there', "\n\nimport x from './gone.ts'\nexport default x\n", 'recipe.invalid', 3, /no file recipes\/app\/gone\.ts/],
  ['a throw while loading', "\nconst f = () => {\n  throw new TypeError('oh')\n}\nf()\nexport default 1\n", 'recipe.threw', 3, /threw while it was loaded: oh/],
  ['a throw after an await', "await 0\nthrow new Error('later')\n", 'recipe.threw', 2, /later/],
  ['no default export', '\nexport const recipe = 1\n', 'recipe.invalid', 2, /no recipe as its default export/],
  ['an unknown key', "export default {\n  description: 'x',\n  resource() { return [] },\n}\n", 'recipe.invalid', 3, /unknown key "resource"/],
  ['no resources', "\nexport default {\n  description: 'x',\n}\n", 'recipe.invalid', 1, /no resources/],
  ['a wrong phase', "export default {\n  description: 'x',\n  phase: 'later',\n  resources: () => [],\n}\n", 'recipe.invalid', 3, /phase must be "prepare" or "activate"/],
  ['params that are no schema', "export default {\n  description: 'x',\n  params: { a: 1 },\n  resources: () => [],\n}\n", 'recipe.invalid', 3, /params must be a schema/],
] as const) {
  t.test(`${what} is told with file and line`, async t => {
    const failure = await failureOf(() => book(t, { app: text }).load('app', from))
    t.equal(failure.code, code)
    t.match(failure.message, message)
    t.ok(failure.message.startsWith(`recipes/app/recipe.ts:${line}: `), failure.message)
  })
}

t.test('a fault in what a recipe imports is told where it is', async t => {
  const source = t.testdir({ lib: { 'a.ts': '\n\nthrow new Error("of lib")\n' }, recipes: { app: { 'recipe.ts': "import '../../lib/a.ts'\n" } } })
  t.match(await failureOf(() => bookOf(source).load('app', from)), { code: 'recipe.threw', message: /^lib\/a\.ts:3: / })
})

t.test('a recipe that loops while it is loaded is stopped', async t => {
  t.match(await failureOf(() => book(t, { app: 'while (true) {}\nexport default 1\n' }, 50).load('app', from)), { code: 'recipe.stuck', message: /^recipes\/app\/recipe\.ts:1: did not load within 0\.05 s/ })
})

t.test('a recipe that awaits for ever is left behind', async t => {
  t.match(await failureOf(() => book(t, { app: 'await new Promise(() => {})\nexport default 1\n' }, 50).load('app', from)), { code: 'recipe.stuck' })
})

t.test('nothing is printed about types that are stripped', async t => {
  const source = t.testdir({ recipes: { app: { 'recipe.ts': recipeText('[] as string[]') } } })
  const program = join(source, 'program.mjs')
  writeFileSync(program, `import { createRequire } from 'node:module'
const { installHooks } = await import(${JSON.stringify(new URL('../../src/roles/hooks.ts', import.meta.url).href)})
installHooks(${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)})
process.emitWarning('Type Stripping is an experimental feature and might change at any time', 'ExperimentalWarning')
process.emitWarning('something else', 'ExperimentalWarning')
createRequire(import.meta.url)('./recipes/app/recipe.ts')
`)
  const { stderr, status } = spawnSync(process.execPath, [program], { encoding: 'utf8', env: {} })
  t.equal(status, 0)
  t.match(stderr, /something else/)
  t.notMatch(stderr, /stripping/i)
})

t.test('only folders with a recipe count as recipes', async t => {
  const source = t.testdir({ recipes: { app: { 'recipe.ts': '' }, lib: { 'x.ts': '' }, 'README.md': '' } })
  mkdirSync(join(source, 'recipes/empty'))
  t.strictSame(bookOf(source).ownNames(), ['app'])
})
