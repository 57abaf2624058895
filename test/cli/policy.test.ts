import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Policy, Statement } from '../../src/clouds/aws/policy-document.ts'
import { start, type Ran } from '../support/program.ts'

interface Terminal {
  readonly directory: string
  readonly sunup: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Ran>
}

const ROLES = {
  'base.yaml': 'securityGroups: []\nrecipes: [{ files: [{ path: /etc/motd, content: x }] }]\n',
  'db.yaml': 'recipes:\n  - eip: { pool: { pool: db } }\n  - files: [{ path: /etc/key, template: key, vars: { key: { secret: "ssm:/db/key" } } }]\n',
  'web.yaml': 'include: [base]\nrecipes:\n  - eip\n  - registry\nscaling: { group: web-asg }\n',
}

/** A person's terminal with a provisioning repository of three roles; nothing of AWS answers. */
function terminal(t: Test, { roles = ROLES, recipes = {} }: { readonly roles?: Readonly<Record<string, string>>; readonly recipes?: Readonly<Record<string, string>> } = {}): Terminal {
  const directory = t.testdir({ 'sunup.yaml': '', roles, recipes: Object.fromEntries(Object.entries(recipes).map(([name, text]) => [name, { 'recipe.ts': text }])), templates: { key: '{{key}}\n' } })
  return { directory, sunup: (args, env = {}) => start(['policy', ...args], { cwd: directory, env }).end }
}

const policyIn = ({ stdout }: Ran): Policy => JSON.parse(stdout) as Policy
const sidsIn = (ran: Ran): readonly string[] => policyIn(ran).Statement.map(({ Sid }) => Sid)
const statement = (ran: Ran, sid: string): Statement | undefined => policyIn(ran).Statement.find(({ Sid }) => Sid === sid)

t.test('the policy of a role has what its recipes ask for, and nothing of other roles', async t => {
  const { sunup } = terminal(t)
  const web = await sunup(['--role', 'web'])
  t.match(web, { code: 0, stderr: '' })
  t.strictSame(sidsIn(web), ['AnswerGroup', 'ClaimAddress', 'KeepHistory', 'KeepMember', 'LookAtAddresses', 'LookAtGroup', 'LookAtHolders', 'MoveAddressBetween', 'MoveAddressOfRole', 'ReadTags'])
  t.strictSame(statement(web, 'AnswerGroup')?.Resource, ['arn:aws:autoscaling:eu-west-1:*:autoScalingGroup:*:autoScalingGroupName/web-asg'])
  const db = await sunup(['--role', 'db'])
  t.strictSame(sidsIn(db), ['AnswerGroup', 'DecryptSecrets', 'LookAtAddresses', 'LookAtGroup', 'MoveAddressBetween', 'MoveAddressOfPool', 'ReadSecrets'])
  t.strictSame(statement(db, 'ReadSecrets')?.Resource, ['arn:aws:ssm:eu-west-1:*:parameter/db/key'])
})

t.test('without --role it is one policy for all roles that a group leads to', async t => {
  const { sunup } = terminal(t)
  const all = await sunup([])
  t.strictSame(statement(all, 'KeepMember')?.Condition, { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['web'] } })
  t.ok(['MoveAddressOfPool', 'MoveAddressOfRole', 'ReadSecrets'].every(sid => sidsIn(all).includes(sid)))
})

t.test('the account is AWS_ACCOUNT_ID, the table that of sunup.yaml, and what is not known is any', async t => {
  const { directory, sunup } = terminal(t)
  writeFileSync(join(directory, 'sunup.yaml'), 'registry: { table: fleet }\n')
  const keep = async (env: Readonly<Record<string, string>>) => statement(await sunup(['--role', 'web'], env), 'KeepMember')?.Resource
  t.strictSame(await keep({ AWS_ACCOUNT_ID: '123456789012' }), ['arn:aws:dynamodb:eu-west-1:123456789012:table/fleet'])
  t.strictSame(await keep({ AWS_REGION: '' }), ['arn:aws:dynamodb:*:*:table/fleet'])
})

