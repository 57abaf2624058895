import t from 'tap'
import { awsFleet } from '../support/aws-fleet.ts'
import { abreast, type Ran } from '../support/program.ts'

t.setTimeout(110_000)

const rowsIn = ({ stdout }: Ran): readonly Record<string, unknown>[] => JSON.parse(stdout) as Record<string, unknown>[]

t.test('ten instances at once make ten rows with ten addresses of the pool; five that leave leave five', async t => {
  const fleet = await awsFleet(t, {
    role: 'recipes:\n  - eip: { pool: { pool: web }, tries: 5, every: 200ms }\n  - registry\n',
    addresses: Array.from({ length: 10 }, (_none, index) => ({ allocationId: `eipalloc-${index}`, publicIp: `203.0.113.${100 + index}`, tags: { pool: 'web' } })),
  })
  const ids = Array.from({ length: 10 }, (_none, index) => `i-${index}`)
  const instances = await Promise.all(ids.map(id => fleet.launch(id)))
  const ran = await abreast(instances, web => web.boot(), 10)
  for (const one of ran) t.equal(one.code, 0, one.code === 0 ? 'booted' : one.stdout)
  const rows = await fleet.rows()
  t.strictSame(rows.map(row => [row.instanceId, row.state]), ids.map(id => [id, 'in-service']))
  t.equal(new Set(rows.map(row => row.publicIp)).size, 10, 'each has an address of its own')
  t.strictSame(rows.map(row => row.publicIp), ids.map(id => fleet.ec2.heldBy(id)), 'and it is the one that it is registered with')
  t.strictSame(ids.map(id => fleet.scaling.group.state(id)), ids.map(() => 'InService'))

  t.match(await fleet.sunup('registry', 'remove', ...ids.slice(0, 5)), { code: 0, stderr: '' })
  t.strictSame((await fleet.rows()).map(row => row.instanceId), ids.slice(5))
})

t.test('the registry is made, written and read from a machine that has keys and a region, and no metadata service', async t => {
  const fleet = await awsFleet(t, { role: 'recipes: [registry]\n', table: false })
  t.match(await fleet.sunup('registry', 'list'), { code: 1, stderr: /there is no table sunup-registry in eu-west-1\n[^]*sunup registry init/ })
  t.match(await fleet.sunup('registry', 'init'), { code: 0, stderr: '', stdout: /^made the table sunup-registry .*\n.*TTL on expiresAt.*\n$/ })
  t.match(await fleet.sunup('registry', 'init'), { code: 0, stdout: 'nothing to do: the registry can be used\n' })
  t.match(await fleet.sunup('registry', 'list'), { code: 0, stdout: 'no members\n' })
  t.match(await fleet.sunup('registry', 'put', 'i-7', 'i-8', '--role', 'web'), { code: 0, stderr: '', stdout: 'put i-7 in web: in-service, for 90 s\nput i-8 in web: in-service, for 90 s\n' })
  t.match(rowsIn(await fleet.sunup('registry', 'list', '--format', 'json')), [{ role: 'web', instanceId: 'i-7', state: 'in-service', seq: 1 }, { role: 'web', instanceId: 'i-8' }])
  t.match(await fleet.sunup('registry', 'list', '--role', 'web'), { code: 0, stdout: /^ROLE +INSTANCE.*\nweb +i-7 .*\nweb +i-8 .*\n2 members: 2 in-service\n$/ })
  t.match(await fleet.sunup('registry', 'remove', 'i-7', 'i-9'), { code: 0, stdout: 'removed i-7 from web\ni-9 was not there\n' })
  t.strictSame((await fleet.rows()).map(row => row.instanceId), ['i-8'])
  t.strictSame([...new Set(fleet.calls.map(({ api }) => api.split(':')[0]))], ['dynamodb'], 'nothing else is asked')
})

t.test('an instance puts and removes itself, by its metadata service alone', async t => {
  const fleet = await awsFleet(t, { role: 'recipes: [registry]\n' })
  const web = await fleet.launch('i-1')
  t.match(await web.started({}, 'registry', 'put').end, { code: 0, stderr: '', stdout: 'put i-1 in web: booting, for 90 s\n' })
  t.match(await fleet.rows(), [{ role: 'web', instanceId: 'i-1', state: 'booting', privateIp: '10.0.1.17', publicIp: '203.0.113.10' }])
  t.match(await web.started({}, 'registry', 'remove').end, { code: 0, stdout: 'removed i-1 from web\n' })
})
