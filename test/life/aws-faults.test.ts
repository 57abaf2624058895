import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Clock } from '../../src/core/clock.ts'
import { awsFleet, SMALL, type Call, type Fleet, type FleetInstance, type FleetOptions } from '../support/aws-fleet.ts'
import { serves, staysClosed } from '../support/aws-outcomes.ts'
import { downDynamoDb } from '../support/dynamodb.ts'
import { hastyClock } from '../support/fake-clock.ts'
import { recipeText } from '../support/repository.ts'

t.setTimeout(110_000)

async function one(t: Test, options: Partial<FleetOptions> = {}): Promise<{ readonly fleet: Fleet; readonly web: FleetInstance }> {
  const fleet = await awsFleet(t, { role: SMALL, ...options })
  return { fleet, web: await fleet.launch('i-1') }
}

/** The first call of an API, or every one that `is`. */
function first(api: string, is: (call: Call) => boolean = () => true): (call: Call) => boolean {
  let seen = false
  return call => {
    if (seen || call.api !== api || !is(call)) return false
    return (seen = true)
  }
}

const stateIn = ({ params }: Call): string | undefined => (params.Item as { readonly state?: { readonly S: string } } | undefined)?.state?.S

t.test('a metadata service that refuses for a minute is waited for', async t => {
  const { fleet, web } = await one(t)
  await web.imds.away()
  const clock = hastyClock(slept => (slept > 60_000 ? web.imds.back() : undefined))
  await serves(t, fleet, web, await web.bootHere({ clock }))
  t.ok(clock.monotonic() > 60_000)
})

t.test('one that stays away ends the boot, and an attended boot within seconds', async t => {
  const { fleet, web } = await one(t)
  await web.imds.away()
  const ran = await web.bootHere({ clock: hastyClock() })
  await staysClosed(t, fleet, web, ran, { code: 'cloud.unreachable', message: /metadata service at .* has not answered for 4m /, row: undefined, group: 'Pending:Wait' })
  const clock = hastyClock()
  const startedAt = clock.monotonic()
  t.equal((await web.bootHere({ clock, attended: true })).exitCode, 1)
  t.ok(clock.monotonic() - startedAt < 30_000)
})

t.test('a token that expires in the middle of a run is renewed', async t => {
  const { fleet, web } = await one(t)
  fleet.fault = ({ api }) => {
    if (api === 'ec2:AssociateAddress') web.imds.forgetTokens()
    return undefined
  }
  await serves(t, fleet, web, await web.bootHere())
  t.ok(web.imds.requests.some(({ status }) => status === 401))
  t.equal(web.imds.requests.filter(({ method }) => method === 'PUT').length, 2)
})

t.test('credentials that come late are waited for', async t => {
  const { fleet, web } = await one(t)
  const path = 'meta-data/iam/security-credentials/web'
  const credentials = web.imds.documents.get(path) as string
  web.imds.documents.delete(path)
  await serves(t, fleet, web, await web.bootHere({ clock: hastyClock(slept => void (slept > 20_000 && web.imds.documents.set(path, credentials))) }))
})

t.test('an instance without a role says so', async t => {
  const { fleet, web } = await one(t)
  web.imds.documents.delete('meta-data/iam/security-credentials/web')
  await staysClosed(t, fleet, web, await web.bootHere({ clock: hastyClock() }), { code: 'cloud.denied', message: /has no role/, hint: /instance profile/, row: undefined, group: 'Pending:Wait' })
})

t.test('each API may throttle for a while', async t => {
  const { fleet, web } = await one(t)
  const throttled = new Map<string, number>()
  fleet.fault = ({ api }) => {
    const times = throttled.get(api) ?? 0
    throttled.set(api, times + 1)
    return times < 3 ? 'throttle' : undefined
  }
  await serves(t, fleet, web, await web.bootHere({ clock: hastyClock() }))
  t.ok(throttled.size >= 7, [...throttled.keys()].join())
  const { calls } = web.report()
  for (const api of throttled.keys()) t.match(calls[api], { throttles: 3, retries: 3 }, api)
})

