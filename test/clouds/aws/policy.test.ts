import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { policyOf, type PolicyGround } from '../../../src/clouds/aws/policy.ts'
import type { Statement } from '../../../src/clouds/aws/policy-document.ts'
import { terraformOf } from '../../../src/clouds/aws/policy-terraform.ts'
import type { Needs } from '../../../src/core/needs.ts'
import { matchesGolden } from '../../support/golden.ts'
import { allows, coveredBy, uncovered } from '../../support/iam.ts'

const KNOWN: PolicyGround = { region: 'eu-west-1', account: '123456789012', table: 'sunup-registry' }
const ANYWHERE: PolicyGround = { region: undefined, account: undefined, table: 'sunup-registry' }

function needs(over: Partial<Needs> = {}): Needs {
  return { role: 'web', group: undefined, addresses: [], registers: false, asksHistory: false, readsTags: false, parameters: [], statements: [], ...over }
}

/** A role that asks for all there is. */
const ALL = needs({ addresses: [{ allocation: 'eipalloc-1' }, { tagged: 'allocation-id' }, { pool: { pool: 'web' } }], registers: true, asksHistory: true, readsTags: true, parameters: ['/web/token'] })

const actionsOf = (...all: readonly Needs[]): readonly string[] => [...new Set(policyOf(all, KNOWN).Statement.flatMap(({ Action = [] }) => Action))].sort()
const named = (sid: string, one: Needs, ground = KNOWN): Statement | undefined => policyOf([one], ground).Statement.find(({ Sid }) => Sid === sid)

/** What a person at a terminal does: make the table, list the members of all roles. */
const A_PERSONS = ['dynamodb:CreateTable', 'dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive', 'dynamodb:Scan', 'dynamodb:UpdateTimeToLive']

const SERVICES: Readonly<Record<string, string>> = { 'auto-scaling': 'autoscaling', dynamodb: 'dynamodb', ec2: 'ec2', ssm: 'ssm' }

/** Every API that the code has a call of, as IAM names it: by the commands of the SDK that are made somewhere. */
function called(): readonly string[] {
  const directory = join(import.meta.dirname, '../../../src/clouds/aws')
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8')
  const services = new Map(Object.entries(SERVICES).flatMap(([file, service]) => [...read(`sdk/${file}.ts`).matchAll(/\b(\w+)Command\b/g)].map(([, name = '']) => [name, service] as const)))
  const texts = readdirSync(directory).filter(name => name.endsWith('.ts')).map(read)
  const made = texts.flatMap(text => [...text.matchAll(/\bnew (?:sdk\.)?(\w+)Command\(/g)].map(([, name = '']) => name))
  return [...new Set(made.map(name => `${services.get(name) ?? 'an unknown service'}:${name}`))].sort()
}

t.test('whatever the code asks of AWS is in the policy of a role that asks for all, and nothing else is', async t => {
  t.ok(called().length >= 18, called().join(' '))
  t.strictSame(actionsOf(ALL).filter(name => name !== 'kms:Decrypt'), called().filter(name => !A_PERSONS.includes(name)))
  t.ok(A_PERSONS.every(name => called().includes(name)))
})

t.test('the code tells of its calls by the names of their actions', async t => {
  const directory = join(import.meta.dirname, '../../../src/clouds/aws')
  const text = readdirSync(directory).filter(name => name.endsWith('.ts')).map(name => readFileSync(join(directory, name), 'utf8')).join('\n')
  const missing = called().filter(name => !new RegExp(`'(?:${name}|${name.split(':')[1]})'`).test(text))
  t.strictSame(missing, [])
})

t.test('a role that asks for nothing may answer its group, and no more', async t => {
  t.strictSame(actionsOf(needs()), ['autoscaling:CompleteLifecycleAction', 'autoscaling:DescribeAutoScalingInstances', 'autoscaling:DescribeLifecycleHooks', 'autoscaling:RecordLifecycleActionHeartbeat', 'autoscaling:SetInstanceHealth'])
})

t.test('it answers its own group alone, where the role names it', async t => {
  t.strictSame(named('AnswerGroup', needs({ group: 'web-asg' }))?.Resource, ['arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web-asg'])
  t.strictSame(named('AnswerGroup', needs())?.Resource, ['arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/*'])
})

t.test('where region and account are not known they are any', async t => {
  t.strictSame(named('KeepMember', needs({ registers: true }), ANYWHERE)?.Resource, ['arn:aws:dynamodb:*:*:table/sunup-registry'])
})

t.test('other partitions are known by their regions', async t => {
  for (const [region, partition] of [['cn-north-1', 'aws-cn'], ['us-gov-west-1', 'aws-us-gov'], ['us-east-1', 'aws']] as const) {
    t.match(named('KeepMember', needs({ registers: true }), { ...KNOWN, region })?.Resource?.[0], new RegExp(`^arn:${partition}:dynamodb:${region}:`))
  }
})

t.test('a table may be named by its ARN', async t => {
  const table = 'arn:aws:dynamodb:eu-west-1:210987654321:table/fleet'
  t.strictSame(named('KeepMember', needs({ registers: true }), { ...KNOWN, table })?.Resource, [table])
})

const MOVES = ['ec2:AssociateAddress', 'ec2:DisassociateAddress']

t.test('of the addresses it may move those it is meant to, and no other', async t => {
  const address = (id: string): string => `arn:aws:ec2:eu-west-1:123456789012:elastic-ip/${id}`
  const tagged = (tags: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:ResourceTag/${name}`, [value]]))
  const cases = [
    [{ allocation: 'eipalloc-1' }, { id: 'eipalloc-1', tags: {} }, { id: 'eipalloc-2', tags: {} }],
    [{ tagged: 'allocation-id' }, { id: 'eipalloc-2', tags: { 'sunup-role': 'web' } }, { id: 'eipalloc-2', tags: { 'sunup-role': 'db' } }],
    [{ pool: { pool: 'web', env: 'live' } }, { id: 'eipalloc-3', tags: { pool: 'web', env: 'live' } }, { id: 'eipalloc-3', tags: { pool: 'web' } }],
  ] as const
  for (const [need, its, other] of cases) {
    const policy = policyOf([needs({ addresses: [need] })], KNOWN)
    for (const action of MOVES) {
      const may = ({ id, tags }: { readonly id: string; readonly tags: Readonly<Record<string, string>> }): boolean => allows(policy, { action, resources: [address(id)], context: tagged(tags) })
      t.ok(may(its), `${action} ${JSON.stringify(need)}`)
      t.notOk(may(other), `${action} ${JSON.stringify(need)}, another's`)
      t.ok(allows(policy, { action, resources: ['arn:aws:ec2:eu-west-1:123456789012:instance/i-1', 'arn:aws:ec2:eu-west-1:123456789012:network-interface/eni-1'] }))
      t.notOk(allows(policy, { action, resources: ['arn:aws:ec2:eu-west-1:210987654321:instance/i-1'] }), 'in another account')
    }
  }
})

