import t from 'tap'
import { configJsonSchema, roleJsonSchema, type JsonSchema } from '../../src/roles/schema.ts'
import { bookOf, builtIn, recipeText } from '../support/provisioning.ts'

const place = { file: 'roles/web.yaml', line: 1 }

const schemaOf = async (source: string, names: readonly string[]) => {
  const book = bookOf(source)
  return roleJsonSchema(await Promise.all(names.map(name => book.load(name, place)))) as { $defs: Record<string, JsonSchema>; properties: Record<string, JsonSchema> }
}

t.test('a role schema has every key of a role, and refuses others', async t => {
  const schema = await schemaOf(t.testdir({}), [])
  t.match(schema, { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', additionalProperties: false })
  t.strictSame(Object.keys(schema.properties).sort(), ['deadline', 'description', 'drain', 'health', 'include', 'onFailure', 'recipes', 'scaling', 'securityGroups'])
})

t.test("a recipe's params and description are in it", async t => {
  const source = t.testdir({ recipes: { agent: { 'recipe.ts': recipeText('[]', 'params: z.object({ port: z.number(), key: secret(), vars: vars() }),') } } })
  const schema = await schemaOf(source, ['agent'])
  t.match(schema.$defs.agent, {
    type: 'object',
    additionalProperties: false,
    required: ['port', 'key', 'vars'],
    properties: { port: { type: 'number' }, key: { type: 'object', required: ['secret'], additionalProperties: false }, vars: { type: 'object', additionalProperties: true } },
  })
  t.match(schema.properties.recipes, { items: { anyOf: [{ description: 'A recipe for tests.', properties: { agent: { $ref: '#/$defs/agent' } }, required: ['agent'] }] } })
})

t.test('a recipe whose params may be left out can be written as its name', async t => {
  const schema = await schemaOf(t.testdir({}), ['packages'])
  t.match(schema.properties.recipes, { items: { anyOf: [{ const: 'packages' }, { type: 'object' }] } })
})

t.test('all recipes that come with sunup can be described', async t => {
  const schema = await schemaOf(t.testdir({}), builtIn.names)
  t.ok(JSON.stringify(schema).length > 1_000)
})

t.test('params that refer to themselves keep their references', async t => {
  const text = "import { recipe, z } from 'sunup'\nconst tree: z.ZodType = z.lazy(() => z.strictObject({ kids: z.array(tree) }))\n" + recipeText('[]', 'params: z.strictObject({ tree }),').split('\n').slice(1).join('\n')
  const schema = await schemaOf(t.testdir({ recipes: { trees: { 'recipe.ts': text } } }), ['trees'])
  t.match(schema.$defs.trees, { $id: 'sunup:recipe:trees', $defs: Object })
})

t.test('sunup.yaml has a schema, too', async t => {
  t.match(configJsonSchema(), { type: 'object', additionalProperties: false, properties: { cloud: { enum: ['aws', 'local'] }, source: { properties: { repository: {} } } } })
})
