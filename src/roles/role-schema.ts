import { z } from 'zod'
import { duration, httpUrl, mode, name } from './values.ts'

const made: { schema?: ReturnType<typeof make> } = {}

/** A role file's keys, strictly; none has its default yet: what an include sets comes in between.
 *  The params of its recipes are checked by the recipes' own schemas. */
export function roleSchema(): ReturnType<typeof make> {
  return (made.schema ??= make())
}

export type RoleKeys = z.output<ReturnType<typeof make>>

function make() {
  return z.strictObject({
    description: name().optional().describe('One sentence: what an instance of this role is for.'),
    include: z.array(name()).optional().describe("Other roles: their run lists come first, and their keys apply where this role has none. Their security groups do not."),
    securityGroups: z.array(name()).optional().describe("Names of security groups; * matches any run of characters. Default: the role's own name. []: matches never."),
    recipes: z.array(z.union([name(), z.record(z.string(), z.unknown())])).optional().describe('The run list: recipes by name, or one name with its params, in order.'),
    health: z.strictObject({
      file: name().refine(staysBelow, { error: issue => `must be a path below the health directory, without a leading / and without .., found ${JSON.stringify(issue.input)}` })
        .optional().describe('Written below <run>/health when the instance may take traffic. Default: ping.html.'),
      content: z.string().optional().describe('Mustache; sees instance, run and role. Default: "ok {{instance.id}} {{run.id}}\\n".'),
      mode: mode().optional().describe('Default: "0644".'),
      probe: z.strictObject({
        url: httpUrl().describe('Must answer before anything opens.'),
        headers: z.record(z.string(), z.string()).optional(),
        status: z.int().min(100).max(599).optional().describe('Default: 200.'),
        contains: name().optional().describe('A text that the answer must contain.'),
        within: duration().optional().describe('How long it is asked again. Default: 30s.'),
      }).optional(),
      url: httpUrl().optional().describe('Asked once the file is there, through the real server; no answer: closed again.'),
    }).optional(),
    deadline: duration().optional().describe('For a whole boot. Default: 15m.'),
    onFailure: z.enum(['abandon', 'hold', 'none']).optional().describe('What the group is told of a failed boot. Default: abandon.'),
    drain: z.strictObject({
      settle: duration().optional().describe('How long traffic is given to leave. Default: 20s.'),
      deadline: duration().optional().describe('For a whole drain. Default: 5m.'),
    }).optional(),
    scaling: z.strictObject({
      group: name().optional().describe("The Auto Scaling group. Default: the instance's own."),
      out: z.strictObject({ above: z.number().positive(), ...threshold() }).optional(),
      in: z.strictObject({ below: z.number().positive(), ...threshold() }).optional(),
    }).optional().describe('Load per core, mean over the members in service.'),
  })
}

function threshold() {
  return { for: duration(), step: z.int().min(1).optional(), cooldown: duration().optional() }
}

function staysBelow(path: string): boolean {
  return !/[\0\\]/.test(path) && path.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