t.test('an account or a region that is none is a usage error', async t => {
  const { sunup } = terminal(t)
  for (const account of ['abc', '12345678901', '1234567890123', '123456789012"', '1234-5678-9012']) t.match(await sunup(['--role', 'web'], { AWS_ACCOUNT_ID: account }), { code: 64, stdout: '', stderr: /AWS_ACCOUNT_ID is to be 12 digits/ }, account)
  for (const region of ['x"y', 'abc', 'eu west 1', '*', 'eu-west-1:x']) t.match(await sunup(['--role', 'web'], { AWS_REGION: region }), { code: 64, stdout: '', stderr: /is none\n {2}hint: A region is named like eu-west-1/ }, region)
  for (const region of ['us-gov-west-1', 'cn-north-1', 'us-isob-east-1']) t.match(await sunup(['--role', 'web'], { AWS_REGION: region }), { code: 0 }, region)
})

t.test('nobody is asked where it runs', async t => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.writeHead(500).end()
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { sunup } = terminal(t)
  t.match(await sunup(['--role', 'web'], { AWS_REGION: '', AWS_EC2_METADATA_SERVICE_ENDPOINT: url, AWS_ENDPOINT_URL: url }), { code: 0, stderr: '' })
  t.equal(asked, 0)
})

t.test('--terraform prints a data block of the role’s name', async t => {
  const { sunup } = terminal(t)
  t.match(await sunup(['--role', 'web', '--terraform']), { code: 0, stdout: /^data "aws_iam_policy_document" "sunup_web" \{\n  statement \{\n    sid    = "AnswerGroup"/ })
  t.match(await sunup(['--terraform']), { stdout: /^data "aws_iam_policy_document" "sunup" \{/ })
})

t.test('tags of the instance are asked for where something reads them', async t => {
  const roles = {
    'quiet.yaml': 'recipes: []\n',
    'health.yaml': 'recipes: []\nhealth: { content: "{{instance.tags.Name}}" }\n',
    'reading.yaml': 'recipes: [reader]\n',
  }
  const reader = `import { file, recipe } from 'sunup'
export default recipe({ description: 'Reads a tag.', resources: ({ instance }) => [file({ path: '/etc/name', content: String(instance.tags.Name) })] })
`
  const { sunup } = terminal(t, { roles, recipes: { reader } })
  const reads = async (role: string) => sidsIn(await sunup(['--role', role])).includes('ReadTags')
  t.strictSame([await reads('quiet'), await reads('health'), await reads('reading')], [false, true, true])
})

t.test('resources count, whichever recipe brings them; what is an instance’s own is any in a recipe’s own statements', async t => {
  const own = `import { address, recipe, registration } from 'sunup'
export default recipe({
  description: 'Takes an address and registers.',
  phase: 'activate',
  iam: ({ instance, role }) => [{ Effect: 'Allow', Action: 'logs:PutLogEvents', Resource: \`arn:aws:logs:\${instance.region}:*:log-group:\${role.name}:log-stream:\${instance.id}-\${instance.tags.Name}\` }],
  resources: ({ instance, role, cloud, bootId }) => [
    address({ addresses: cloud.addresses, instanceId: instance.id, allocation: 'eipalloc-7' }),
    registration({ registry: cloud.registry, key: { role: role.name, instanceId: instance.id, bootId } }),
  ],
})
`
  const { sunup } = terminal(t, { roles: { 'web.yaml': 'recipes: [own]\n' }, recipes: { own } })
  const ran = await sunup(['--role', 'web'])
  t.strictSame(statement(ran, 'MoveAddress')?.Resource, ['arn:aws:ec2:eu-west-1:*:elastic-ip/eipalloc-7'])
  t.ok(sidsIn(ran).includes('KeepMember') && sidsIn(ran).includes('ClaimAddress'))
  t.strictSame(statement(ran, 'RecipeOwn')?.Resource, ['arn:aws:logs:eu-west-1:*:log-group:web:log-stream:*-*'])
})

t.test('what is wrong in the role is told, and no policy is printed', async t => {
  const { sunup } = terminal(t, { roles: { 'web.yaml': 'recipes: [{ eip: { alocation: x } }]\n' } })
  t.match(await sunup(['--role', 'web']), { code: 78, stdout: '', stderr: /roles\/web\.yaml:1.*alocation/s })
  t.match(await sunup(['--role', 'wep']), { code: 78, stdout: '', stderr: /there is no role "wep"/ })
})