for (const api of ['dynamodb:GetItem', 'dynamodb:PutItem', 'ec2:DescribeAddresses', 'ec2:AssociateAddress']) {
  t.test(`${api} that throttles for ever ends the boot, which says so`, async t => {
    const { fleet, web } = await one(t)
    fleet.fault = call => (call.api === api && stateIn(call) !== 'failed' && web.groupState() === 'Pending:Wait' ? 'throttle' : undefined)
    const ran = await web.bootHere({ clock: hastyClock() })
    t.match(ran, { exitCode: 1, failure: { code: 'cloud.throttled', message: new RegExp(`${api}.* was throttled.*tried 9 times`) } })
    t.notOk(web.isOpen())
    t.equal(web.groupState(), 'Terminating:Proceed')
  })
}

t.test('an answer that was lost is looked after: nothing is done twice', async t => {
  const { fleet, web } = await one(t)
  const lost = [
    first('ec2:AssociateAddress'),
    first('autoscaling:CompleteLifecycleAction'),
    first('dynamodb:PutItem', call => stateIn(call) === 'booting'),
    first('dynamodb:PutItem', call => stateIn(call) === 'in-service'),
    first('dynamodb:PutItem', call => stateIn(call) === undefined),
  ]
  let cut = 0
  fleet.fault = call => (lost.some(is => is(call)) ? (cut++, 'cut') : undefined)
  const warned: string[] = []
  await serves(t, fleet, web, await web.bootHere({ clock: hastyClock(), warn: text => void warned.push(text) }))
  t.equal(cut, lost.length)
  t.equal(fleet.ec2.associations.length, 1, 'one association')
  t.match(await fleet.rows(), [{ seq: 3 }], 'one row: booting, identity, in service')
  t.strictSame(warned, [])
})

t.test('a metadata service that is behind EC2 is waited for: the row has the address that was taken', async t => {
  const fleet = await awsFleet(t, { role: SMALL })
  const web = await fleet.launch('i-1')
  const usual = web.imds.documents.get.bind(web.imds.documents)
  let behind = 3
  web.imds.documents.get = path => (path === 'meta-data/public-ipv4' && (fleet.ec2.holder('eipalloc-1') === null || behind-- > 0) ? '198.51.100.1' : usual(path))
  t.match(await web.boot(), { code: 0 })
  t.match(await fleet.rows(), [{ state: 'in-service', publicIp: '203.0.113.20' }])
  t.ok(behind < 0)
  // The next boot meets it behind once more, with an address that is settled.
  behind = 2
  t.match(await web.boot(), { code: 0 })
  t.match(await fleet.rows(), [{ state: 'in-service', publicIp: '203.0.113.20' }])
})

t.test('a boot that is older than its row writes nothing into it', async t => {
  const { fleet, web } = await one(t)
  const later = { role: 'web', instanceId: 'i-1', bootId: '9999999999999-later' }
  const row = await fleet.registry.register(later, { state: 'in-service', privateIp: '10.0.0.9' }, AbortSignal.timeout(5_000))
  await staysClosed(t, fleet, web, await web.bootHere(), { code: 'registry.lost', message: /belongs to boot 9999999999999-later by now/, row })
})

t.test('a boot that was overtaken while it ran does not open', async t => {
  const { fleet, web } = await one(t)
  let row: object | undefined
  fleet.fault = ({ api }) => {
    if (api === 'ec2:AssociateAddress') void fleet.registry.register({ role: 'web', instanceId: 'i-1', bootId: '9999999999999-later' }, { state: 'booting' }, AbortSignal.timeout(5_000)).then(made => (row = made))
    return undefined
  }
  const ran = await web.bootHere()
  await staysClosed(t, fleet, web, ran, { code: 'registry.lost', message: /belongs to boot 9999999999999-later/, row: row as object })
})

