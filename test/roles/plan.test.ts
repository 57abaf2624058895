import t, { type Test } from 'tap'
import type { Instance } from '../../src/core/instance.ts'
import { reveal, type Secret } from '../../src/core/secret.ts'
import { planResources, planSteps } from '../../src/roles/plan.ts'
import type { Planning } from '../../src/roles/call.ts'
import { standInCloud } from '../../src/roles/stand-in.ts'
import { loadRunList } from '../../src/roles/steps.ts'
import { failureOf, host, instance, provisioning, recipeText, type Contents } from '../support/provisioning.ts'

async function planning(t: Test, runList: string, contents: Contents, more: Partial<Planning> = {}): Promise<Planning> {
  const { source, role, book } = provisioning(t, runList, contents)
  const steps = await loadRunList(role, book, async () => { throw new Error('no secrets here') })
  return { steps, role, source, run: '/run/sunup', state: '/var/lib/sunup', instance, host, cloud: standInCloud('local'), bootId: 'b', which: 'resources', ...more }
}

const plan = async (...args: Parameters<typeof planning>) => planResources(await planning(...args))
const one = (path: string) => recipeText(`[file({ path: '${path}', content: '' })]`)
const content = (resource: { props: object }) => reveal((resource.props as { content: string | Secret }).content)

t.test('resources come with recipe, origin and phase, in the order of the run list', async t => {
  const planned = await plan(t, '- b\n- a', { recipes: { a: one('/a'), b: recipeText("[file({ path: '/b', content: '' })]", "phase: 'activate',") } })
  t.match(planned, [
    { resource: { id: 'file[/b]' }, origin: 'recipe b (roles/web.yaml:2)', phase: 'activate', recipe: 'b' },
    { resource: { id: 'file[/a]' }, origin: 'recipe a (roles/web.yaml:3)', phase: 'prepare', recipe: 'a' },
  ])
})

t.test('only one phase can be asked for', async t => {
  const planned = await plan(t, '- b\n- a', { recipes: { a: one('/a'), b: recipeText("[file({ path: '/b', content: '' })]", "phase: 'activate',") } }, { phase: 'activate' })
  t.strictSame(planned.map(entry => entry.recipe), ['b'])
})

t.test('what should be so when it leaves comes in reverse order; recipes without it ask for nothing', async t => {
  const departing = (path: string) => recipeText('[]', `departed() { return [file({ path: '${path}', content: '' })] },`)
  const planned = await plan(t, '- a\n- b\n- c', { recipes: { a: departing('/a'), b: departing('/b'), c: one('/c') } }, { which: 'departed' })
  t.strictSame(planned.map(entry => entry.resource.id), ['file[/b]', 'file[/a]'])
})

t.test('a recipe is given what it is promised', async t => {
  const text = recipeText("[file({ path: '/a', content: JSON.stringify({ params, id: instance.id, os: host.os, role, bootId }) })]", 'params: z.strictObject({ x: z.number() }),')
  const [entry] = await plan(t, '- a: { x: 1 }', { recipes: { a: text } })
  t.strictSame(JSON.parse(content(entry!.resource)), {
    params: { x: 1 }, id: instance.id, os: 'debian', role: { name: 'web', health: { file: 'ping.html', directory: '/run/sunup/health' } }, bootId: 'b',
  })
})

t.test('it is noted which keys of the instance a recipe reads', async t => {
  const text = recipeText("instance.tags.a && instance.zone ? [file({ path: '/a', content: '' })] : []")
  const [a, b] = planSteps(await planning(t, '- a\n- b', { recipes: { a: text, b: one('/b') } }))
  t.strictSame([...a!.reads], ['tags', 'zone'])
  t.strictSame([...b!.reads], [])
})

t.test('a recipe that asks for nothing has still read what it read', async t => {
  const [a] = planSteps(await planning(t, '- a', { recipes: { a: recipeText('instance.publicIp ? [] : []') } }))
  t.strictSame([a!.resources.length, ...a!.reads], [0, 'publicIp'])
})

t.test('an instance given to a template whole is read only where the template asks', async t => {
  const text = recipeText("[template({ path: '/a', source: asset('a.conf'), vars: { instance } })]")
  const [a] = planSteps(await planning(t, '- a', { recipes: { a: text }, files: { 'a.conf': '{{instance.id}}\n' } }))
  t.strictSame([...a!.reads], ['id'])
})

t.test('an instance has exactly its keys', async t => {
  const [a] = await plan(t, '- a', { recipes: { a: recipeText("[file({ path: '/a', content: JSON.stringify(Object.keys(instance)) })]") } })
  t.strictSame(JSON.parse(content(a!.resource)), Object.keys(instance))
})

t.test('a recipe that prepares must not read an address that is taken later', async t => {
  const address = recipeText('[]', "phase: 'activate',")
  const failure = await failureOf(() => plan(t, '- a\n- eip', { recipes: { a: recipeText('instance.publicIp ? [] : []'), eip: address } }))
  t.match(failure, { code: 'recipe.invalid', message: /^roles\/web\.yaml:2: recipe a reads instance\.publicIp while it prepares/, hint: /phase: 'activate'/ })
})

t.test('a recipe that activates may read it', async t => {
  t.strictSame(await plan(t, '- eip\n- a', { recipes: { a: recipeText('instance.publicIp ? [] : []', "phase: 'activate',"), eip: recipeText('[]', "phase: 'activate',") } }), [])
})

