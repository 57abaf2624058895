import type { AddressNeed, Needs } from '../../core/needs.ts'
import { joined, type Policy, type Statement, type Tests } from './policy-document.ts'

/** Where the policy's resources are. What is not known is `*`. */
export interface PolicyGround {
  readonly region: string | undefined
  /** The account's number. */
  readonly account: string | undefined
  /** The registry's: a name, or an ARN. */
  readonly table: string
}

/** The tag that an address carries for the role whose instances may take it, where only a tag of the instance names the address. */
export const ROLE_TAG = 'sunup-role'

/** The least that lets instances of these roles do what sunup does for them, in one document. What a person does at a terminal is not in it: making the
 *  table, listing all roles' members. Which actions know resources and conditions: AWS's Service Authorization Reference. */
export function policyOf(needs: readonly Needs[], ground: PolicyGround): Policy {
  return joined([...ofGroups(needs, ground), ...ofAddresses(needs, ground), ...ofRows(needs, ground), ...ofParameters(needs, ground)], needs.flatMap(one => one.statements))
}

/** The lifecycle: what lifecycle.ts, lifecycle-hooks.ts and auto-scaling.ts ask. */
function ofGroups(needs: readonly Needs[], ground: PolicyGround): readonly Statement[] {
  const groups = distinct(needs.map(({ group }) => group ?? '*'))
  const arns = (groups.includes('*') ? ['*'] : groups).map(name => arn(ground, 'autoscaling', `autoScalingGroup:*:autoScalingGroupName/${name}`))
  return [
    allow('LookAtGroup', ['autoscaling:DescribeAutoScalingInstances', 'autoscaling:DescribeLifecycleHooks'], ['*']),
    allow('AnswerGroup', ['autoscaling:CompleteLifecycleAction', 'autoscaling:RecordLifecycleActionHeartbeat', 'autoscaling:SetInstanceHealth'], arns),
  ]
}

const MOVE = ['ec2:AssociateAddress', 'ec2:DisassociateAddress']

/** Addresses and tags: what addresses.ts, association.ts, holder.ts and tags.ts ask. On `*` alone one host could take every address of the account. */
function ofAddresses(needs: readonly Needs[], ground: PolicyGround): readonly Statement[] {
  const wanted = needs.flatMap(({ role, registers, addresses }) => addresses.map(need => ({ role, registers, need })))
  const tags = needs.some(({ readsTags }) => readsTags) ? [allow('ReadTags', ['ec2:DescribeTags'], ['*'])] : []
  if (wanted.length === 0) return tags
  const anyAddress = [arn(ground, 'ec2', 'elastic-ip/*')]
  const allocations = distinct(wanted.flatMap(({ need }) => ('allocation' in need ? [need.allocation] : [])))
  const tagged = distinct(wanted.flatMap(({ role, need }) => ('tagged' in need ? [role] : [])))
  const pools = distinct(wanted.flatMap(({ need }) => ('pool' in need ? [JSON.stringify(sorted(need.pool))] : []))).map(text => JSON.parse(text) as Readonly<Record<string, string>>)
  return [
    ...tags,
    allow('LookAtAddresses', ['ec2:DescribeAddresses'], ['*']),
    ...(wanted.some(({ registers, need }) => asksForHolders(need, registers)) ? [allow('LookAtHolders', ['ec2:DescribeInstances'], ['*'])] : []),
    ...(allocations.length > 0 ? [allow('MoveAddress', MOVE, allocations.map(id => arn(ground, 'ec2', `elastic-ip/${id}`)))] : []),
    ...(tagged.length > 0 ? [allow('MoveAddressOfRole', MOVE, anyAddress, { StringEquals: { [`aws:ResourceTag/${ROLE_TAG}`]: tagged } })] : []),
    ...pools.map(pool => allow('MoveAddressOfPool', MOVE, anyAddress, { StringEquals: Object.fromEntries(Object.entries(pool).map(([name, value]) => [`aws:ResourceTag/${name}`, [literal(value)]])) })),
    // What an address is moved to, or parted from, is judged beside the address itself.
    allow('MoveAddressBetween', MOVE, ['instance/*', 'network-interface/*'].map(what => arn(ground, 'ec2', what))),
  ]
}

/** From a pool only what is free is taken: who holds the others is nobody's business, unless it is a claim that is in the way. */
function asksForHolders(need: AddressNeed, registers: boolean): boolean {
  return !('pool' in need) || registers
}

/** The registry's table: what registry.ts, claims.ts and revisions.ts ask. The partition key keeps a role to its own rows. */
function ofRows(needs: readonly Needs[], ground: PolicyGround): readonly Statement[] {
  const table = [ground.table.startsWith('arn:') ? ground.table : arn(ground, 'dynamodb', `table/${ground.table}`)]
  const rows = (sid: string, actions: readonly string[], keys: readonly string[]): Statement =>
    allow(sid, actions.map(action => `dynamodb:${action}`), table, { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': keys } })
  const members = needs.filter(({ registers }) => registers)
  // With a breaker, who can't read his role in a source asks whose his security groups were.
  const asks = needs.some(({ asksHistory }) => asksHistory)
  const history = [...(members.length > 0 || asks ? ['GetItem'] : []), ...(members.length > 0 ? ['PutItem'] : []), ...(asks ? ['Query'] : [])]
  return [
    ...(members.length > 0 ? [rows('KeepMember', ['DeleteItem', 'GetItem', 'PutItem', 'Query'], members.map(({ role }) => role))] : []),
    ...(members.some(({ addresses }) => addresses.length > 0) ? [rows('ClaimAddress', ['DeleteItem', 'GetItem', 'PutItem'], ['#address'])] : []),
    ...(history.length > 0 ? [rows('KeepHistory', history, ['#revision'])] : []),
  ]
}

/** Secrets: what secrets.ts asks. Parameter Store decrypts in the caller's name, and says of which parameter; the key that AWS keeps for it (aws/ssm)
 *  lets everybody in the account, one of the account's own only who may. */
function ofParameters(needs: readonly Needs[], ground: PolicyGround): readonly Statement[] {
  const arns = distinct(needs.flatMap(({ parameters }) => parameters)).map(path => parameterArn(path, ground))
  if (arns.length === 0) return []
  return [
    allow('ReadSecrets', ['ssm:GetParameter'], arns),
    allow('DecryptSecrets', ['kms:Decrypt'], [arn(ground, 'kms', 'key/*')], { StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': arns } }),
  ]
}

/** A version or label behind the name is no part of the parameter's own name. */
function parameterArn(path: string, ground: PolicyGround): string {
  const parts = path.split(':')
  return path.startsWith('arn:') ? parts.slice(0, 6).join(':') : arn(ground, 'ssm', `parameter/${parts[0]?.replace(/^\//, '')}`)
}

function arn({ region = '*', account = '*' }: PolicyGround, service: string, resource: string): string {
  return `arn:${partitionOf(region)}:${service}:${region}:${account}:${resource}`
}

function partitionOf(region: string): string {
  const [, partition = 'aws'] = Object.entries({ 'cn-': 'aws-cn', 'us-gov-': 'aws-us-gov' }).find(([prefix]) => region.startsWith(prefix)) ?? []
  return partition
}

function allow(Sid: string, Action: readonly string[], Resource: readonly string[], Condition?: Tests): Statement {
  return { Sid, Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) }
}

/** What IAM would read as a variable. */
function literal(text: string): string {
  return text.replaceAll('${', '${$}{')
}

function distinct(list: readonly string[]): readonly string[] {
  return [...new Set(list)].sort()
}

function sorted(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
