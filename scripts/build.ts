// Makes dist/: the program, the module that recipes import, the recipes that come with sunup, their types.
import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inputsOf } from '../bin/inputs.js'
import { bundleTypes } from './types.ts'

const home = dirname(import.meta.dirname)
const dist = join(home, 'dist')
const inputs = inputsOf(home)
rmSync(dist, { recursive: true, force: true })

const recipes = readdirSync(join(home, 'recipes')).filter(name => existsSync(join(home, 'recipes', name, 'recipe.ts')))
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }

await build({
  entryPoints: {
    main: join(home, 'src/cli/main.ts'),
    index: join(home, 'src/index.ts'),
    ...Object.fromEntries(recipes.map(name => [`recipes/${name}/recipe`, join(home, 'recipes', name, 'recipe.ts')])),
  },
  outdir: dist,
  alias: { sunup: join(home, 'src/index.ts') },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.18',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  legalComments: 'linked',
  chunkNames: 'chunks/[name]-[hash]',
  define: { SUNUP_VERSION: JSON.stringify(version), SUNUP_BUNDLED: 'true' },
  // CommonJS among what is bundled asks for Node's own modules by require.
  banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
  logLevel: 'warning',
})

for (const name of recipes) {
  cpSync(join(home, 'recipes', name), join(dist, 'recipes', name), { recursive: true, filter: path => !path.endsWith('.ts') })
}
mkdirSync(join(dist, 'types'), { recursive: true })
bundleTypes(home, join(dist, 'types'))
writeFileSync(join(dist, 'inputs.json'), JSON.stringify(inputs))

// The first start compiles; later ones find it in the cache.
for (const args of [['--version'], ['--help']]) spawnSync(process.execPath, [join(home, 'bin/sunup.js'), ...args])
