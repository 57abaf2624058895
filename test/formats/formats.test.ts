import t from 'tap'
import type { Row } from '../../src/core/cloud.ts'
import type { Format } from '../../src/formats/format.ts'
import json from '../../src/formats/json.ts'
import table from '../../src/formats/table.ts'
import { painter } from '../../src/reporters/paint.ts'
import { visible } from '../../src/reporters/visible.ts'

const NOW = 1_700_000_000_000
const row = (own: Partial<Row> = {}): Row => ({ role: 'web', instanceId: 'i-1', bootId: `${NOW - 3 * 3_600_000}-aaaa`, seq: 1, state: 'in-service', leaseUntil: NOW + 80_000, expiresAt: 1, ...own })

async function written(format: Format, rows: readonly Row[], colour = false): Promise<string> {
  async function* all(): AsyncGenerator<Row> {
    yield* rows
  }
  let text = ''
  for await (const piece of format(all(), { now: NOW, visible, paint: painter(colour) })) text += piece
  return text
}

t.test('the table is sorted and aligned, without columns in which there is nothing', async t => {
  const rows = [
    row({ instanceId: 'i-0123456789abcdef0', privateIp: '10.0.0.1', load: 0.5 }),
    row({ role: 'db', instanceId: 'i-2', state: 'booting', bootId: '0000000000000-by-hand', leaseUntil: NOW - 10_000 }),
    row({ instanceId: 'i-0', state: 'failed', leaseUntil: NOW - 90_000, failure: 'file[/etc/x]: denied\nmore' }),
  ]
  t.equal(await written(table, rows), `ROLE  INSTANCE             STATE       AGE  LEASE              LOAD  PRIVATE   WHY
db    i-2                  booting          past 10s
web   i-0                  failed      3h   suspect, past 90s                  file[/etc/x]: denied
web   i-0123456789abcdef0  in-service  3h   80s                0.50  10.0.0.1
3 members: 1 booting, 1 failed, 1 in-service, 1 suspect
`)
})

t.test('a member is suspect from 30 s after its lease', async t => {
  t.notMatch(await written(table, [row({ leaseUntil: NOW - 30_000 })]), /suspect/)
  t.match(await written(table, [row({ leaseUntil: NOW - 30_001 })]), /suspect/)
})

t.test('nobody is nobody', async t => {
  t.equal(await written(table, []), 'no members\n')
  t.strictSame(JSON.parse(await written(json, [])), [])
})

t.test('colours stand in no column’s way, and what a row says obeys nobody', async t => {
  const rows = [row({ instanceId: 'i-\x1b[31m' }), row({ state: 'draining' })]
  const plain = await written(table, rows)
  t.notMatch(plain, /\x1b/)
  t.equal((await written(table, rows, true)).replace(/\x1b\[\d+m/g, ''), plain)
})

t.test('ten thousand rows are written block by block', async t => {
  let taken = 0
  async function* all(): AsyncGenerator<Row> {
    for (; taken < 10_000; taken++) yield row({ instanceId: `i-${taken}` })
  }
  const pieces = table(all(), { now: NOW, visible, paint: painter(false) })[Symbol.asyncIterator]()
  t.match((await pieces.next()).value, /^ROLE/)
  t.ok(taken <= 1_000, `${taken} were taken for the first`)
  let text = ''
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) text += next.value
  t.notMatch(text, /ROLE/, 'one head')
  t.match(text, /10000 members: 10000 in-service\n$/)
})

t.test('JSON is an array of rows with all their attributes', async t => {
  const rows = [row({ meta: { port: 80 } }), row({ instanceId: 'i-2', leaseUntil: 1 })]
  t.strictSame(JSON.parse(await written(json, rows)), [{ ...rows[0], suspect: false }, { ...rows[1], suspect: true }])
})
