import t from 'tap'
import { order } from '../../src/engine/order.ts'
import { checkRepository, type Inspection } from '../../src/roles/check.ts'
import { bookOf, builtIn, failureOf, host, instance, recipeText } from '../support/provisioning.ts'

const check = (source: string, more: Partial<Inspection> = {}) => {
  bookOf(source)
  return checkRepository({ source, builtIn, host, run: '/run/sunup', state: '/var/lib/sunup', order, ...more })
}

const shown = (faults: readonly { place: { file: string; line: number }; message: string }[]) => faults.map(fault => `${fault.place.file}:${fault.place.line}: ${fault.message}`)

const recipes = (texts: Record<string, string>) => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { 'recipe.ts': text }]))

t.test('a repository without faults has none', async t => {
  const source = t.testdir({
    roles: { 'base.yaml': 'securityGroups: []\nrecipes: [a]\n', 'web.yaml': 'include: [base]\nrecipes:\n  - files: [{ path: /x, content: x }]\n' },
    recipes: recipes({ a: recipeText("[file({ path: '/a', content: '' })]") }),
  })
  t.strictSame(await check(source), { roles: ['base', 'web'], recipes: ['a'], faults: [], warnings: [] })
})

t.test('every fault of roles and recipes is found in one go', async t => {
  const source = t.testdir({
    roles: {
      'broken.yaml': 'recipes: [\n',
      'cycle.yaml': 'include: [cycle]\n',
      'old.yml': '',
      'web.yaml': 'deadlin: 3m\nrecipes: []\n',
      'worker.yaml': 'recipes:\n  - nowhere\n  - throws\n  - packages: { instal: [] }\n  - template\n  - files: [{ path: /x, content: { secret: "file:/nonexistent" } }]\n',
    },
    recipes: recipes({
      enum: 'enum A { b }\n',
      template: recipeText("[template({ path: '/a', source: asset('a.conf'), vars: {} })]"),
      throws: recipeText('nowhere.to'),
      unused: 'export const a = 1\n',
    }),
    templates: { 'a.conf': 'one\n{{missing}}\n' },
  })
  const { faults } = await check(source)
  t.match(shown(faults), [
    /^recipes\/enum\/recipe\.ts:1: .*enum/,
    /^recipes\/template\/recipe\.ts:6: recipe template: a\.conf:2: .*\(in the run list at roles\/worker\.yaml:5\)/,
    /^recipes\/throws\/recipe\.ts:6: recipe throws threw/,
    /^recipes\/unused\/recipe\.ts:1: has no recipe/,
    /^roles\/broken\.yaml:\d: /,
    /^roles\/cycle\.yaml:1: the role includes itself/,
    /^roles\/old\.yml:1: a role file ends in \.yaml/,
    /^roles\/web\.yaml:1: unknown key "deadlin"/,
    /^roles\/worker\.yaml:2: there is no recipe "nowhere"/,
    /^roles\/worker\.yaml:4: recipe packages: unknown key "instal"/,
    /^roles\/worker\.yaml:6: recipe files: a secret stands/,
  ])
  t.equal(faults.length, 11)
})

t.test('a mode without quotes, or a key that is wrong, hides nothing else of its file', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'deadlin: 3m\nrecipes:\n  - files: [{ path: /a, content: x, mode: 0644 }]\n  - files: [{ path: /b, contnt: x }]\n  - nowhere\n' } })
  t.match(shown((await check(source)).faults), [/:1: unknown key "deadlin"/, /:3: 0644 is read as the number 644/, /:4: .*"contnt"/, /:4: /, /:5: there is no recipe "nowhere"/])
  t.match(shown((await check(source, { role: 'web' })).faults), [/:1: /, /:3: /, /:4: /, /:4: /, /:5: /])
})

t.test('a role that is named and can’t be parsed is a fault like others', async t => {
  t.match(shown((await check(t.testdir({ roles: { 'web.yaml': 'recipes: [\n' } }), { role: 'web' })).faults), [/^roles\/web\.yaml:\d: /])
})

