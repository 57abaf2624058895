import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { EVERYWHERE, VERBS } from '../src/cli/verbs.ts'
import { MEANINGS } from '../src/core/failure.ts'
import { configJsonSchema, roleJsonSchema } from '../src/roles/schema.ts'
import { INSTANCE_KEYS } from '../src/roles/tracked.ts'
import { examples, isWritten, matches, normalised, sessionOf, wrapped } from './support/examples.ts'
import { anchors, fileOf, home, names, pageOf, pages, section } from './support/pages.ts'
import { bookOf } from './support/provisioning.ts'

// A hundred starts of the program: from a fresh bundle ten seconds, from sources on a machine that has more to do a minute.
t.setTimeout(110_000)

const all = pages()

for (const page of all.filter(({ blocks }) => blocks.some(({ language }) => ['yaml', 'ts', 'console'].includes(language)))) {
  t.test(`${page.name}: its examples are right, and do what it says`, async t => {
    const repository = examples(t, page)
    const check = (when: string): void => {
      if (!existsSync(join(repository.directory, 'roles'))) return
      const { status, output } = repository.shell('sunup check')
      t.equal(status, 0, `sunup check, ${when}`, { output })
    }
    for (const block of page.blocks) {
      const where = `${page.name}:${block.line}`
      if (isWritten(repository, block)) check(`before ${where}`)
      const path = repository.write(block)
      if (block.language === 'yaml') t.ok(path, `${where} names its file on its first line`)
      if (block.language !== 'console') continue
      const session = sessionOf(block)
      t.ok(session.length > 0, `${where} has a command`)
      // One shell for all of a block, so that `echo $?` means what it says.
      const marked = session.map(({ command }, index) => `printf '\\1\\n'; ${index === 0 ? '' : '(exit $last); '}${command}\nlast=$?`).join('\n')
      const outputs = repository.shell(marked).output.split('\x01\n').slice(1)
      session.forEach(({ command, printed }, index) => {
        const [is, said] = [outputs[index] ?? '', printed].map(text => normalised(text, repository.directory)) as [string, string]
        if (matches(is, said)) t.pass(command)
        else t.equal(is, said, `${where}: ${command}`)
      })
    }
    check('in the end')
  })
}

