import { z } from 'zod'
import { among, isMap, isText, listOf, mapOf, type Glance } from './glance.ts'
import { described, duration, httpUrl, isDuration, isHttp, MODE, mode, name, undescribed, type Say } from './values.ts'

const made: { schema?: ReturnType<typeof make> } = {}

/** A role file's keys, strictly; none has its default yet: what an include sets comes in between.
 *  The params of its recipes are checked by the recipes' own schemas. */
export function roleSchema(): ReturnType<typeof make> {
  return (made.schema ??= make(undescribed))
}

/** The same, with a description of each key. */
export function describedRoleSchema(): ReturnType<typeof make> {
  return make(described)
}

const isTime: Glance = value => typeof value === 'string' && isDuration(value)
const isUrl: Glance = value => typeof value === 'string' && isHttp(value)

const probeAtAGlance = mapOf({
  url: isUrl,
  headers: value => isMap(value) && Object.values(value).every(header => typeof header === 'string'),
  status: value => Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 599,
  contains: isText,
  within: isTime,
})

/** What most files have; scaling is left to the schema. */
export const roleAtAGlance: Glance = mapOf({
  description: isText,
  include: listOf(isText),
  securityGroups: listOf(isText),
  recipes: listOf(entry => isText(entry) || isMap(entry)),
  health: mapOf({
    file: value => isText(value) && staysBelow(value as string),
    content: value => typeof value === 'string',
    mode: value => typeof value === 'string' && MODE.test(value),
    probe: value => probeAtAGlance(value) && isMap(value) && value.url !== undefined,
    url: isUrl,
  }),
  deadline: isTime,
  onFailure: among('abandon', 'hold', 'none'),
  drain: mapOf({ settle: isTime, deadline: isTime }),
})

export type RoleKeys = z.output<ReturnType<typeof make>>

function make(say: Say) {
  const text = name()
  const time = duration()
  const url = httpUrl()
  const threshold = { for: time, step: z.int().min(1).optional(), cooldown: time.optional() }
  return z.strictObject({
    description: say(text.optional(), 'One sentence: what an instance of this role is for.'),
    include: say(z.array(text).optional(), 'Other roles: their run lists come first, and their keys apply where this role has none. Their security groups do not.'),
    securityGroups: say(z.array(text).optional(), "Names of security groups; * matches any run of characters. Default: the role's own name. []: matches never."),
    recipes: say(z.array(z.union([text, z.record(z.string(), z.unknown())])).optional(), 'The run list: recipes by name, or one name with its params, in order.'),
    health: z.strictObject({
      file: say(text.refine(staysBelow, { error: notBelow }).optional(), 'Written below <run>/health when the instance may take traffic. Default: ping.html.'),
      content: say(z.string().optional(), 'Mustache; sees instance, run and role. Default: "ok {{instance.id}} {{run.id}}\\n".'),
      mode: say(mode().optional(), 'Default: "0644".'),
      probe: z.strictObject({
        url: say(url, 'Must answer before anything opens.'),
        headers: z.record(z.string(), z.string()).optional(),
        status: say(z.int().min(100).max(599).optional(), 'Default: 200.'),
        contains: say(text.optional(), 'A text that the answer must contain.'),
        within: say(time.optional(), 'How long it is asked again. Default: 30s.'),
      }).optional(),
      url: say(url.optional(), 'Asked once the file is there, through the real server; no answer: closed again.'),
    }).optional(),
    deadline: say(time.optional(), 'For a whole boot. Default: 15m.'),
    onFailure: say(z.enum(['abandon', 'hold', 'none']).optional(), 'What the group is told of a failed boot. Default: abandon.'),
    drain: z.strictObject({
      settle: say(time.optional(), 'How long traffic is given to leave. Default: 20s.'),
      deadline: say(time.optional(), 'For a whole drain. Default: 5m.'),
    }).optional(),
    scaling: say(z.strictObject({
      group: say(text.optional(), "The Auto Scaling group. Default: the instance's own."),
      out: z.strictObject({ above: z.number().positive(), ...threshold }).optional(),
      in: z.strictObject({ below: z.number().positive(), ...threshold }).optional(),
    }).optional(), 'Load per core, mean over the members in service.'),
  })
}

function notBelow(issue: { readonly input?: unknown }): string {
  return `must be a path below the health directory, without a leading / and without .., found ${JSON.stringify(issue.input)}`
}

function staysBelow(path: string): boolean {
  return !/[\0\\]/.test(path) && path.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