t.test('a pool never takes what is held: who holds it is asked only where there are claims', async t => {
  const pool = { addresses: [{ pool: { pool: 'web' } }] }
  t.notOk(actionsOf(needs(pool)).includes('ec2:DescribeInstances'))
  t.ok(actionsOf(needs({ ...pool, registers: true })).includes('ec2:DescribeInstances'))
  t.ok(actionsOf(needs({ addresses: [{ allocation: 'eipalloc-1' }] })).includes('ec2:DescribeInstances'))
})

t.test('a role keeps its own rows of the table, claims where it takes an address, and its history', async t => {
  const table = 'arn:aws:dynamodb:eu-west-1:123456789012:table/sunup-registry'
  const row = (one: Needs, name: string, role: string): boolean => allows(policyOf([one], KNOWN), { action: `dynamodb:${name}`, resources: [table], context: { 'dynamodb:LeadingKeys': [role] } })
  const member = needs({ registers: true })
  for (const name of ['GetItem', 'PutItem', 'DeleteItem', 'Query']) {
    t.ok(row(member, name, 'web'), name)
    t.notOk(row(member, name, 'db'), `${name}, another role's`)
  }
  t.notOk(row(member, 'PutItem', '#address'))
  t.ok(row(ALL, 'PutItem', '#address') && row(ALL, 'DeleteItem', '#address'))
  t.ok(row(member, 'PutItem', '#revision'))
  t.notOk(row(member, 'DeleteItem', '#revision'))
  t.ok(row(needs({ asksHistory: true }), 'GetItem', '#revision'), 'the breaker asks without a registry, too')
  t.notOk(row(needs({ asksHistory: true }), 'PutItem', '#revision'))
  t.notOk(allows(policyOf([ALL], KNOWN), { action: 'dynamodb:Scan', resources: [table] }))
})

t.test('a secret is read by its own name, whatever its version, and decrypted as that parameter alone', async t => {
  const one = needs({ parameters: ['/web/token', 'key', '/web/token:3', 'arn:aws:ssm:eu-west-1:210987654321:parameter/theirs:label'] })
  const arns = ['arn:aws:ssm:eu-west-1:123456789012:parameter/key', 'arn:aws:ssm:eu-west-1:123456789012:parameter/web/token', 'arn:aws:ssm:eu-west-1:210987654321:parameter/theirs']
  t.strictSame(named('ReadSecrets', one)?.Resource, arns)
  const decrypt = (parameter: string): boolean =>
    allows(policyOf([one], KNOWN), { action: 'kms:Decrypt', resources: ['arn:aws:kms:eu-west-1:123456789012:key/1'], context: { 'kms:EncryptionContext:PARAMETER_ARN': [parameter] } })
  t.ok(arns.every(decrypt))
  t.notOk(decrypt('arn:aws:ssm:eu-west-1:123456789012:parameter/other'))
  t.notOk(actionsOf(needs()).includes('kms:Decrypt'))
})

