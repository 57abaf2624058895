import t from 'tap'
import { claims, type Claims } from '../../../src/clouds/aws/claims.ts'
import { bootIdOf } from '../../../src/core/boot-id.ts'
import { dynamoDb, fleetAt, makeTable, tableAt, wire, type Wire } from '../../support/dynamodb.ts'

const signal = new AbortController().signal
const FIRST = bootIdOf(1_700_000_000_000, 'aaaa')
const SECOND = bootIdOf(1_700_000_100_000, 'bbbb')

async function world(t: Parameters<typeof wire>[0]): Promise<Wire & { readonly as: () => Claims }> {
  const endpoint = await dynamoDb(t)
  await makeTable(tableAt(t, endpoint), signal)
  const on = await wire(t, endpoint)
  return { ...on, as: () => claims(tableAt(t, on.endpoint)) }
}

t.test('an address that nobody claimed is claimed', async t => {
  const { as } = await world(t)
  t.equal(await as().read('eipalloc-1', signal), undefined)
  const claim = await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal)
  t.strictSame(claim, { allocationId: 'eipalloc-1', holder: 'i-1', bootId: FIRST, seq: 1 })
  t.strictSame(await as().read('eipalloc-1', signal), claim)
})

t.test('claimed by another it is held', async t => {
  const { as } = await world(t)
  const claim = await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal)
  await t.rejects(as().claim('eipalloc-1', 'i-2', SECOND, undefined, signal), { code: 'address.held', message: /i-1/ })
  t.strictSame(await as().read('eipalloc-1', signal), claim)
})

t.test('its own claim is its own: of this boot nothing is written, of an earlier one it is taken over', async t => {
  const { as, asked } = await world(t)
  const claim = await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal)
  const { length } = asked
  t.strictSame(await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal), claim)
  t.strictSame(asked.slice(length), ['GetItem'])
  t.match(await as().claim('eipalloc-1', 'i-1', SECOND, undefined, signal), { bootId: SECOND, seq: 2 })
  await t.rejects(as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal), { code: 'address.held', hint: /latest boot/ })
})

t.test('the very claim that was read is taken over, and no later one', async t => {
  const { as } = await world(t)
  const dead = await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal)
  t.match(await as().claim('eipalloc-1', 'i-2', FIRST, dead, signal), { holder: 'i-2', seq: 2 })
  await t.rejects(as().claim('eipalloc-1', 'i-3', FIRST, dead, signal), { code: 'address.held', message: /i-2/ })

  const alive = await as().claim('eipalloc-2', 'i-1', FIRST, undefined, signal)
  await as().claim('eipalloc-2', 'i-1', SECOND, undefined, signal)
  await t.rejects(as().claim('eipalloc-2', 'i-2', FIRST, alive, signal), { code: 'address.held' }, 'its holder has come back since')
})

t.test('of two that race for one address one has it, two hundred times', async t => {
  const { as } = await world(t)
  const [one, two] = [as(), as()]
  let doubles = 0
  for (let round = 0; round < 200; round++) {
    const results = await Promise.allSettled([one.claim(`eipalloc-${round}`, 'i-1', FIRST, undefined, signal), two.claim(`eipalloc-${round}`, 'i-2', FIRST, undefined, signal)])
    if (results.filter(result => result.status === 'fulfilled').length !== 1) doubles++
  }
  t.equal(doubles, 0)
})

t.test('of ten that take over one claim one has it', async t => {
  const { as } = await world(t)
  const dead = await as().claim('eipalloc-1', 'i-0', FIRST, undefined, signal)
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_none, index) => as().claim('eipalloc-1', `i-${index + 1}`, FIRST, dead, signal)))
  t.equal(results.filter(result => result.status === 'fulfilled').length, 1)
})

t.test('a claim whose answer was lost is ours', async t => {
  const { as, fault } = await world(t)
  let cuts = 1
  fault(operation => (operation === 'PutItem' && cuts-- > 0 ? 'cut' : 'none'))
  t.match(await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal), { holder: 'i-1', seq: 1 })
})

t.test('it is given back by its holder, in the same boot or a later one, and by nobody else', async t => {
  const { as } = await world(t)
  await as().claim('eipalloc-1', 'i-1', SECOND, undefined, signal)
  t.equal(await as().release('eipalloc-1', 'i-2', SECOND, signal), false)
  t.equal(await as().release('eipalloc-1', 'i-1', FIRST, signal), false, 'a late boot')
  t.equal(await as().release('eipalloc-1', 'i-1', SECOND, signal), true)
  t.equal(await as().release('eipalloc-1', 'i-1', SECOND, signal), false)
  await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal)
  t.equal(await as().release('eipalloc-1', 'i-1', SECOND, signal), true)
})

t.test('claims are no members', async t => {
  const { as, endpoint } = await world(t)
  await as().claim('eipalloc-1', 'i-1', FIRST, undefined, signal)
  for (const role of [undefined, '#address']) for await (const row of fleetAt(t, endpoint).registry.list(role, signal)) t.fail(row.instanceId)
})