t.test('the recipes in the pages are right to the type checker', async t => {
  const sources = all.flatMap(page => page.blocks.filter(({ language }) => language === 'ts').map(block => {
    const path = fileOf(block)
    // Files of a page may import one another; one that is shown again is another version.
    const isFirst = path !== undefined && page.blocks.find(one => fileOf(one) === path) === block
    return { path: join(t.testdirName, page.name, isFirst ? '' : String(block.line), path ?? 'recipe.ts'), text: path === undefined ? wrapped(block.text, page) : block.text }
  }))
  const texts = new Map(sources.map(({ path, text }) => [path, text]))
  const { config } = ts.readConfigFile(join(home, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, home)
  const told: ts.CompilerOptions = { ...options, noUnusedLocals: false, noUnusedParameters: false, noEmit: true, skipLibCheck: true, paths: { sunup: [join(home, 'src/index.ts')] } }
  const host = ts.createCompilerHost(told)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = path => texts.has(path) || fileExists(path)
  host.readFile = path => texts.get(path) ?? readFile(path)
  // Theirs are not there: the files themselves are asked for.
  delete host.directoryExists
  host.getSourceFile = (path, language, ...rest) => {
    const text = texts.get(path)
    return text === undefined ? getSourceFile(path, language, ...rest) : ts.createSourceFile(path, text, language)
  }
  const program = ts.createProgram([...texts.keys()], told, host)
  for (const path of texts.keys()) {
    const source = program.getSourceFile(path)
    const faults = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    t.same(faults, [], path.slice(t.testdirName.length + 1))
  }
})

t.test('what pages link to is there', async t => {
  for (const page of all) {
    const prose = page.text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '')
    for (const [, link = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page.name : normalize(join(dirname(page.name), path))
      t.ok(existsSync(join(home, target)), `${page.name} -> ${link}`)
      if (anchor !== undefined && target.endsWith('.md') && existsSync(join(home, target))) t.ok(anchors(pageOf(target)).includes(anchor), `${page.name} -> ${link} is a heading`)
    }
  }
})

t.test('every page can be found from the README, and every decision from their list', async t => {
  const { text } = pageOf('README.md')
  for (const { name } of all.filter(({ name }) => /^docs\/[^/]+$/.test(name))) t.ok(text.includes(`](${name})`), name)
  const list = pageOf('docs/decisions/README.md').text
  for (const name of readdirSync(join(home, 'docs/decisions')).filter(name => name !== 'README.md')) {
    t.match(name, /^\d{4}-[a-z0-9-]+\.md$/)
    t.ok(list.includes(`](${name})`), name)
  }
})

t.test('roles.md names every key of a role', async t => {
  const { text } = pageOf('docs/roles.md')
  const { properties } = roleJsonSchema([]) as { properties: Record<string, object> }
  for (const key of keysIn({ properties })) t.ok(names(text, key), key)
})

t.test('configuration.md names every key of sunup.yaml and of instance.yaml', async t => {
  const { text } = pageOf('docs/configuration.md')
  for (const key of [...keysIn(configJsonSchema()), ...INSTANCE_KEYS]) t.ok(names(text, key), key)
})

t.test('recipes.md names every recipe that comes with sunup, with every param', async t => {
  const page = pageOf('docs/recipes.md')
  const book = bookOf(t.testdir())
  for (const name of book.names()) {
    const recipe = await book.load(name, { file: 'test', line: 1 })
    const { $defs } = roleJsonSchema([recipe]) as { $defs: Record<string, object> }
    const text = section(page, name)
    for (const key of keysIn($defs[name])) t.ok(names(text, key), `${name}: ${key}`)
  }
})

t.test('resources.md names every constructor, with every prop', async t => {
  const page = pageOf('docs/resources.md')
  const index = readFileSync(join(home, 'src/index.ts'), 'utf8')
  const constructors = [...index.matchAll(/export \{ (\w+), type (\w+Props) \} from '(.+)'/g)]
  t.ok(constructors.length >= 15)
  for (const [, name = '', props = '', file = ''] of constructors) {
    const source = readFileSync(join(home, 'src', file), 'utf8')
    const body = new RegExp(`interface ${props} .*?\\{\\n(.*?)^\\}`, 'ms').exec(source)?.[1] ?? ''
    const keys = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(match => match[1] as string)
    t.ok(keys.length > 0, `${props} is found`)
    const text = section(page, name)
    for (const key of keys) t.ok(names(text, key), `${name}: ${key}`)
  }
  for (const key of ['onlyIf', 'notIf', 'timeout', 'retries']) t.ok(names(section(page, 'What every resource takes'), key), key)
})

t.test('exit-codes.md has every failure with its exit code, and no other', async t => {
  const { text } = pageOf('docs/exit-codes.md')
  const rows = new Map([...text.matchAll(/^\| `([a-z.]+)` \| (\d+) \|/gm)].map(match => [match[1], Number(match[2])]))
  t.same(Object.fromEntries([...rows].sort()), Object.fromEntries(Object.entries(MEANINGS).map(([code, { exit }]) => [code, exit] as const).sort()))
  for (const code of new Set([0, 2, ...Object.values(MEANINGS).map(({ exit }) => exit)])) t.match(text, new RegExp(`^\\| \\*\\*${code}\\*\\* \\|`, 'm'))
})

t.test('cli.md names every command, argument, option and event', async t => {
  const page = pageOf('docs/cli.md')
  const word = (flags: string): string => flags.split(' ')[0] as string
  for (const { flags, values } of EVERYWHERE) for (const one of [word(flags), ...(values ?? [])]) t.ok(names(page.text, one), one)
  for (const verb of VERBS) {
    const text = section(page, `sunup ${verb.name}`)
    for (const { flags, values } of verb.options ?? []) for (const one of [word(flags), ...(values ?? [])]) t.ok(names(text, one), `${verb.name}: ${one}`)
    for (const { name, values } of verb.arguments ?? []) for (const one of [name.replace(/\W/g, ''), ...(values ?? [])]) t.ok(names(text, one), `${verb.name}: ${one}`)
  }
  const events = readFileSync(join(home, 'src/core/events.ts'), 'utf8')
  for (const [, type = ''] of events.matchAll(/readonly type: '([a-z.-]+)'/g)) t.ok(names(page.text, type), type)
})

t.test('dependencies.md says of every dependency what it is for', async t => {
  const { text } = pageOf('docs/dependencies.md')
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) t.ok(names(text, name), name)
})

/** All names of properties in a JSON Schema, at any depth. */
function keysIn(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return []
  if (Array.isArray(schema)) return schema.flatMap(keysIn)
  return [...new Set(Object.entries(schema).flatMap(([key, value]) => (key === 'properties' ? [...Object.keys(value as object), ...Object.values(value as object).flatMap(keysIn)] : keysIn(value))))]
}