t.test('a clock that is an hour off harms nothing', async t => {
  for (const [at, aheadMs] of [3_600_000, -3_600_000].entries()) {
    const fleet = await awsFleet(t, {
      role: `recipes: [secret-file, eip, registry]\n`,
      files: { 'recipes/secret-file/recipe.ts': recipeText("[file({ path: '/etc/key', content: params.key, mode: '0600' })]", "z.object({ key: secret().default({ secret: 'ssm:/app/key' }) })") },
      parameters: { '/app/key': { versions: ['the key'] } },
    })
    fleet.write({ 'roles/web.yaml': 'recipes: [{ secret-file: { key: { secret: "ssm:/app/key" } } }, eip, registry]\n' })
    fleet.ssm.aheadMs = aheadMs
    const web = await fleet.launch(`i-${at}`)
    const usual = hastyClock()
    await serves(t, fleet, web, await web.bootHere({ clock: { ...usual, now: () => usual.now() - aheadMs } }))
  }
})

t.test('a DynamoDB that is down closes the boot within its deadline, with the cause', async t => {
  const { fleet, web } = await one(t)
  fleet.dynamoDbAt(await downDynamoDb())
  const ran = await web.bootHere({ clock: hastyClock() })
  await staysClosed(t, fleet, web, ran, { code: 'cloud.unreachable', message: /dynamodb:GetItem on sunup-registry: no answer: .*ECONNREFUSED.*tried 5 times/, row: undefined })
  t.strictSame(fleet.ec2.associations, [], 'no resource was touched')
})

t.test('a deadline that passes meanwhile says what was waited for', async t => {
  const { fleet, web } = await one(t, { role: `${SMALL}deadline: 2s\n` })
  fleet.dynamoDbAt(await downDynamoDb())
  // The first pause is the last.
  let paused = false
  const hasty = hastyClock()
  const sleep: Clock['sleep'] = (ms, signal) => {
    if (paused) return hasty.sleep(ms, signal)
    paused = true
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }))
  }
  await staysClosed(t, fleet, web, await web.bootHere({ clock: { ...hasty, sleep } }), { code: 'run.deadline', exitCode: 4, message: /deadline of 2.0 s has passed.*dynamodb:GetItem on sunup-registry: no answer/, row: undefined })
})

t.test('a step of opening that fails undoes those before it', async t => {
  const denied = { code: 'AccessDeniedException', message: 'not authorized to perform', status: 400 }
  const cases: Record<string, { readonly role?: string; readonly befalls?: (web: FleetInstance, call: Call) => boolean; readonly message: RegExp; readonly group?: string }> = {
    'the row': { befalls: (_web, call) => stateIn(call) === 'in-service', message: /the registry row could not be written: dynamodb:PutItem on sunup-registry was denied/ },
    'the file': {
      befalls(web, call) {
        // In its place lies a directory that is not empty.
        if (stateIn(call) === 'in-service') {
          mkdirSync(join(web.health, 'x'), { recursive: true })
          writeFileSync(join(web.health, 'x/y'), '')
        }
        return false
      },
      message: /the health file could not be written/,
    },
    'the url': { role: `recipes: [{ eip: { tries: 1 } }, registry]\nhealth: { url: "http://127.0.0.1:9/ping.html" }\n`, message: /the health URL does not answer: .*ECONNREFUSED/ },
    'the hook': { befalls: (_web, { api, params }) => api === 'autoscaling:CompleteLifecycleAction' && params.LifecycleActionResult === 'CONTINUE', message: /the launch hook could not be completed: autoscaling:CompleteLifecycleAction on i-1 was denied/ },
  }
  for (const [step, { role = SMALL, befalls = () => false, message }] of Object.entries(cases)) {
    await t.test(step, async t => {
      const fleet = await awsFleet(t, { role })
      const web = await fleet.launch('i-1', { staged: role === SMALL })
      fleet.fault = call => (befalls(web, call) ? denied : undefined)
      const ran = await web.bootHere({ clock: hastyClock() })
      await staysClosed(t, fleet, web, ran, { code: 'gate.failed', message })
    })
  }
})