t.test('several roles are one policy: what is equal stands there once, each Sid is its own, and their order changes nothing', async t => {
  const bucket = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::app/*' }
  const web = needs({ registers: true, addresses: [{ pool: { pool: 'a' } }], statements: [{ recipe: 'git-app', statements: [bucket, { ...bucket, Action: ['s3:PutObject', 's3:GetObject'] }] }] })
  const db = needs({ role: 'db', registers: true, group: 'db', addresses: [{ pool: { pool: 'b' } }, { pool: { pool: 'a' } }], statements: [{ recipe: 'other', statements: [{ ...bucket, Sid: 'Mine', Action: ['s3:GetObject'] }] }] })
  const { Statement } = policyOf([web, db], KNOWN)
  const sids = Statement.map(({ Sid }) => Sid)
  t.strictSame(sids, [...new Set(sids)].sort())
  t.ok(sids.every(sid => /^[A-Za-z0-9]+$/.test(sid)))
  t.ok(['MoveAddressOfPool', 'MoveAddressOfPool2', 'RecipeGitApp', 'RecipeGitApp2'].every(sid => sids.includes(sid)), sids.join(' '))
  t.notOk(sids.includes('Mine'))
  t.strictSame(Statement.find(({ Sid }) => Sid === 'KeepMember')?.Condition, { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['db', 'web'] } })
  const shape = ({ Sid: _sid, ...rest }: Statement): string => JSON.stringify(rest)
  t.strictSame(policyOf([db, web], KNOWN).Statement.map(shape).sort(), Statement.map(shape).sort())
})

t.test('what looks like a variable of IAM in a tag is none', async t => {
  t.strictSame(named('MoveAddressOfPool', needs({ addresses: [{ pool: { pool: '${aws:username}' } }] }))?.Condition, { StringEquals: { 'aws:ResourceTag/pool': ['${$}{aws:username}'] } })
})

t.test('calls are found in it by name', async t => {
  const policy = policyOf([needs({ registers: true })], KNOWN)
  t.ok(coveredBy(policy, { 'dynamodb:PutItem': { count: 2 }, 'autoscaling:CompleteLifecycleAction': { count: 1 } }))
  t.strictSame(uncovered(policy, ['dynamodb:PutItem', 'dynamodb:Scan', 'ec2:AssociateAddress']), ['dynamodb:Scan', 'ec2:AssociateAddress'])
})

t.test('as Terraform it is the same statements', async t => {
  const deny = { Effect: 'Deny', NotAction: 's3:Get*', NotResource: ['arn:aws:s3:::a "b"/${aws:username}', '%{x}'], Condition: { Bool: { 'aws:SecureTransport': false } } }
  const policy = policyOf([{ ...ALL, statements: [{ recipe: 'backup', statements: [deny] }] }], KNOWN)
  const text = terraformOf(policy, 'sunup_web.1')
  matchesGolden(t, 'policy.tf', text)
  t.strictSame(fromTerraform(text), { name: 'sunup_web_1', Statement: policy.Statement })
})

/** Reads what was printed back, by HCL's own rules as far as they are used here; anything else throws. */
function fromTerraform(text: string): unknown {
  const lines = text.split('\n').map(line => line.trim()).filter(line => line !== '')
  const unquoted = (literal: string): string => {
    if (/(?<!\$)(?:\$\$)*\$\{|(?<!%)(?:%%)*%\{/.test(literal)) throw new Error(`${literal} would be filled in`)
    return (JSON.parse(literal) as string).replace(/([$%])\1(?=\{)/g, '$1')
  }
  const take = (pattern: RegExp): RegExpExecArray => {
    const match = pattern.exec(lines[0] ?? '')
    if (!match) throw new Error(`${lines[0]} is not ${pattern}`)
    lines.shift()
    return match
  }
  const fields = (): Record<string, unknown> => {
    const found: Record<string, unknown> = {}
    for (let match; (match = /^(\w+) += (".*"|\[)$/.exec(lines[0] ?? '')); ) {
      lines.shift()
      const [, name = '', value = ''] = match
      if (value !== '[') found[name] = unquoted(value)
      else {
        const list: string[] = []
        while (lines[0] !== ']') list.push(unquoted(take(/^(".*"),$/)[1] as string))
        lines.shift()
        found[name] = list
      }
    }
    return found
  }
  const [, name] = take(/^data "aws_iam_policy_document" "([A-Za-z_][\w-]*)" \{$/)
  const Statement: unknown[] = []
  while (lines[0] !== '}') {
    take(/^statement \{$/)
    const { sid: Sid, effect: Effect, actions: Action, not_actions: NotAction, resources: Resource, not_resources: NotResource } = fields()
    const Condition: Record<string, Record<string, unknown>> = {}
    while (lines[0] !== '}') {
      take(/^condition \{$/)
      const { test, variable, values } = fields()
      ;(Condition[String(test)] ??= {})[String(variable)] = values
      take(/^\}$/)
    }
    lines.shift()
    Statement.push({ Sid, Effect, ...(Action ? { Action } : { NotAction }), ...(Resource ? { Resource } : { NotResource }), ...(Object.keys(Condition).length > 0 && { Condition }) })
  }
  return { name, Statement }
}