t.test('a prop that is wrong is placed where the recipe has it', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'recipes:\n  - a\n' }, recipes: recipes({ a: recipeText("[\nfile({ path: '/a', contnt: 'x' })]") }) })
  t.match((await check(source)).faults, [{ place: { file: 'recipes/a/recipe.ts', line: 7 }, message: /no prop "contnt" \(in the run list at roles\/web\.yaml:2\)/, hint: 'Did you mean content?', code: 'resource.invalid' }])
})

t.test('what the engine refuses is found, at the place of one of the two', async t => {
  const text = (content: string) => recipeText(`[file({ path: '/a', content: '${content}' })]`)
  const source = t.testdir({ roles: { 'web.yaml': 'recipes:\n  - a\n  - b\n' }, recipes: recipes({ a: text('1'), b: text('2') }) })
  const { faults } = await check(source)
  t.match(faults, [{ code: 'resource.conflict', place: { file: 'roles/web.yaml', line: 2 } }])
})

t.test('a fault in departed() is found', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'recipes: [a]\n' }, recipes: recipes({ a: recipeText('[]', 'departed() { return 3 },') }) })
  t.match(shown((await check(source)).faults), [/^recipes\/a\/recipe\.ts:4: recipe a: departed\(\) must return a list/])
})

t.test('a fault of an included role is told once', async t => {
  const source = t.testdir({ roles: { 'base.yaml': 'recipes: [nowhere]\n', 'a.yaml': 'include: [base]\n', 'b.yaml': 'include: [base]\n' } })
  t.equal((await check(source)).faults.length, 1)
})

t.test('a recipe that loops is told, and the rest is looked at', async t => {
  const source = t.testdir({
    roles: { 'web.yaml': 'recipes: [a, b]\n' },
    recipes: recipes({ a: recipeText('(() => { for (;;); })()'), b: recipeText('[3]'), c: 'for (;;);' }),
  })
  t.strictSame((await check(source, { limitMs: 50 })).faults.map(fault => [fault.place.file, fault.code]), [
    ['recipes/a/recipe.ts', 'recipe.stuck'],
    ['recipes/b/recipe.ts', 'recipe.invalid'],
    ['recipes/c/recipe.ts', 'recipe.stuck'],
  ])
})

t.test('an execute that runs in every boot is warned of', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'recipes: [a]\n' }, recipes: recipes({ a: recipeText("[execute({ name: 'x', argv: ['true'] })]") }) })
  const { faults, warnings } = await check(source)
  t.strictSame(faults, [])
  t.match(warnings, [{ code: 'resource.unguarded', place: { file: 'roles/web.yaml', line: 1 }, message: 'recipe a: execute[x] runs in every boot' }])
})

t.test('a recipe that prepares and reads the identity is warned of', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'recipes: [a]\n' }, recipes: recipes({ a: recipeText('instance.tags.color && instance.zone ? [] : []') }) })
  t.match((await check(source)).warnings, [{ code: 'recipe.identity', message: /reads instance\.tags while it prepares/ }])
})

t.test('a recipe of sunup’s own that reads the identity is warned of in words that its user can follow', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'recipes:\n  - files: [{ path: /a, template: a, vars: {} }]\n' }, templates: { a: '{{instance.id}}\n' } })
  const { warnings } = await check(source)
  t.match(warnings, [{ code: 'recipe.identity', hint: /^Nothing is wrong with that/ }])
})

t.test('two roles that one group can lead to are warned of', async t => {
  const source = t.testdir({ roles: { 'base.yaml': 'securityGroups: []\nrecipes: []\n', 'web.yaml': 'recipes: []\nsecurityGroups: ["web*"]\n', 'web-eu.yaml': 'recipes: []\n' } })
  const { faults, warnings } = await check(source)
  t.strictSame(faults, [])
  t.match(warnings, [{ code: 'role.several', message: /^roles web \("web\*"\) and web-eu \("web-eu"\)|^roles web-eu \("web-eu"\) and web \("web\*"\)/ }])
  t.equal(warnings.length, 1)
})

t.test('no secret is read, and the cloud is not asked', async t => {
  const source = t.testdir({
    roles: { 'web.yaml': 'recipes:\n  - a: { key: { secret: "file:/nonexistent" } }\n  - eip\n  - registry\n' },
    recipes: recipes({ a: recipeText("[file({ path: '/a', content: params.key })]", 'params: z.strictObject({ key: secret() }),') }),
  })
  t.strictSame((await check(source)).faults, [])
})

