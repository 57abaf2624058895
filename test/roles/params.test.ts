import { writeFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Secrets } from '../../src/core/cloud.ts'
import { Failure } from '../../src/core/failure.ts'
import { isSecret, makeSecret, reveal, type Secret } from '../../src/core/secret.ts'
import { secretReader } from '../../src/roles/secrets.ts'
import { loadRunList } from '../../src/roles/steps.ts'
import { failureOf, provisioning, recipeText } from '../support/provisioning.ts'

const SCHEMA = `params: z.object({
    server: z.string(),
    port: z.number().default(10051),
    level: z.enum(['low', 'high']).optional(),
    on: z.boolean().optional(),
    names: z.array(z.string()).optional(),
    sites: z.array(z.object({ name: z.string(), port: z.number().optional() })).optional(),
    ref: z.union([z.string(), z.object({ tag: z.string(), at: z.number() })]).optional(),
    token: secret().optional(),
    vars: vars().optional(),
    any: z.unknown().optional(),
    labels: z.record(z.string(), z.any()).optional(),
  }),`

const noStore: Secrets = { read: async path => { throw new Failure('secret.missing', `no ${path}`) } }

const load = async (t: Test, entry: string, schema = SCHEMA, secrets: Secrets = noStore) => {
  const { role, book } = provisioning(t, entry, { recipes: { agent: recipeText('[]', schema) } })
  return (await loadRunList(role, book, secretReader(secrets, new AbortController().signal)))[0]?.params as Record<string, unknown>
}

/** 'line: message' of each fault. */
const faults = async (t: Test, entry: string, schema?: string) =>
  (await failureOf(() => load(t, entry, schema))).faults.map(fault => `${fault.place.line}: ${fault.message}`)

t.test('params are what the schema makes of them', async t => {
  t.strictSame(await load(t, '- agent: { server: a }'), { server: 'a', port: 10051 })
})

t.test('params that may all be left out need not be written', async t => {
  t.strictSame(await load(t, '- agent', 'params: z.object({ a: z.number().default(1) }),'), { a: 1 })
})

t.test('a recipe without params gets none', async t => {
  t.strictSame(await load(t, '- agent', ''), {})
})

t.test('what is missing is told', async t => {
  t.strictSame(await faults(t, '- other\n- agent'.replace('other', 'packages')), ['3: recipe agent: server is missing'])
})

t.test('a misspelt param is refused, also where the schema would drop it', async t => {
  const failure = await failureOf(() => load(t, '- agent:\n    server: a\n    prot: 3\n    sites:\n      - name: x\n        prt: 3'))
  t.equal(failure.code, 'recipe.params')
  t.strictSame(failure.faults.map(({ place, message, hint }) => [place.line, message, hint]), [
    [4, 'recipe agent: unknown key "prot"', 'Did you mean port?'],
    [7, 'recipe agent: unknown key "prt" in sites[0]', 'Did you mean port?'],
  ])
})

t.test('keys that a schema lets through on purpose are no fault', async t => {
  t.match(await load(t, '- agent: { a: 1, b: 2 }', 'params: z.looseObject({ a: z.number() }),'), { a: 1, b: 2 })
})

t.test('a key that one side of an intersection has is no fault', async t => {
  t.match(await load(t, '- agent: { a: 1, b: 2 }', 'params: z.object({ a: z.number() }).and(z.object({ b: z.number() })),'), { a: 1, b: 2 })
})

t.test('wrong kinds are told with what was written, and what to write', async t => {
  const failure = await failureOf(() => load(t, '- agent:\n    server: 1.10\n    port: "80"\n    on: yes\n    names: a\n    level: hgh'))
  t.strictSame(failure.faults.map(({ message, hint }) => [message, hint]), [
    ['recipe agent: server must be a text, found the number 1.10', 'Quote it: "1.10".'],
    ['recipe agent: port must be a number, found "80"', 'Take the quotes away.'],
    ['recipe agent: on must be true or false, found "yes"', 'Write true: in YAML 1.2 "yes" is a text.'],
    ['recipe agent: names must be a list, found "a"', 'Write it as a list: [a].'],
    ['recipe agent: level must be one of low, high, found "hgh"', 'Did you mean high?'],
  ])
})

t.test('of a union the branch that fits best complains', async t => {
  t.strictSame(await faults(t, '- agent: { server: a, ref: { tag: v1, at: x } }'), ['2: recipe agent: ref.at must be a number, found "x"'])
  t.strictSame(await faults(t, '- agent: { server: a, ref: 3 }'), ['2: recipe agent: ref must be a text or a map, found the number 3'])
  t.strictSame(await faults(t, '- agent: { server: a, ref: { tag: v1, at: 1, to: 2 } }'), ['2: recipe agent: unknown key "to" in ref'])
})

t.test('params for a recipe that takes none are refused', async t => {
  t.strictSame(await faults(t, '- agent: { a: 1 }', ''), ['2: recipe agent takes no params'])
})

t.test("a schema's own words are kept", async t => {
  t.strictSame(await faults(t, '- agent: { a: 1 }', "params: z.object({ a: z.number().refine(n => n > 1, 'must be more than one') }),"), ['2: recipe agent: a must be more than one'])
})

t.test('a schema that throws is the fault of its recipe', async t => {
  const failure = await failureOf(() => load(t, '- agent: { a: 1 }', "params: z.object({ a: z.number().refine(n => { throw new Error('oh') }) }),"))
  t.match(failure, { code: 'recipe.threw', message: /^recipes\/agent\/recipe\.ts:4: recipe agent: its params threw: oh/ })
})

