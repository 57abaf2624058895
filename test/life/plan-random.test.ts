import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { bootHere, planHere } from '../support/boot-here.ts'
import { untrue } from '../support/foretold.ts'
import { premises, type Premises } from '../support/repository.ts'
import { treeOf } from '../support/tree.ts'

/** Builds what the role lists: [constructor, props]. */
const ANY = `import { recipe, z, file, template, directory, link, execute } from 'sunup'
const kinds = { file, template, directory, link, execute }
export default recipe({
  description: 'Whatever it is told.',
  params: z.array(z.any()),
  resources: ({ params }) => params.map(([kind, props]) => kinds[kind](props)),
})
`

type Entry = readonly [kind: string, props: Readonly<Record<string, unknown>>]

const mode = fc.constantFrom('0644', '0600', '0755', '4711')
const content = fc.constantFrom('', 'one\n', 'one\ntwo\n', 'no line end', '\0binary')
const maybe = (entry: fc.Arbitrary<Entry>): fc.Arbitrary<readonly Entry[]> => fc.option(entry, { nil: undefined }).map(one => (one === undefined ? [] : [one]))
const fileAt = (path: string): fc.Arbitrary<Entry> => fc.record({ path: fc.constant(path), content, mode, backup: fc.constantFrom(undefined, 2) }).map(props => ['file', props] as const)
const directoryAt = (path: string): fc.Arbitrary<Entry> =>
  fc.record({ path: fc.constant(path), mode: fc.constantFrom('0755', '0700', '2750'), purge: fc.constantFrom(undefined, { keep: ['f', 'g', 'sub', 'f.sunup-1', 'f.sunup-2', 'g.sunup-1', 'g.sunup-2'] }) }).map(props => ['directory', props] as const)
const linkAt = (path: string): fc.Arbitrary<Entry> => fc.constantFrom('f', '/d/f', '../up', 'nowhere').map(to => ['link', { path, to }] as const)
const command = (name: string, ...on: string[]): fc.Arbitrary<Entry> =>
  fc.constantFrom<Entry>(
    ['execute', { name, argv: ['/bin/sh', '-c', `mkdir -p "$SUNUP_ROOT/made" && touch "$SUNUP_ROOT/made/${name}"`], creates: `/made/${name}` }],
    ['execute', { name, argv: ['true'], runOn: on }],
    ['execute', { name, argv: ['true'], notIf: ['true'] }],
  )

/** Some of them with a guard that asks for what an earlier one may make, and no later one does: such a guard says the same when it is asked again. */
const guarded = (entry: fc.Arbitrary<Entry>, path: string): fc.Arbitrary<Entry> =>
  fc.tuple(entry, fc.constantFrom(undefined, undefined, 'onlyIf', 'notIf')).map(([[kind, props], guard]) => [kind, guard === undefined ? props : { ...props, [guard]: ['test', '-e', path] }] as const)

/** A directory before what lies in it: a role that contradicts itself foretells nothing. */
const role: fc.Arbitrary<readonly Entry[]> = fc
  .tuple(maybe(directoryAt('/d')), maybe(fileAt('/d/f')), maybe(guarded(fileAt('/d/g'), 'd/f')), maybe(directoryAt('/d/sub')), maybe(guarded(fileAt('/e/f'), 'd/g')), maybe(linkAt('/e/link')), maybe(guarded(linkAt('/l'), 'e/f')))
  .chain(parts => {
    const before = parts.flat()
    const files = before.filter(([kind]) => kind === 'file').map(([, { path }]) => `file[${String(path)}]`)
    return files.length === 0 ? fc.constant(before) : command('c', ...files).map(act => [...before, act])
  })

/** What lies there already, of no role. */
const strays = fc.subarray(['d/stray', 'd/f', 'd/sub/stray', 'made/c'])

t.test('of any role on any machine: a plan writes nothing, and the boot does what it foretold', async t => {
  const where = premises(t, { role: '', files: { 'recipes/any/recipe.ts': ANY } })
  let changed = 0
  await fc.assert(
    fc.asyncProperty(role, role, strays, async (before, after, left) => {
      reset(where, left)
      given(where, before)
      const first = await bootHere(where, { staged: true })
      given(where, after)
      const tree = treeOf(where.root)
      const planned = await planHere(where, { staged: true })
      t.strictSame(treeOf(where.root), tree)
      const booted = await bootHere(where, { staged: true })
      if (first.exitCode !== 0 || booted.exitCode !== 0) throw first.failure ?? booted.failure
      const lies = untrue(planned.events, booted.events)
      if (lies.length > 0) throw new Error(lies.join('\n'))
      if (!existsSync(where.health)) throw new Error('ended with 0, and the gate is closed')
      const again = await planHere(where, { staged: true })
      if (again.exitCode !== 0) throw new Error('and then nothing more would change')
      changed += planned.exitCode === 2 ? 1 : 0
    }),
    { numRuns: 30 },
  )
  t.ok(changed > 5, 'many of them had something to change')
})

function reset(where: Premises, left: readonly string[]): void {
  for (const name of readdirSync(where.root)) rmSync(join(where.root, name), { recursive: true })
  for (const path of left) {
    mkdirSync(join(where.root, path, '..'), { recursive: true })
    writeFileSync(join(where.root, path), 'stray\n')
  }
}

function given(where: Premises, entries: readonly Entry[]): void {
  where.write({ 'roles/demo.yaml': JSON.stringify({ recipes: entries.length === 0 ? [] : [{ any: entries }] }) })
}
