// Makes dist/, or the directory that is named: the program, the module that recipes import, the recipes that come with sunup, their types.
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { inputsOf } from '../bin/inputs.js'
import { buildSdk, joinSdk, sdkApart } from './sdk.ts'
import { bundleTypes } from './declarations.ts'
import { licencesOf } from './licences.ts'

const home = dirname(import.meta.dirname)
const dist = resolve(process.argv[2] ?? join(home, 'dist'))
const inputs = inputsOf(home)
rmSync(dist, { recursive: true, force: true })

const recipes = readdirSync(join(home, 'recipes')).filter(name => existsSync(join(home, 'recipes', name, 'recipe.ts')))
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }

/** Complaints are worded by sunup itself: zod's forty other languages would be a third of the bundle. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup: ({ onResolve }) => void onResolve({ filter: /\/locales\/index\.js$/ }, ({ resolveDir }) => ({ path: join(dirname(resolveDir), 'locales', 'en.js') })),
}

/** Libraries that a settled boot has no use for, each in a file of its own: to read and check what is not run would be milliseconds, too. */
const APART = { zod: join(home, 'node_modules/zod/v4/classic/external.js'), commander: 'commander', diff: 'diff', tar: 'tar', zx: 'zx/core' }

const apart: Plugin = {
  name: 'apart',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:commander|diff|tar|zx\/core)$/ }, ({ path }) => ({ path: `./apart/${path.split('/')[0]}.cjs`, external: true }))
    // zod is loaded when something of it is first touched: a role whose recipes have no params needs none of it.
    onResolve({ filter: /^zod$/ }, () => ({ path: 'zod', namespace: 'zod' }))
    onResolve({ filter: /^\.\/apart\/zod\.cjs$/ }, ({ path }) => ({ path, external: true }))
    onLoad({ filter: /./, namespace: 'zod' }, () => ({
      contents: `const all = () => require('./apart/zod.cjs')
        export const z = new Proxy({}, {
          get: (_, key) => all()[key],
          has: (_, key) => key in all(),
          ownKeys: () => Reflect.ownKeys(all()),
          getOwnPropertyDescriptor: (_, key) => (Object.hasOwn(all(), key) ? { value: all()[key], enumerable: true, configurable: true } : undefined),
        })`,
    }))
  },
}

/** The bundle is run by bin/load.js, whose import() it has: what node:vm compiles can import by an experimental way alone. */
const imports: Plugin = {
  name: 'imports',
  setup: ({ onLoad }) => void onLoad({ filter: /\/src\/roles\/import-url\.ts$/ }, () => ({ contents: 'export const importUrl = url => require.importUrl(url)' })),
}

/** What simple-git tells itself of its work, where nobody listens: sunup has events of its own. It would cost a settled boot a millisecond. */
const silent: Plugin = {
  name: 'silent',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'silent' }))
    onLoad({ filter: /./, namespace: 'silent' }, () => ({
      contents: `const log = namespace => Object.assign(() => {}, { namespace, enabled: false, extend: name => log(namespace + ':' + name) })
        module.exports = Object.assign(log, { formatters: {} })`,
    }))
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

const options = {
  absWorkingDir: home,
  // Paths of modules are in the result: they are to be the same where node_modules is a link.
  preserveSymlinks: true,
  outdir: dist,
  bundle: true,
  // An ES module would import Node's own modules as namespaces, and so run every lazy getter they have: 10 ms of each start.
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  platform: 'node',
  target: 'node22.18',
  // Of files of the bundle and of Node's own: by require.
  supported: { 'dynamic-import': false },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions

const libraries = await build({ ...options, entryPoints: APART, outdir: join(dist, 'apart'), plugins: [englishOnly] })
const sdk = await buildSdk(home, join(dist, 'sdk'))
await joinSdk(join(dist, 'sdk'), join(dist, 'apart'))
// All else is one file: each further module costs a start half a millisecond. What is imported dynamically is evaluated when that is called.
const program = await build({
  ...options,
  entryPoints: { main: join(home, 'src/program.ts') },
  alias: {
    sunup: join(home, 'src/index.ts'),
    // For Node it offers CommonJS alone, of which nothing can be left out.
    yaml: join(home, 'node_modules/yaml/browser/index.js'),
  },
  define: { SUNUP_VERSION: JSON.stringify(version), 'import.meta.dirname': '__dirname' },
  plugins: [comingWith, apart, sdkApart, imports, silent],
})

// By its first line a compiled form is known to be this build's.
for (const file of [join(dist, 'main.cjs'), ...readdirSync(join(dist, 'apart')).filter(name => name.endsWith('.cjs')).map(name => join(dist, 'apart', name))]) {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, `/*${createHash('sha256').update(text).digest('hex').slice(0, 16)}*/${text}`)
}

// What recipes import: the running program's own.
const names = Object.keys((await import(join(home, 'src/index.ts'))) as object)
writeFileSync(join(dist, 'index.js'), `const{sunup}=process.getBuiltinModule('module').createRequire(import.meta.url)('./main.cjs')\nexport const{${names.join(',')}}=sunup\n`)

for (const name of recipes) {
  cpSync(join(home, 'recipes', name), join(dist, 'recipes', name), { recursive: true, filter: path => !path.endsWith('.ts') })
}
mkdirSync(join(dist, 'types'), { recursive: true })
bundleTypes(home, join(dist, 'types'))
writeFileSync(join(dist, 'licences.txt'), licencesOf(home, [libraries.metafile, sdk, program.metafile]))
writeFileSync(join(dist, 'inputs.json'), JSON.stringify(inputs))

