import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { awsFleet, type Fleet, type FleetInstance } from '../support/aws-fleet.ts'
import { recipeText } from '../support/repository.ts'
import { plainTree } from '../support/plain-tree.ts'

t.setTimeout(110_000)

/** Linux mounts one there. */
const MEMORY = '/dev/shm'
const skip = existsSync(MEMORY) && statfsSync(MEMORY).type === 0x01021994 ? false : 'this machine has no tmpfs at /dev/shm'

interface Place {
  readonly fleet: Fleet
  readonly web: FleetInstance
  readonly run: string
  asked(): number
}

async function keeping(t: Test, run: string): Promise<Place> {
  const key = join(t.testdir({}), 'key')
  const fleet = await awsFleet(t, {
    role: 'recipes: [{ key-file: { key: { secret: "ssm:/app/key" } } }]\n',
    files: { 'recipes/key-file/recipe.ts': recipeText(`[file({ path: '${key}', content: params.key, mode: '0600' })]`, 'z.object({ key: secret() })') },
    parameters: { '/app/key': { versions: ['the-hidden-key'] } },
    config: 'secrets: { cache: 10m }\n',
  })
  const web = await fleet.launch('i-1', { staged: false })
  const file = join(web.dir, 'sunup.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^run: .*$/m, `run: ${run}`))
  return { fleet, web, run, asked: () => fleet.calls.filter(({ api }) => api === 'ssm:GetParameter').length }
}

function inMemory(t: Test): string {
  const base = mkdtempSync(join(MEMORY, 'sunup-test-'))
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  return join(base, 'run')
}

t.test('asked for, a secret is copied to memory for its owner alone, and the next boot asks nobody', { skip }, async t => {
  const { web, run, asked } = await keeping(t, inMemory(t))
  t.match(await web.boot(), { code: 0, stderr: '' })
  const [name = ''] = readdirSync(join(run, 'secrets'))
  t.equal(statSync(join(run, 'secrets', name)).mode & 0o777, 0o400)
  t.equal(statSync(join(run, 'secrets')).mode & 0o777, 0o700)
  t.match(await web.boot(), { code: 0, stderr: '' })
  t.equal(asked(), 1)
  t.notMatch(JSON.stringify(plainTree(join(web.root, 'var'))), /the-hidden-key/, 'neither journal nor report has it')

  const past = Date.now() / 1_000 - 11 * 60
  utimesSync(join(run, 'secrets', name), past, past)
  t.match(await web.boot(), { code: 0 })
  t.equal(asked(), 2, 'an old copy is not believed')

  rmSync(run, { recursive: true })
  t.match(await web.boot(), { code: 0 })
  t.equal(asked(), 3, 'a reboot takes them away')
})

t.test('a plan neither uses nor makes copies', { skip }, async t => {
  const { web, run, asked } = await keeping(t, inMemory(t))
  await web.started({}, 'plan').end
  t.equal(asked(), 1)
  t.notOk(existsSync(join(run, 'secrets')))
})

t.test('on a disk there are no copies, and the boot says so', { skip: statfsSync('.').type === 0x01021994 ? 'the checkout is on a tmpfs' : false }, async t => {
  const run = join(t.testdir({}), 'run')
  const { web } = await keeping(t, run)
  t.match(await web.boot(), { code: 1, stdout: /is not in memory/ })
  t.strictSame(readdirSync(join(run, 'secrets')), [])
})