t.test('an asynchronous schema is refused', async t => {
  t.match(await failureOf(() => load(t, '- agent: { a: 1 }', 'params: z.object({ a: z.number().refine(async () => true) }),')), { code: 'recipe.invalid', message: /must not be asynchronous/ })
})

t.test('the faults of all entries are told at once', async t => {
  const { role, book } = provisioning(t, '- nginxx\n- agent: {}\n- packages: { instal: [] }', { recipes: { agent: recipeText('[]', SCHEMA) } })
  const failure = await failureOf(() => loadRunList(role, book, async () => makeSecret('')))
  t.strictSame(failure.faults.map(fault => fault.place.line), [2, 3, 4])
})

t.test('a secret is read from the host, without its last newline', async t => {
  const file = join(t.testdir({ key: 'word\n\n' }), 'key')
  const { role, book } = provisioning(t, `- agent: { server: a, token: { secret: "file:${file}" } }`, { recipes: { agent: recipeText('[]', SCHEMA) } })
  writeFileSync(join(t.testdirName, 'key'), 'word\n\n')
  const [step] = await loadRunList(role, book, secretReader(noStore, new AbortController().signal))
  t.equal(reveal((step?.params as { token: Secret }).token), 'word\n')
  t.notMatch(inspect(step, { depth: 9, showHidden: true }), /word/)
})

t.test("a secret is read from the cloud's store, once", async t => {
  let asked = 0
  const store: Secrets = { read: async path => (asked++, makeSecret(`of ${path}`)) }
  const params = await load(t, '- agent: { server: a, token: { secret: "ssm:/a/b" }, vars: { deep: [{ secret: "ssm:/a/b" }] } }', SCHEMA, store)
  t.equal(reveal(params.token as Secret), 'of /a/b')
  t.ok(isSecret((params.vars as { deep: unknown[] }).deep[0]))
  t.equal(asked, 1)
})

for (const [what, params] of [
  ['a text', 'server: { secret: "file:/x" }'],
  ['anything', 'server: a, any: { secret: "file:/x" }'],
  ['something below anything', 'server: a, any: { b: [{ secret: "file:/x" }] }'],
  ['any value of a record', 'server: a, labels: { b: { secret: "ssm:/x" } }'],
] as const) {
  t.test(`a secret where the recipe expects ${what} is refused, and not read`, async t => {
    const failure = await failureOf(() => load(t, `- agent: { ${params} }`))
    t.match(failure, { code: 'secret.misplaced', message: 'roles/web.yaml:2: recipe agent: a secret stands where the recipe expects none', hint: /declares with secret\(\)/ })
  })
}

t.test('of a secret in the wrong place that alone is said, whatever was expected there', async t => {
  for (const schema of ['z.record(z.string(), z.string())', 'z.object({ a: z.string() })', 'z.strictObject({ a: z.string().optional() })', 'z.array(z.string())', 'z.union([z.string(), z.object({ a: z.string() })])', 'z.record(z.string(), z.union([z.string(), z.number()]))']) {
    t.strictSame(await faults(t, '- agent: { x: { secret: "file:/x" } }', `params: z.object({ x: ${schema} }),`), ['2: recipe agent: a secret stands where the recipe expects none'], schema)
  }
  t.strictSame(await faults(t, '- agent: { secret: "file:/x" }'), ['2: recipe agent: a secret stands where the recipe expects none'])
})

t.test('all of the params as a secret is refused', async t => {
  t.match(await failureOf(() => load(t, '- agent: { secret: "file:/x" }')), { code: 'secret.misplaced' })
})

t.test('a text where a secret is expected is refused, and not shown', async t => {
  const failure = await failureOf(() => load(t, '- agent: { server: a, token: hunter2 }'))
  t.match(failure.message, 'token must be a secret: { secret: "file:/path" }')
  t.notMatch(failure.message, /hunter2/)
})

t.test('a secret of another kind is refused', async t => {
  t.match((await failureOf(() => load(t, '- agent: { server: a, token: { secret: "env:X" } }'))).message, /token must be a secret/)
})

t.test('a secret among vars that is named in no known way is refused with the ways there are, and not shown', async t => {
  const failure = await failureOf(() => load(t, '- agent: { server: a, vars: { deep: [{ secret: hunter2 }] } }', SCHEMA))
  t.match(failure, { code: 'recipe.params', message: /vars has a secret that is not named as { secret: "file:\/path" } or { secret: "ssm:\/path" }/ })
  t.notMatch(failure.message, /hunter2/)
})

t.test('a value of a list of values that is none of them is told with the list, once', async t => {
  const text = "params: z.array(z.object({ state: z.enum(['present', 'absent']) })),"
  t.match(await failureOf(() => load(t, '- agent: [{ state: gone-for-good }]', text)), { message: /must be one of present, absent, found "gone-for-good"/, hint: undefined })
  t.equal((await failureOf(() => load(t, '- agent: [{ state: presnt }]', text))).hint, 'Did you mean present?')
})

t.test('a secret that can not be read fails with its place', async t => {
  t.match(await failureOf(() => load(t, '- agent:\n    server: a\n    token: { secret: "file:/nonexistent/key" }')), { code: 'secret.missing', message: /^roles\/web\.yaml:4: recipe agent: the secret file:\/nonexistent\/key can't be read/ })
  t.match(await failureOf(() => load(t, '- agent: { server: a, token: { secret: "ssm:/gone" } }')), { code: 'secret.missing', message: /no \/gone/ })
})

t.test('a line end in a key is told as one', async t => {
  t.strictSame(await faults(t, '- agent: { server: a, "x\\ny": 1 }'), ['2: recipe agent: unknown key "x\\ny"'])
})
