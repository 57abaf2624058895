import { z } from 'zod'
import { among, isText, mapOf, type Glance } from './glance.ts'
import { described, duration, isDuration, name, undescribed, type Say } from './values.ts'

const made: { schema?: ReturnType<typeof make> } = {}

/** The keys of sunup.yaml, strictly; all may be left out. */
export function configSchema(): ReturnType<typeof make> {
  return (made.schema ??= make(undescribed))
}

/** The same, with a description of each key. */
export function describedConfigSchema(): ReturnType<typeof make> {
  return make(described)
}

/** What most files have; a repository is left to the schema. */
export const configAtAGlance: Glance = mapOf({
  cloud: among('aws', 'local'),
  source: mapOf({ directory: isText }),
  registry: mapOf({ table: isText, lease: value => typeof value === 'string' && isDuration(value) }),
  state: isText,
  run: isText,
  secrets: mapOf({ cache: value => typeof value === 'string' && isDuration(value) }),
  local: mapOf({ instance: isText, directory: isText }),
})

export type ConfigKeys = z.output<ReturnType<typeof make>>

function make(say: Say) {
  const text = name().optional()
  return z.strictObject({
    cloud: say(z.enum(['aws', 'local']).optional(), 'Default: aws.'),
    source: z.strictObject({
      directory: say(text, "Where roles/, recipes/ and templates/ are. Default: this file's directory."),
      repository: say(text, 'A git repository that has them, instead.'),
      ref: say(text, 'A branch, tag or commit. Default: main.'),
      allowedSigners: say(text, 'Refuse a commit that these did not sign.'),
      onUnreachable: say(z.enum(['fail', 'last-good']).optional(), 'Default: fail.'),
      breaker: say(z.strictObject({ failures: z.int().min(1) }).optional(), 'Leave a revision that failed so often and never succeeded.'),
    }).superRefine(oneSource).optional(),
    registry: z.strictObject({
      table: say(text, 'Default: sunup-registry.'),
      lease: say(duration().optional(), 'How long a member is believed without renewal. Default: 90s.'),
    }).optional(),
    state: say(text, 'Kept; keyed by instance id. Default: /var/lib/sunup.'),
    run: say(text, 'Gone at reboot. Default: /run/sunup.'),
    secrets: z.strictObject({
      cache: say(duration().optional(), 'How long copies of `ssm:` secrets are believed, which lie in `run`: that must be in memory. Default: there are none.'),
    }).optional(),
    local: say(z.strictObject({
      instance: say(text, 'The instance file. Default: ./instance.yaml.'),
      directory: say(text, "The local cloud's files. Default: ./.sunup/cloud."),
    }).optional(), 'For `cloud: local`.'),
  })
}

function oneSource(source: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  if (source.directory !== undefined && source.repository !== undefined) {
    context.addIssue({ code: 'custom', path: ['directory'], message: 'is one of two sources: keep the directory or the repository' })
  }
  const stray = ['ref', 'allowedSigners', 'onUnreachable', 'breaker'].find(key => source[key] !== undefined)
  if (stray !== undefined && source.repository === undefined) context.addIssue({ code: 'custom', path: [stray], message: 'is of use only with a repository' })
}
