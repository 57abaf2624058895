import type { Policy, Statement, Tests } from './policy-document.ts'

/** A policy as Terraform's `data "aws_iam_policy_document"`, as `terraform fmt` would have it.
 *  @param name of the block: what is no part of an identifier becomes _ */
export function terraformOf({ Statement }: Policy, name: string): string {
  return `data "aws_iam_policy_document" "${name.replace(/[^\w-]/g, '_')}" {\n${Statement.map(block).join('\n')}}\n`
}

function block({ Sid, Effect, Action, NotAction, Resource, NotResource, Condition = {} }: Statement): string {
  return `  statement {
    sid    = ${quoted(Sid)}
    effect = ${quoted(Effect)}
${list('    ', 'actions', Action)}${list('    ', 'not_actions', NotAction)}${list('    ', 'resources', Resource)}${list('    ', 'not_resources', NotResource)}${conditions(Condition)}  }
`
}

function conditions(tests: Tests): string {
  return Object.entries(tests).flatMap(([test, keys]) => Object.entries(keys).map(([variable, values]) => `
    condition {
      test     = ${quoted(test)}
      variable = ${quoted(variable)}
${list('      ', 'values', values)}    }
`)).join('')
}

function list(indent: string, name: string, values: readonly string[] | undefined): string {
  if (values === undefined) return ''
  return `${indent}${name} = [\n${values.map(value => `${indent}  ${quoted(value)},\n`).join('')}${indent}]\n`
}

/** A literal: what HCL would fill in (\${…}, %{…}) is IAM's to fill in. Its escapes are those of JSON. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[$%](?=\{)/g, '$&$&')
}