t.test('two addresses for one instance are told, each other one at its place', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'recipes:\n  - eip\n  - eip: { pool: { pool: edge } }\n  - eip: { tag: other }\n' } })
  const { faults } = await check(source)
  t.strictSame(shown(faults), [
    'roles/web.yaml:3: an instance holds one public address: address[pool pool=edge] by recipe eip (roles/web.yaml:3) would take the place of address[tag allocation-id] by recipe eip (roles/web.yaml:2)',
    'roles/web.yaml:4: an instance holds one public address: address[tag other] by recipe eip (roles/web.yaml:4) would take the place of address[tag allocation-id] by recipe eip (roles/web.yaml:2)',
  ])
  t.match(faults, [{ code: 'resource.conflict' }, { code: 'resource.conflict' }])
})

t.test('one address asked for twice, one behind a guard, and one given back are none too many', async t => {
  const other = (allocation: string, more: string) => `import { address, recipe } from 'sunup'
export default recipe({
  description: 'Another address.',
  phase: 'activate',
  resources: ({ instance, cloud }) => [address({ addresses: cloud.addresses, instanceId: instance.id, allocation: '${allocation}', ${more} })],
})
`
  const source = t.testdir({
    roles: { 'web.yaml': 'recipes: [eip, eip, guarded, back]\n' },
    recipes: recipes({ guarded: other('eipalloc-2', "onlyIf: ['true']"), back: other('eipalloc-3', "state: 'absent'") }),
  })
  t.strictSame((await check(source)).faults, [])
})

t.test('what is sunup’s own is nobody else’s to write: the health file least of all', async t => {
  const source = t.testdir({
    roles: { 'web.yaml': 'recipes:\n  - files: [{ path: /run/sunup/health/ping.html, content: ok }]\n  - files: [{ path: /var/run/sunup/lock, content: "" }, { path: /var/lib/sunup, content: "" }, { path: /run/sunup-app/x, content: "" }]\n  - purges\n' },
    recipes: recipes({ purges: `import { directory, recipe } from 'sunup'
export default recipe({ description: 'Empties.', resources: () => [directory({ path: '/run', purge: true }), directory({ path: '/var/lib' })] })
` }),
  })
  const { faults } = await check(source)
  t.strictSame(shown(faults), [
    "roles/web.yaml:2: file[/run/sunup/health/ping.html] lies in /run/sunup, which is sunup's own",
    "roles/web.yaml:3: file[/var/run/sunup/lock] lies in /run/sunup, which is sunup's own",
    "roles/web.yaml:3: file[/var/lib/sunup] lies in /var/lib/sunup, which is sunup's own",
    "roles/web.yaml:4: directory[/run] would be emptied with /run/sunup, which is sunup's own",
  ])
  t.match(faults[0]?.hint, /name it by `health`/)
  t.match(shown((await check(source, { run: '/var/run/sunup' })).faults)[0], /health\/ping\.html\] lies in \/var\/run\/sunup/)
})

t.test('a known identity stands for the roles that answer to its groups', async t => {
  const text = recipeText("instance.id === 'i-1' ? [3] : []")
  const source = t.testdir({ roles: { 'web.yaml': 'recipes: [a]\n', 'worker.yaml': 'recipes: [a]\n' }, recipes: recipes({ a: text }) })
  t.match(shown((await check(source, { instance: { ...instance, id: 'i-1' } })).faults), [/run list at roles\/web\.yaml:1/])
})

t.test('one role alone can be looked at', async t => {
  const source = t.testdir({ roles: { 'web.yaml': 'recipes: []\n', 'broken.yaml': 'a: [\n' }, recipes: recipes({ bad: '' }) })
  t.strictSame((await check(source, { role: 'web' })).faults, [])
  t.match(await failureOf(() => check(source, { role: 'wbe' })), { code: 'role.missing', hint: 'Did you mean web?' })
})

t.test('nothing to look at is a failure', async t => {
  t.match(await failureOf(() => check(t.testdir({}))), { code: 'source.empty' })
})
