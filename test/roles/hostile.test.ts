import t, { type Test } from 'tap'
import { exitCodeOf, type Failure } from '../../src/core/failure.ts'
import type { RecipeCloud } from '../../src/core/recipe.ts'
import { standInCloud } from '../../src/roles/stand-in.ts'
import { loadRunList } from '../../src/roles/steps.ts'
import { planResources } from '../../src/roles/plan.ts'
import { failureOf, host, instance, provisioning, recipeText } from '../support/provisioning.ts'

/** What a boot would say of the recipe. */
async function fault(t: Test, recipe: string, limitMs = 10_000): Promise<Failure> {
  const { role, book, source } = provisioning(t, '- own: { x: 1 }', { recipes: { own: recipe } })
  const cloud: RecipeCloud = standInCloud('local')
  return await failureOf(async () => {
    const steps = await loadRunList(role, { ...book, limitMs }, async () => { throw new Error('there are no secrets') })
    planResources({ steps, role, source, run: '/run/sunup', state: '/var/lib/sunup', instance, host, cloud, bootId: 'x', which: 'resources' })
  })
}

const PARAMS = 'params: z.object({ x: z.number() }),'
const MUTE = 'Object.freeze(Object.create(null))'
const SPITEFUL = "Object.defineProperties(new Error('x'), { message: { get() { throw 1 } }, stack: { get() { throw 2 } } })"

t.test('params whose schema never returns are stopped, and the recipe is named', async t => {
  const failure = await fault(t, recipeText('[]', 'params: z.any().refine(() => { for (;;); }),'), 50)
  t.match(failure, { code: 'recipe.stuck', message: /^recipes\/own\/recipe\.ts:4: recipe own: its params were not judged within 0\.05 s \(in the run list at roles\/web\.yaml:2\)/ })
})

const CASES: Readonly<Record<string, string>> = {
  'resources() throws what has no prototype': recipeText(`(() => { throw ${MUTE} })()`, PARAMS),
  'resources() throws an error that can’t be looked at': recipeText(`(() => { throw ${SPITEFUL} })()`, PARAMS),
  'resources() throws an error whose cause can’t be looked at': recipeText(`(() => { throw new Error('x', { cause: ${SPITEFUL} }) })()`, PARAMS),
  'resources() gives a list that can’t be looked at': recipeText("new Proxy([], { get() { throw new Error('no') } })", PARAMS),
  'resources() gives a revoked proxy': recipeText('(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy })()', PARAMS),
  'resources() gives a resource that can’t be looked at': recipeText("[{ ...file({ path: '/x', content: '' }), get after() { throw 1 } }]", PARAMS),
  'a recipe whose keys can’t be looked at': `import { recipe } from 'sunup'\nexport default { description: 'x', get resources() { throw ${MUTE} } }\n`,
  'a recipe that throws what has no prototype': `throw ${MUTE}\n`,
  'a recipe that throws an error that can’t be looked at': `throw ${SPITEFUL}\n`,
  'params that throw what has no prototype': recipeText('[]', `params: z.any().refine(() => { throw ${MUTE} }),`),
}

for (const [name, recipe] of Object.entries(CASES)) {
  t.test(`${name}: the recipe is at fault, and sunup is not`, async t => {
    const failure = await fault(t, recipe)
    t.match(failure, { code: /^recipe\.(?:threw|invalid)$/, message: /^(?:recipes\/own\/recipe\.ts|roles\/web\.yaml):\d+: / })
    t.equal(exitCodeOf(failure), 78)
  })
}