t.test("a file is looked for in the recipe's folder before the repository's templates", async t => {
  const text = recipeText("[file({ path: '/a', content: asset('recipe.ts').text().slice(0, 6) }), file({ path: '/b', content: asset('sub/b').text() })]")
  const planned = await plan(t, '- a', { recipes: { a: text }, files: { 'recipe.ts': 'no', sub: { b: 'B' } as never } })
  t.strictSame(planned.map(entry => content(entry.resource)), ['import', 'B'])
})

for (const name of ['../roles/web.yaml', '/etc/passwd', 'a/../../roles/web.yaml', '', '.', '..']) {
  t.test(`the file ${JSON.stringify(name)} is not looked for`, async t => {
    const text = recipeText(`[file({ path: '/a', content: asset(${JSON.stringify(name)}).text() })]`)
    t.match(await failureOf(() => plan(t, '- a', { recipes: { a: text }, files: { x: '' } })), { code: 'template.missing', message: /is no name of a file/ })
  })
}

t.test('a template that is not there is told with the nearest', async t => {
  const text = recipeText("[template({ path: '/a', source: asset('ap.conf') })]")
  const failure = await failureOf(() => plan(t, '- a', { recipes: { a: text }, files: { 'app.conf': '' } }))
  t.match(failure, { code: 'template.missing', message: /^recipes\/a\/recipe\.ts:6: recipe a: there is no file "ap\.conf" in recipes\/a\/templates or templates \(in the run list at roles\/web\.yaml:2\)/, hint: 'Did you mean app.conf?' })
})

t.test("a resource's complaint has the place of the recipe's line, and the entry's", async t => {
  const failure = await failureOf(() => plan(t, '- a', { recipes: { a: recipeText("[file({ path: 'relative', content: '' })]") } }))
  t.match(failure, { code: 'resource.invalid', message: /^recipes\/a\/recipe\.ts:6: recipe a: .*path.* \(in the run list at roles\/web\.yaml:2\)$/ })
})

for (const [what, expression, message] of [
  ['a throw', "nowhere.to", /threw in resources\(\): nowhere is not defined \(in the run list at roles\/web\.yaml:2\)/],
  ['nothing', 'undefined', /must return a list of resources, found nothing/],
  ['a promise', 'Promise.reject(new Error("never seen"))', /must not be asynchronous/],
  ['a text among them', '["file"]', /found "file" at \[0\]/],
  ['a list among them', '[[]]', /found a list at \[0\]/],
  ['a plain object', '[{ path: "/a" }]', /found a plain object at \[0\]/],
] as const) {
  t.test(`${what} for resources is refused with the recipe's line`, async t => {
    const failure = await failureOf(() => plan(t, '- a', { recipes: { a: recipeText(expression) } }))
    t.equal(failure.code, what === 'a throw' ? 'recipe.threw' : 'recipe.invalid')
    t.match(failure.message, message)
    t.match(failure.message, /^recipes\/a\/recipe\.ts:[56]: recipe a/)
  })
}

t.test('a recipe that never returns is stopped, and named', async t => {
  const looping = recipeText('(() => { for (;;); })()')
  const failure = await failureOf(() => plan(t, '- a\n- b', { recipes: { a: one('/a'), b: looping } }, { limitMs: 50 }))
  t.match(failure, { code: 'recipe.stuck', message: /^recipes\/b\/recipe\.ts:5: recipe b: resources\(\) did not return within 0\.05 s/ })
})

t.test('a recipe that catches everything is stopped, too', async t => {
  const looping = recipeText('(() => { for (;;) { try { for (;;); } catch {} finally { continue } } })()')
  t.match(await failureOf(() => plan(t, '- b', { recipes: { b: looping } }, { limitMs: 50 })), { code: 'recipe.stuck' })
})

t.test('the same steps can be asked again, with the identity read anew', async t => {
  const first = await planning(t, '- a', { recipes: { a: recipeText("[file({ path: '/a', content: String(instance.publicIp) })]", "phase: 'activate',") } }, { instance: { ...instance, publicIp: null } as Instance })
  t.equal(content(planResources(first)[0]!.resource), 'null')
  t.equal(content(planResources({ ...first, instance })[0]!.resource), instance.publicIp)
})

t.test('the recipe files writes texts and templates; its vars come before what is always there', async t => {
  const entry = `- files:
    - { path: /a, content: "x\\n", mode: "0600" }
    - { path: /b, template: b.txt, vars: { word: hello, host: mine } }`
  const planned = await plan(t, entry, { files: { 'b.txt': '{{word}} {{host}} {{instance.id}} {{role.name}}' } })
  t.match(planned.map(one => one.resource), [{ id: 'file[/a]', props: { content: 'x\n', mode: '0600' } }, { id: 'template[/b]', props: { content: `hello mine ${instance.id} web` } }])
  t.strictSame([...planned[0]!.reads], ['id'])
})

t.test('the recipe files wants either a text or a template', async t => {
  const failure = await failureOf(() => plan(t, '- files:\n    - { path: /a }\n    - { path: b, content: x, vars: {} }', {}))
  t.strictSame(failure.faults.map(fault => [fault.place.line, fault.message]), [
    [3, 'recipe files: [0] must have either a template or a content'],
    [4, 'recipe files: [1].path must be an absolute path'],
    [4, 'recipe files: [1] has vars, and no template to use them'],
  ])
})

t.test('a template or content that is no UTF-8 is refused, with its line', async t => {
  const text = recipeText("[template({ path: '/a', source: asset('a.conf') })]")
  const latin = Buffer.from('one\nna\xefve\n', 'latin1') as unknown as string
  const failure = await failureOf(() => plan(t, '- a', { recipes: { a: text }, files: { 'a.conf': latin } }))
  t.match(failure, { code: 'template.invalid', message: /templates\/a\.conf:2: bytes that are no UTF-8 text/ })
})
