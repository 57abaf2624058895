import { z } from 'zod'
import { describedConfigSchema } from './config-schema.ts'
import type { LoadedRecipe } from './recipes.ts'
import { describedRoleSchema } from './role-schema.ts'

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The JSON Schema of role files, with the params of these recipes. */
export function roleJsonSchema(recipes: readonly LoadedRecipe[]): JsonSchema {
  const { properties, ...schema } = jsonSchema(describedRoleSchema()) as { properties: Record<string, JsonSchema> }
  const withParams = recipes.filter(recipe => recipe.definition.params)
  return {
    ...schema,
    title: 'sunup role',
    properties: { ...properties, recipes: { ...properties.recipes, items: { anyOf: recipes.flatMap(entrySchemas) } } },
    anyOf: [{ required: ['recipes'] }, { required: ['include'] }],
    $defs: Object.fromEntries(withParams.map(({ name, definition }) => [name, paramsSchema(name, definition.params as z.ZodType)])),
  }
}

/** The JSON Schema of sunup.yaml. */
export function configJsonSchema(): JsonSchema {
  return { ...jsonSchema(describedConfigSchema()), title: 'sunup.yaml' }
}

/** How an entry of a run list may be written: the name alone, where its params may be left out, or with params. */
function entrySchemas({ name, definition }: LoadedRecipe): readonly JsonSchema[] {
  const { description, params } = definition
  const alone = { const: name, description }
  if (!params) return [alone]
  const full = { type: 'object', description, properties: { [name]: { $ref: `#/$defs/${name}` } }, required: [name], additionalProperties: false }
  return needsParams(params) ? [full] : [alone, full]
}

function needsParams(params: z.ZodType): boolean {
  try {
    return ![undefined, {}].some(value => params.safeParse(value).success)
  } catch {
    return true
  }
}

function paramsSchema(name: string, params: z.ZodType): JsonSchema {
  const { $schema: _, ...schema } = jsonSchema(params)
  // Its own references point to its own definitions, not to those of the role.
  return '$defs' in schema ? { $id: `sunup:recipe:${name}`, ...schema } : schema
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema: made }) {
      // Keys that a z.object would drop are refused.
      const definition = zodSchema._zod.def
      if (definition.type === 'object' && definition.catchall === undefined) made.additionalProperties = false
    },
  }) as JsonSchema
}
