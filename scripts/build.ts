// Makes dist/: the program, the module that recipes import, the recipes that come with sunup, their types.
import { build, type Plugin } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { inputsOf } from '../bin/inputs.js'
import { bundleTypes } from './types.ts'

const home = dirname(import.meta.dirname)
const dist = join(home, 'dist')
const inputs = inputsOf(home)
rmSync(dist, { recursive: true, force: true })

const recipes = readdirSync(join(home, 'recipes')).filter(name => existsSync(join(home, 'recipes', name, 'recipe.ts')))
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }

/** Complaints are worded by sunup itself: zod's forty other languages would be a third of the bundle. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup: ({ onResolve }) => void onResolve({ filter: /\/locales\/index\.js$/ }, ({ resolveDir }) => ({ path: join(dirname(resolveDir), 'locales', 'en.js') })),
}

/** Importing a module of Node's own from an ES module runs every lazy getter it has, and so loads half of Node: 10 ms of each start.
 *  Taken by getBuiltinModule it stays as lazy as it is. */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path }) => (isBuiltin(path) ? { path: path.replace(/^node:/, ''), namespace: 'builtin' } : undefined))
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({ contents: `module.exports = process.getBuiltinModule('node:${path}')` }))
  },
}

/** The recipes that come with the program, in the bundle. */
const comingWith: Plugin = {
  name: 'coming-with',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/coming-with\.ts$/ }, () => ({ path: 'recipes', namespace: 'coming-with' }))
    onLoad({ filter: /./, namespace: 'coming-with' }, () => ({
      resolveDir: home,
      contents: `export const comingWith = {${recipes.map(name => `${JSON.stringify(name)}: () => import('./recipes/${name}/recipe.ts')`).join(',')}}`,
    }))
  },
}

// One file: each further module costs a start half a millisecond. What is imported dynamically is evaluated when that is called.
await build({
  entryPoints: { main: join(home, 'src/program.ts') },
  outdir: dist,
  alias: {
    sunup: join(home, 'src/index.ts'),
    // For Node it offers CommonJS alone, of which nothing can be left out.
    yaml: join(home, 'node_modules/yaml/browser/index.js'),
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.18',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  define: { SUNUP_VERSION: JSON.stringify(version) },
  plugins: [comingWith, englishOnly, lazyBuiltins],
  logLevel: 'warning',
})

// What recipes import: the running program's own.
const names = Object.keys((await import(join(home, 'src/index.ts'))) as object)
writeFileSync(join(dist, 'index.js'), `import{sunup}from'./main.js'\nexport const{${names.join(',')}}=sunup\n`)

for (const name of recipes) {
  cpSync(join(home, 'recipes', name), join(dist, 'recipes', name), { recursive: true, filter: path => !path.endsWith('.ts') })
}
mkdirSync(join(dist, 'types'), { recursive: true })
bundleTypes(home, join(dist, 'types'))
writeFileSync(join(dist, 'inputs.json'), JSON.stringify(inputs))

