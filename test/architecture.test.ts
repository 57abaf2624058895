import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const home = fileURLToPath(new URL('../', import.meta.url))

/** Directories of each layer; imports point down only, and never to a peer. */
const LAYERS: readonly (readonly string[])[] = [['core'], ['engine', 'roles', 'machine', 'clouds/aws', 'clouds/local', 'gate', 'reporters', 'formats', 'resources'], ['life'], ['cli']]

/** What recipes get, and the program with it: neither is imported by anything below. */
const TOPS: Readonly<Record<string, readonly string[]>> = { 'src/index.ts': ['core', 'roles', 'resources'], 'src/program.ts': ['cli', 'roles', 'src/index.ts'] }

/** The only users of a library: what else wants it asks them. */
const LIBRARIES: readonly (readonly [library: RegExp, user: RegExp])[] = [
  [/^zx(?:\/|$)/, /^src\/machine\/commands\.ts$/],
  [/^simple-git$/, /^src\/machine\/git[\w-]*\.ts$/],
  [/^@(?:aws-sdk|smithy)\//, /^src\/clouds\/aws\//],
  [/^commander$/, /^src\/cli\//],
  [/^(?:node:)?child_process$/, /^src\/machine\//],
]

const LONGEST_FILE = 250

interface Import {
  readonly target: string
  readonly kind: 'value' | 'type' | 'dynamic'
}

const sources = files('src').filter(name => name.endsWith('.ts'))
const recipes = files('recipes').filter(name => name.endsWith('.ts'))
const texts = new Map([...sources, ...recipes].map(name => [name, readFileSync(join(home, name), 'utf8')]))

t.test('imports point down only, and no peer imports another', async t => {
  const isAllowed = (name: string, target: string): boolean => {
    const [from, to] = [unitOf(name), unitOf(target)]
    return TOPS[name]?.includes(to) ?? (from === to || rankOf(to) < rankOf(from))
  }
  t.strictSame(imports(sources).filter(({ name, target }) => target.startsWith('src/') && !isAllowed(name, target)).map(shown), [])
})

t.test('recipes import sunup alone, and files of their own folder', async t => {
  t.strictSame(imports(recipes).filter(({ name, target }) => target !== 'sunup' && !target.startsWith(`${dirname(name)}/`)).map(shown), [])
})

t.test('no module waits for itself', async t => {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) return void cycles.push([...path.slice(path.indexOf(name)), name].join(' -> '))
    if (done.has(name)) return
    for (const { target, kind } of texts.has(name) ? importsOf(name) : []) if (kind === 'value') visit(target, [...path, name])
    done.add(name)
  }
  for (const name of sources) visit(name, [])
  t.strictSame(cycles, [])
})

t.test('a library has one user', async t => {
  const isAllowed = (name: string, target: string): boolean => LIBRARIES.every(([library, user]) => !library.test(target) || user.test(name))
  t.strictSame(imports([...sources, ...recipes]).filter(({ name, target, kind }) => kind !== 'type' && !isAllowed(name, target)).map(shown), [])
})

t.test('only compose.ts reads the environment and ends the process', async t => {
  const found = matching(/\bprocess\.(?:env|exit)\b|\{[^}\n]*\b(?:env|exit)\b[^}\n]*\} = process\b/)
  t.strictSame(found, ['src/cli/compose.ts'])
})

t.test('modules keep no state', async t => {
  t.strictSame(matching(/^(?:export )?(?:let|var) /m), [])
})

t.test('there is one class', async t => {
  t.strictSame(matching(/^\s*(?:export )?(?:default )?(?:abstract )?class \w/m), ['src/core/failure.ts'])
})

t.test('there are default exports only where something is found by its name', async t => {
  t.strictSame(matching(/^export default |^export \{[^}]*\bas default\b/m).filter(name => !/^(?:src\/cli\/commands|src\/formats|recipes)\//.test(name)), [])
})

t.test('only verify.ts makes the proof that opens the gate', async t => {
  t.strictSame(matching(/(?:unknown|any) as Verified\b|<Verified>|: Verified = \{/), ['src/engine/verify.ts'])
})

t.test('files say one thing', async t => {
  t.strictSame([...texts].filter(([, text]) => text.split('\n').length - 1 > LONGEST_FILE).map(([name]) => name), [])
})

t.test('no name says nothing', async t => {
  const empty = /(?:^|\/)(?:utils?|helpers?|common|shared|misc|types)(?:\.\w+)*(?:\/|$)/
  t.strictSame([...sources, ...recipes, ...files('test'), ...files('bin')].filter(name => empty.test(name)), [])
})

t.test('nothing names the machine it was written on', async t => {
  const theirs = new RegExp(`(?<![\\w.-])/${'work'}/|\\.\\./${'shared'}\\b`)
  const all = ['.ci', 'bench', 'bin', 'demo', 'docs', 'recipes', 'roles', 'scripts', 'src', 'templates', 'test'].flatMap(files)
  const tops = readdirSync(home).filter(name => /\.(?:json|md)$|^LICENSE$/.test(name) && name !== 'package-lock.json')
  t.strictSame([...all, ...tops].filter(name => theirs.test(readFileSync(join(home, name), 'utf8'))), [])
})

/** Relative paths of all files below a directory of the checkout; what was made there by running it is not of it. */
function files(top: string): string[] {
  return readdirSync(join(home, top), { recursive: true, withFileTypes: true })
    .map(entry => join(entry.parentPath, entry.name).slice(home.length))
    .filter(name => !name.startsWith('demo/work') && statSync(join(home, name), { throwIfNoEntry: false })?.isFile())
    .sort()
}

function imports(names: readonly string[]): (Import & { readonly name: string })[] {
  return names.flatMap(name => importsOf(name).map(one => ({ ...one, name })))
}

function shown({ name, target }: { readonly name: string; readonly target: string }): string {
  return `${name} imports ${target}`
}

function matching(pattern: RegExp): string[] {
  return [...texts].filter(([, text]) => pattern.test(withoutComments(text))).map(([name]) => name)
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, '').replace(/(?<=^|\s)\/\/.*$/gm, '')
}

function importsOf(name: string): Import[] {
  const text = withoutComments(texts.get(name) as string)
  const found: Import[] = []
  for (const [, what = '', target = ''] of text.matchAll(/^(?:import|export)\b([^'"`;=()]*?\bfrom\s+|\s+)'([^']+)'/gm)) {
    const names = what.match(/\{([^}]*)\}/)?.[1]?.split(',').map(one => one.trim()).filter(one => one !== '')
    const isType = /^\s+type\b/.test(what) || (names !== undefined && names.length > 0 && !/^\s*\w/.test(what) && names.every(one => one.startsWith('type ')))
    found.push({ target: resolved(name, target), kind: isType ? 'type' : 'value' })
  }
  for (const [, before = '', target = ''] of text.matchAll(/(typeof )?\bimport\('([^']+)'\)/g)) found.push({ target: resolved(name, target), kind: before === '' ? 'dynamic' : 'type' })
  return found
}

function resolved(name: string, target: string): string {
  return target.startsWith('.') ? normalize(join(dirname(name), target)) : target
}

/** The directory that a file belongs to, or one of the tops. */
function unitOf(name: string): string {
  if (TOPS[name]) return name
  const [, first = '', second = ''] = name.split('/')
  return first === 'clouds' ? `clouds/${second}` : first
}

function rankOf(unit: string): number {
  const rank = LAYERS.findIndex(layer => layer.includes(unit))
  return rank < 0 ? Infinity : rank
}
