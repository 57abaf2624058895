import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { abreast, start, type Ran } from '../support/program.ts'

/** A laptop with the local cloud and one role. */
function laptop(t: Test): { readonly directory: string; readonly sunup: (...args: string[]) => Promise<Ran> } {
  const directory = t.testdir({
    'instance.yaml': 'id: i-1\nsecurityGroups: [web]\nprivateIp: 10.0.0.1\ntype: t3.small\n',
    roles: { 'web.yaml': 'recipes: []\n' },
  })
  writeFileSync(join(directory, 'sunup.yaml'), JSON.stringify({ cloud: 'local', state: join(directory, 'state'), run: join(directory, 'run') }))
  return { directory, sunup: async (...args) => await start(['registry', ...args], { cwd: directory }).end }
}

const rowsIn = ({ stdout }: Ran): readonly Record<string, unknown>[] => JSON.parse(stdout) as Record<string, unknown>[]

t.test('this instance is put with its identity, listed, and removed', async t => {
  const { sunup } = laptop(t)
  t.match(await sunup('put'), { code: 0, stdout: 'put i-1 in web: booting, for 90 s\n' }, 'its gate is closed: it is not in service')
  t.match(rowsIn(await sunup('list', '--format', 'json')), [{ role: 'web', instanceId: 'i-1', state: 'booting', privateIp: '10.0.0.1', instanceType: 't3.small', suspect: false }])
  t.match(await sunup('list'), { code: 0, stdout: /^ROLE +INSTANCE +STATE.*\nweb +i-1 +booting.*10\.0\.0\.1\n1 member: 1 booting\n$/ })
  t.match(await sunup('remove'), { code: 0, stdout: 'removed i-1 from web\n' })
  t.match(await sunup('remove'), { code: 0, stdout: 'i-1 was not there\n' })
  t.match(await sunup('list'), { code: 0, stdout: 'no members\n' })
})

t.test('it is put in service where its gate is open', async t => {
  const { directory, sunup } = laptop(t)
  mkdirSync(join(directory, 'run/health'), { recursive: true })
  writeFileSync(join(directory, 'run/health/ping.html'), 'ok\n')
  t.match(await sunup('put'), { stdout: /in-service/ })
})

t.test('ten that are put at once make ten rows; five that leave leave five', async t => {
  const { sunup } = laptop(t)
  const ids = Array.from({ length: 10 }, (_none, index) => `i-${index + 10}`)
  const codes = (await abreast(ids, async id => await sunup('put', id, '--role', 'web'))).map(ran => ran.code)
  t.strictSame(codes, ids.map(() => 0))
  t.strictSame(rowsIn(await sunup('list', '--format', 'json')).map(row => row.instanceId), ids)
  t.match(await sunup('remove', ...ids.slice(0, 5)), { code: 0 })
  t.strictSame(rowsIn(await sunup('list', '--role', 'web', '--format', 'json')).map(row => row.instanceId), ids.slice(5))
})

t.test('a named instance is found in whatever role it is, and keeps what is known of it', async t => {
  const { sunup } = laptop(t)
  await sunup('put')
  t.match(rowsIn(await sunup('put', 'i-1', '--format', 'json')), [{ role: 'web', seq: 2, state: 'booting', privateIp: '10.0.0.1' }])
  t.strictSame(rowsIn(await sunup('remove', 'i-1', 'i-9', '--format', 'json')), [{ role: 'web', instanceId: 'i-1', removed: true }, { role: null, instanceId: 'i-9', removed: false }])
})

t.test('a new one needs its role', async t => {
  const { directory, sunup } = laptop(t)
  t.match(await sunup('put', 'i-9'), { code: 64, stdout: '', stderr: /i-9 is in no role.*\n.*--role/ })
  t.notOk(readdirSync(directory).includes('.sunup'), 'nothing is written')
})

t.test('what a person put the instance’s own boot takes over', async t => {
  const { sunup } = laptop(t)
  await sunup('put', 'i-1', '--role', 'web')
  t.match(await sunup('put'), { code: 0 })
  t.match(rowsIn(await sunup('list', '--format', 'json')), [{ seq: 2, privateIp: '10.0.0.1', bootId: /^1\d{12}-/ }])
})

t.test('a late remove leaves a later boot’s row alone, and one by name does not', async t => {
  const { directory, sunup } = laptop(t)
  await sunup('put')
  const later = { role: 'web', instanceId: 'i-1', bootId: '9999999999999-later', seq: 7, state: 'in-service', leaseUntil: 1, expiresAt: 1 }
  writeFileSync(join(directory, '.sunup/cloud/registry/web/i-1.json'), JSON.stringify(later))
  t.match(await sunup('remove'), { code: 1, stderr: /later boot/ })
  t.match(rowsIn(await sunup('list', '--format', 'json')), [later])
  t.match(await sunup('remove', 'i-1'), { code: 0 })
  t.strictSame(rowsIn(await sunup('list', '--format', 'json')), [])
})

t.test('a row that something else wrote is told, after the others, and is in nobody’s way', async t => {
  const { directory, sunup } = laptop(t)
  t.equal((await sunup('put', 'i-1', '--role', 'web')).code, 0)
  writeFileSync(join(directory, '.sunup/cloud/registry/web/i-foreign.json'), '{ "role": "web", "instanceId": "i-foreign" }')
  t.match(await sunup('list'), { code: 1, stdout: /i-1[^]*1 member/, stderr: /i-foreign.*no bootId/ })
  t.strictSame((JSON.parse((await sunup('list', '--format', 'json')).stdout) as unknown[]).length, 1)
  t.match(await sunup('remove', 'i-1'), { code: 0, stdout: /removed i-1/ })
})

t.test('the local cloud has no table to make', async t => {
  const { directory, sunup } = laptop(t)
  const before = readdirSync(directory)
  t.match(await sunup('init'), { code: 0, stdout: /nothing to do/ })
  t.strictSame(JSON.parse((await sunup('init', '--format', 'json')).stdout), { done: [] })
  t.strictSame(readdirSync(directory), before)
})

for (const [what, args, said] of [
  ['no action', [], /missing required argument 'action'/],
  ['another action', ['lsit'], /Allowed choices are list, put, remove, init/],
  ['an instance to list', ['list', 'i-1'], /takes no instance ids\n.*--role/],
  ['sunup’s own rows', ['list', '--role', '#address'], /"#address" is no role/],
  ['an empty role', ['list', '--role', ''], /"" is no role/],
  ['an empty id', ['remove', ''], /"" is no instance id/],
  ['an id with a line break', ['put', 'i-a\nb', '--role', 'web'], /"i-a\\nb" is no instance id/],
  ['another format', ['list', '--format', 'xml'], /Allowed choices are table, text, json/],
] as const) {
  t.test(`${what} is wrong usage`, async t => {
    t.match(await laptop(t).sunup(...args), { code: 64, stdout: '', stderr: said })
  })
}
