import t, { type Test } from 'tap'
import { awsFleet, SMALL, type Call, type FleetInstance, type FleetOptions, type InstanceOptions } from '../support/aws-fleet.ts'
import { staysClosed, type Expected } from '../support/aws-outcomes.ts'
import { hastyClock } from '../support/fake-clock.ts'
import { recipeText } from '../support/repository.ts'

t.setTimeout(110_000)

interface Case extends Partial<FleetOptions> {
  readonly documents?: InstanceOptions['documents']
  readonly befalls?: (call: Call) => { readonly code: string; readonly message: string; readonly status?: number } | undefined
  readonly world?: (web: FleetInstance) => void
  readonly expected: Expected
}

const denied = (action: string, code = 'UnauthorizedOperation', status = 403) => (call: Call) => {
  const [, name = ''] = call.api.split(':')
  return call.api === action ? { code, status, message: `User: arn:aws:sts::123456789012:assumed-role/web/i-1 is not authorized to perform: ${action}. Encoded authorization failure message: AbCd${name}` } : undefined
}

const SECRET = {
  role: 'recipes: [{ key-file: { key: { secret: "ssm:/app/key" } } }, registry]\n',
  files: { 'recipes/key-file/recipe.ts': recipeText("[file({ path: '/etc/key', content: params.key, mode: '0600' })]", 'z.object({ key: secret() })') },
}

const CASES: Record<string, Case> = {
  'a tag that names an address which is not there': {
    documents: { 'meta-data/tags/instance/allocation-id': 'eipalloc-gone' },
    expected: { code: 'address.missing', message: /address\[tag allocation-id\]: there is no address eipalloc-gone/, hint: /tag/ },
  },
  'a tag that is empty': {
    documents: { 'meta-data/tags/instance/allocation-id': '' },
    expected: { code: 'address.missing', message: /no tag allocation-id, or an empty one/, hint: /Give the instance/ },
  },
  'a tag that is not there, and that the metadata service does not tell': {
    documents: { 'meta-data/tags/instance/allocation-id': undefined, 'meta-data/tags/instance/Name': undefined },
    expected: { code: 'address.missing', message: /no tag allocation-id/ },
  },
  'an address of another account': {
    befalls: call => (call.api === 'ec2:AssociateAddress' ? { code: 'AuthFailure', message: 'You do not have permission to access the specified resource.' } : undefined),
    expected: { code: 'cloud.denied', message: /eipalloc-1 is another account's/, hint: /of the account/ },
  },
  'an address that somebody alive holds': {
    world: () => undefined,
    befalls: () => undefined,
    expected: { code: 'address.held', message: /eipalloc-1 is held by i-9, which is alive \(asked twice\)|asked 2 times/, hint: /takeover: dead/ },
  },
  'no permission to look at addresses': {
    befalls: denied('ec2:DescribeAddresses'),
    expected: { code: 'cloud.denied', message: /ec2:DescribeAddresses on eipalloc-1 was denied: [^]*is not authorized to perform: ec2:DescribeAddresses\.?$/, hint: /sunup policy/ },
  },
  'no permission to take one': {
    befalls: denied('ec2:AssociateAddress'),
    expected: { code: 'cloud.denied', message: /ec2:AssociateAddress on eipalloc-1 was denied/, hint: /sunup policy/ },
  },
  'no permission to write the registry': {
    befalls: denied('dynamodb:PutItem', 'AccessDeniedException', 400),
    expected: { code: 'cloud.denied', message: /dynamodb:PutItem on sunup-registry was denied/, hint: /sunup policy/, row: undefined },
  },
  'no permission to see the group': {
    befalls: denied('autoscaling:DescribeAutoScalingInstances', 'AccessDenied'),
    // Whether anybody waits can't be known, and so nothing can be answered.
    expected: { code: 'gate.failed', message: /autoscaling:DescribeAutoScalingInstances on i-1 was denied/, hint: /sunup policy/, group: 'Pending:Wait' },
  },
  'a table that is missing': {
    table: false,
    expected: { code: 'cloud.invalid', message: /there is no table sunup-registry in eu-west-1/, hint: /sunup registry init/, row: undefined },
  },
  'a parameter that is missing': {
    ...SECRET,
    expected: { code: 'secret.missing', message: /there is no parameter \/app\/key/, hint: /put-parameter/ },
  },
  'a parameter that can not be decrypted': {
    ...SECRET,
    parameters: { '/app/key': { versions: ['the key'], keyIsDenied: true } },
    expected: { code: 'cloud.denied', message: /the parameter \/app\/key is there, and can't be decrypted/, hint: /kms:Decrypt/ },
  },
  'no permission to read a parameter': {
    ...SECRET,
    parameters: { '/app/key': { versions: ['the key'] } },
    befalls: denied('ssm:GetParameter', 'AccessDeniedException', 400),
    expected: { code: 'cloud.denied', message: /ssm:GetParameter on \/app\/key was denied/, hint: /sunup policy/ },
  },
  'security groups that no role answers to': {
    documents: { 'meta-data/security-groups': 'default\nother' },
    expected: { code: 'role.none', exitCode: 78, message: /default[^]*other/, row: undefined },
  },
  'a role that is wrong': {
    role: 'recipes: [nginxx]\n',
    expected: { code: 'recipe.missing', exitCode: 78, message: /nginxx/, row: undefined },
  },
}

for (const [what, { befalls, world, expected, documents, ...options }] of Object.entries(CASES)) {
  t.test(`${what}: one clear error, no traffic, and the group is told`, async (t: Test) => {
    const fleet = await awsFleet(t, { role: SMALL, ...options })
    const web = await fleet.launch('i-1', { ...(documents && { documents }) })
    fleet.fault = befalls
    if (world) {
      fleet.ec2.instances.set('i-9', { id: 'i-9' })
      fleet.ec2.give('eipalloc-1', 'i-9')
    }
    const asked = fleet.calls.length
    const ran = await web.bootHere({ clock: hastyClock() })
    await staysClosed(t, fleet, web, ran, expected)
    if (ran.failure?.code === 'cloud.denied') {
      const [api = ''] = /\w+:\w+/.exec(ran.failure.message) ?? []
      const tries = fleet.calls.slice(asked).filter(call => call.api === api)
      // What is denied is denied the next time, too; the row's second try says that it failed.
      t.ok(tries.length <= 2 || !/was denied/.test(ran.failure.message), `${api} is not asked again and again: ${tries.length}`)
    }
  })
}

t.test('a region that can not be found: one clear error', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const document = JSON.stringify({ instanceId: 'i-1' })
  const web = await fleet.launch('i-1', { documents: { 'dynamic/instance-identity/document': document, 'meta-data/placement/region': undefined } })
  await staysClosed(t, fleet, web, await web.bootHere({ clock: hastyClock() }), { code: 'cloud.invalid', message: /the region can't be found/, hint: /AWS_REGION/, row: undefined, group: 'Pending:Wait' })
})

t.test('a metadata service that is disabled ends the boot at once, and says how to switch it on', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1')
  web.imds.trouble = () => 403
  const clock = hastyClock()
  const startedAt = clock.monotonic()
  await staysClosed(t, fleet, web, await web.bootHere({ clock }), { code: 'cloud.denied', message: /metadata service is disabled/, hint: /modify-instance-metadata-options/, row: undefined, group: 'Pending:Wait' })
  t.ok(clock.monotonic() - startedAt < 5_000)
})
