import type { Policy, Statement } from '../../src/clouds/aws/policy-document.ts'
import type { Call } from './aws-fleet.ts'

/** What IAM judges: an action on each of these resources, with what is known of it. */
export interface IamRequest {
  readonly action: string
  /** ARNs; '*' where the action knows of none. */
  readonly resources: readonly string[]
  /** Values by condition key; of one resource alone where it begins with its ARN and a space. */
  readonly context?: Readonly<Record<string, readonly string[]>>
}

/** The APIs that no statement allows, by name alone. @param calls e.g. those of `run.finished` */
export function uncovered(policy: Policy, calls: Readonly<Record<string, unknown>> | readonly string[]): readonly string[] {
  const names = Array.isArray(calls) ? (calls as readonly string[]) : Object.keys(calls)
  return names.filter(name => !policy.Statement.some(({ Effect, Action = [] }) => Effect === 'Allow' && Action.some(pattern => like(name, pattern))))
}

export function coveredBy(policy: Policy, calls: Parameters<typeof uncovered>[1]): boolean {
  return uncovered(policy, calls).length === 0
}

/** As IAM decides, with the operators that sunup prints: each resource must be allowed by some statement. Source: "Policy evaluation logic". */
export function allows(policy: Policy, { action, resources, context = {} }: IamRequest): boolean {
  return resources.every(resource => {
    const known = Object.fromEntries(Object.entries(context).flatMap(([key, values]) => (!key.includes(' ') ? [[key, values]] : key.startsWith(`${resource} `) ? [[key.slice(resource.length + 1), values]] : [])))
    return policy.Statement.some(statement => statement.Effect === 'Allow' && applies(statement, action, resource, known))
  })
}

function applies({ Action = [], Resource = [], Condition = {} }: Statement, action: string, resource: string, known: Readonly<Record<string, readonly string[]>>): boolean {
  return (
    Action.some(pattern => like(action, pattern)) &&
    Resource.some(pattern => like(resource, pattern)) &&
    Object.entries(Condition).every(([operator, tests]) => Object.entries(tests).every(([key, values]) => holds(operator, known[key], values)))
  )
}

function holds(operator: string, given: readonly string[] | undefined, values: readonly string[]): boolean {
  const [, isForAll, test] = /^(ForAllValues:)?(StringEquals|StringLike)$/.exec(operator) ?? []
  if (test === undefined) throw new Error(`${operator} is not known here`)
  if (given === undefined) return isForAll !== undefined
  return given.every(one => values.some(value => (test === 'StringLike' ? like(one, value) : one === value)))
}

function like(text: string, pattern: string): boolean {
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text)
}

const REGION = 'eu-west-1'
const ACCOUNT = '123456789012'

/** A call on the wire as IAM sees it.
 *  @param tagsOf tags of an address, by its allocation id
 *  @param allocationOf of an association */
export function requestOf({ api: action, params }: Call, tagsOf: (allocationId: string) => Readonly<Record<string, string>>, allocationOf: (associationId: string) => string): IamRequest {
  const [service = ''] = action.split(':')
  const arn = (resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`
  if (service === 'dynamodb') {
    const rows = params as { Key?: Row; Item?: Row; ExpressionAttributeValues?: Readonly<Record<string, { readonly S?: string }>>; TableName?: string }
    const role = (rows.Key ?? rows.Item)?.role.S ?? Object.values(rows.ExpressionAttributeValues ?? {})[0]?.S
    return { action, resources: [arn(`table/${rows.TableName}`)], context: action === 'dynamodb:Scan' || role === undefined ? {} : { 'dynamodb:LeadingKeys': [role] } }
  }
  if (action === 'ssm:GetParameter') return { action, resources: [arn(`parameter/${String(params.Name).replace(/^\//, '')}`)] }
  if (/:Describe/.test(action)) return { action, resources: ['*'] }
  if (service === 'autoscaling') return { action, resources: [arn(`autoScalingGroup:00000000-0000-0000-0000-000000000000:autoScalingGroupName/${String(params.AutoScalingGroupName ?? 'web')}`)] }
  const allocation = String(params.AllocationId ?? allocationOf(String(params.AssociationId)))
  const address = arn(`elastic-ip/${allocation}`)
  const tags = Object.entries(tagsOf(allocation)).map(([name, value]) => [`${address} aws:ResourceTag/${name}`, [value]] as const)
  return { action, resources: [address, arn('instance/i-1'), arn('network-interface/eni-1')], context: Object.fromEntries(tags) }
}

interface Row {
  readonly role: { readonly S: string }
}
