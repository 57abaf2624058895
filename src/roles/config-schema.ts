import { z } from 'zod'
import { duration, name } from './values.ts'

const made: { schema?: ReturnType<typeof make> } = {}

/** The keys of sunup.yaml, strictly; all may be left out. */
export function configSchema(): ReturnType<typeof make> {
  return (made.schema ??= make())
}

export type ConfigKeys = z.output<ReturnType<typeof make>>

function make() {
  return z.strictObject({
    cloud: z.enum(['aws', 'local']).optional().describe('Default: aws.'),
    source: z.strictObject({
      directory: name().optional().describe("Where roles/, recipes/ and templates/ are. Default: this file's directory."),
      repository: name().optional().describe('A git repository that has them, instead.'),
      ref: name().optional().describe('A branch, tag or commit. Default: main.'),
      allowedSigners: name().optional().describe('Refuse a commit that these did not sign.'),
      onUnreachable: z.enum(['fail', 'last-good']).optional().describe('Default: fail.'),
      breaker: z.strictObject({ failures: z.int().min(1) }).optional().describe('Leave a revision that failed so often and never succeeded.'),
    }).superRefine((source, context) => {
      if (source.directory !== undefined && source.repository !== undefined) {
        context.addIssue({ code: 'custom', path: ['directory'], message: 'is one of two sources: keep the directory or the repository' })
      }
      const stray = (['ref', 'allowedSigners', 'onUnreachable', 'breaker'] as const).find(key => source[key] !== undefined)
      if (stray !== undefined && source.repository === undefined) context.addIssue({ code: 'custom', path: [stray], message: 'is of use only with a repository' })
    }).optional(),
    registry: z.strictObject({
      table: name().optional().describe('Default: sunup-registry.'),
      lease: duration().optional().describe('How long a member is believed without renewal. Default: 90s.'),
    }).optional(),
    state: name().optional().describe('Kept; keyed by instance id. Default: /var/lib/sunup.'),
    run: name().optional().describe('Gone at reboot. Default: /run/sunup.'),
    local: z.strictObject({
      instance: name().optional().describe('The instance file. Default: ./instance.yaml.'),
      directory: name().optional().describe("The local cloud's files. Default: ./.sunup/cloud."),
    }).optional().describe('For `cloud: local`.'),
  })
}
