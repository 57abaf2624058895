// Makes dist/sdk/: the AWS clients, small. Loaded as published, the one for EC2 alone costs a boot more than all the rest of the program.
import { build, type Metafile, type Plugin } from 'esbuild'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'

const SOURCE = 'src/clouds/aws/sdk'

/** One ES module for each file of src/clouds/aws/sdk, with chunks for what they share: a second client costs a quarter of the first.
 *  @param home the project's directory
 *  @param directory where they go, usually dist/sdk
 *  @returns what they are made of */
export async function buildSdk(home: string, directory: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: home,
    preserveSymlinks: true,
    entryPoints: readdirSync(join(home, SOURCE)).filter(name => name.endsWith('.ts')).map(name => join(home, SOURCE, name)),
    outdir: directory,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    // The published CommonJS can't be pruned.
    mainFields: ['module', 'main'],
    conditions: ['module'],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    plugins: [literalKeys, directBuiltins],
    metafile: true,
    logLevel: 'warning',
  })
  // What they are does not depend on what the directory lies in.
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}\n')
  return metafile
}

/** What a boot may ask. What is asked in rare cases (profiles, single sign-on) stays in files of its own. */
const CLIENTS = ['auto-scaling', 'dynamodb', 'ec2', 'ssm']

/** The clients of dist/sdk in one file for bin/load.js, each evaluated when it is first asked for: read by Node itself, a dozen ES modules would
 *  cost a boot ten milliseconds more, since the functions that are compiled when they are called are compiled in each run.
 *  @param sdk what buildSdk has made
 *  @param directory where it goes, beside sdk */
export async function joinSdk(sdk: string, directory: string): Promise<void> {
  await build({
    // Paths relative to it are in the result: elsewhere it is to be the same.
    absWorkingDir: sdk,
    stdin: { contents: CLIENTS.map(name => `exports[${JSON.stringify(name)}] = () => require('./${name}.js')`).join('\n'), resolveDir: sdk },
    outfile: join(directory, 'sdk.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22.18',
    supported: { 'dynamic-import': false },
    minifySyntax: true,
    minifyWhitespace: true,
    // Not that of whatever the directory lies in.
    tsconfigRaw: { compilerOptions: { alwaysStrict: true } },
    // They lie beside its parts.
    legalComments: 'none',
    plugins: [rareApart],
    logLevel: 'warning',
  })
}

const rareApart: Plugin = {
  name: 'rare-apart',
  setup: ({ onResolve }) =>
    void onResolve({ filter: /^\.\// }, ({ path, kind }) => (kind === 'dynamic-import' && !path.startsWith('./node_') ? { path: `../sdk/${path.slice('./'.length)}`, external: true } : undefined)),
}

/** For the build of the program: what it imports of src/clouds/aws/sdk is what buildSdk and joinSdk make beside it. */
export const sdkApart: Plugin = {
  name: 'sdk-apart',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /(^|\/)sdk\/[a-z0-9-]+\.ts$/ }, ({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1, -'.ts'.length)
      return CLIENTS.includes(name) ? { path: name, namespace: 'sdk' } : { path: `./sdk/${name}.js`, external: true }
    })
    onResolve({ filter: /^\.\/apart\/sdk\.cjs$/ }, ({ path }) => ({ path, external: true }))
    onLoad({ filter: /./, namespace: 'sdk' }, ({ path }) => ({ contents: `module.exports = require('./apart/sdk.cjs')[${JSON.stringify(path)}]()` }))
  },
}

/** A schema of the SDK names its fields' traits by computed keys, `{ [_xN]: … }`. A key that is computed may have effects, so esbuild keeps
 *  every shape of all 700 operations of EC2 (0.8 MB). Written out they have none, and what no used command leads to is left out. */
const literalKeys: Plugin = {
  name: 'literal-keys',
  setup: ({ onLoad }) =>
    void onLoad({ filter: /[/\\]@aws-sdk[/\\].*[/\\]schemas_\d+\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const literals = new Map(Array.from(text.matchAll(/^const (\w+) = ("[^"\\]*");$/gm), ([, name, literal]) => [name, literal]))
      return { contents: text.replace(/\[(\w+)\]:/g, (whole, name: string) => (literals.has(name) ? `${literals.get(name)}:` : whole)), loader: 'js' }
    }),
}

/** An ES module that imports Node's own runs every lazy getter they have: 10 ms. */
const directBuiltins: Plugin = {
  name: 'direct-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z]/ }, ({ path }) => (isBuiltin(path) ? { path, namespace: 'builtin' } : undefined))
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({ contents: `module.exports=process.getBuiltinModule(${JSON.stringify(path)})`, loader: 'js' }))
  },
}
