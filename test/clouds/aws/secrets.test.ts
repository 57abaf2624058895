import t from 'tap'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CacheOptions } from '../../../src/clouds/aws/secret-cache.ts'
import { awsSecrets } from '../../../src/clouds/aws/secrets.ts'
import { reveal } from '../../../src/core/secret.ts'
import { systemClock } from '../../../src/machine/clock.ts'
import { testAccess } from '../../support/aws-access.ts'
import { ssmServer } from '../../support/ssm-server.ts'

const never = new AbortController().signal

const PARAMETERS = {
  '/app/key': { versions: ['first', 'second', 'third'], labels: { stable: 2 } },
  plain: { versions: ['plain text'] },
  '/app/empty': { versions: [''] },
  '/app/locked': { versions: ['x'], keyIsDenied: true },
}

async function served(t: Parameters<typeof ssmServer>[0], cache?: CacheOptions) {
  const server = await ssmServer(t, PARAMETERS)
  const { access, calls, clock } = testAccess(t, server.endpoint)
  return { server, calls, clock, secrets: awsSecrets({ access, ...(cache && { cache }) }) }
}

t.test('a parameter is read, decrypted, as a secret', async t => {
  const { secrets } = await served(t)
  const read = await secrets.read('/app/key', never)
  t.equal(reveal(read), 'third')
  t.equal(String(read), '[secret]')
})

t.test('names without a path, versions and labels are read', async t => {
  const { secrets } = await served(t)
  t.equal(reveal(await secrets.read('plain', never)), 'plain text')
  t.equal(reveal(await secrets.read('/app/key:1', never)), 'first')
  t.equal(reveal(await secrets.read('/app/key:stable', never)), 'second')
})

t.test('one read is one call, by one connection for all', async t => {
  const { secrets, calls, server } = await served(t)
  await secrets.read('/app/key', never)
  await secrets.read('plain', never)
  t.strictSame([...calls.counts], [['ssm:GetParameter', { count: 2, retries: 0, throttles: 0 }]])
  t.equal(server.connections, 1)
})

t.test('a parameter that is not there is missing, at once', async t => {
  const { secrets, server, clock } = await served(t)
  await t.rejects(secrets.read('/app/kye', never), { code: 'secret.missing', message: 'there is no parameter /app/kye', hint: /put-parameter/ })
  t.equal(server.asked.length, 1)
  t.strictSame(clock.sleeps, [])
})

t.test('a version or label that is not there is told from a parameter that is not', async t => {
  const { secrets } = await served(t)
  await t.rejects(secrets.read('/app/key:9', never), { code: 'secret.missing', message: /no such version or label/ })
  await t.rejects(secrets.read('/app/key:latest', never), { code: 'secret.missing', message: /no such version or label/ })
})

t.test('a parameter that may not be read is denied, with the action and the way out', async t => {
  const { secrets, server } = await served(t)
  server.trouble = () => ({ status: 400, type: 'AccessDeniedException', message: 'User: arn:aws:sts::123456789012:assumed-role/web/i-0 is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/app/key' })
  await t.rejects(secrets.read('/app/key', never), { code: 'cloud.denied', message: /^ssm:GetParameter on \/app\/key was denied/, hint: /sunup policy/ })
  t.equal(server.asked.length, 1)
})

t.test('a key that may not be used is told from a parameter that may not be read', async t => {
  const { secrets } = await served(t)
  await t.rejects(secrets.read('/app/locked', never), { code: 'cloud.denied', message: /\/app\/locked is there, and can't be decrypted/, hint: /kms:Decrypt/ })
})

t.test('a key that is disabled is told so, and a parameter that is named like a key is not', async t => {
  const { secrets, server } = await served(t)
  server.trouble = () => ({ status: 400, type: 'InvalidKeyId', message: 'arn:aws:kms:eu-west-1:123456789012:key/1 is disabled.' })
  await t.rejects(secrets.read('/app/key', never), { code: 'cloud.denied', message: /can't be decrypted: .*disabled/ })
  server.trouble = () => ({ status: 400, type: 'AccessDeniedException', message: 'User: x is not authorized to perform: ssm:GetParameter on resource: parameter/kms:key' })
  await t.rejects(secrets.read('/kms:key', never), { message: /^ssm:GetParameter on .* was denied/ })
})

t.test('an empty parameter is missing', async t => {
  const { secrets } = await served(t)
  await t.rejects(secrets.read('/app/empty', never), { code: 'secret.missing', message: 'the parameter /app/empty has no value', hint: /--overwrite/ })
})

t.test('a name that can be none is refused in SSM’s words', async t => {
  const { secrets } = await served(t)
  await t.rejects(secrets.read('/ssm/x', never), { code: 'cloud.invalid', message: /"\/ssm\/x" can't be the name of a parameter: .*prefixed/ })
})

t.test('without a cache nothing is kept', async t => {
  const { secrets, server } = await served(t)
  await secrets.read('/app/key', never)
  await secrets.read('/app/key', never)
  t.equal(server.asked.length, 2)
})

/** Linux mounts one there. */
const MEMORY = '/dev/shm'
const noMemory = existsSync(MEMORY) && statfsSync(MEMORY).type === 0x01021994 ? false : 'this machine has no tmpfs at /dev/shm'

function inMemory(t: Parameters<typeof ssmServer>[0], forMs = 60_000): CacheOptions & { readonly directory: string } {
  const base = mkdtempSync(join(MEMORY, 'sunup-test-'))
  t.teardown(() => rmSync(base, { recursive: true }))
  return { directory: join(base, 'secrets'), forMs, clock: systemClock }
}

t.test('asked for, a copy is kept in memory, for its owner alone', { skip: noMemory }, async t => {
  const cache = inMemory(t)
  const { secrets, server } = await served(t, cache)
  t.equal(reveal(await secrets.read('/app/key', never)), 'third')
  t.equal(reveal(await secrets.read('/app/key', never)), 'third')
  t.equal(server.asked.length, 1)
  const files = readdirSync(cache.directory)
  t.equal(files.length, 1)
  t.equal(statSync(join(cache.directory, files[0] as string)).mode & 0o777, 0o400)
  t.equal(statSync(cache.directory).mode & 0o777, 0o700)
})

t.test('a copy that is too old, or of tomorrow, is read anew', { skip: noMemory }, async t => {
  const cache = inMemory(t)
  await (await served(t, cache)).secrets.read('/app/key', never)
  for (const hours of [2, -2]) {
    const later = await served(t, { ...cache, clock: { ...systemClock, now: () => Date.now() + hours * 3_600_000 } })
    await later.secrets.read('/app/key', never)
    t.equal(later.server.asked.length, 1)
  }
})

t.test('a copy that others could read or have put there is not used', { skip: noMemory }, async t => {
  const cache = inMemory(t)
  await (await served(t, cache)).secrets.read('/app/key', never)
  const file = join(cache.directory, readdirSync(cache.directory)[0] as string)
  chmodSync(file, 0o444)
  const open = await served(t, cache)
  t.equal(reveal(await open.secrets.read('/app/key', never)), 'third')
  t.equal(open.server.asked.length, 1)
  rmSync(file)
  writeFileSync(`${cache.directory}/planted`, 'planted', { mode: 0o400 })
  symlinkSync('planted', file)
  const linked = await served(t, cache)
  t.equal(reveal(await linked.secrets.read('/app/key', never)), 'third')
  t.equal(linked.server.asked.length, 1)
})

t.test('no copy is kept on a disk', { skip: statfsSync('.').type === 0x01021994 ? 'the checkout is on a tmpfs' : false }, async t => {
  const directory = t.testdir()
  const { secrets } = await served(t, { directory, forMs: 60_000, clock: systemClock })
  await t.rejects(secrets.read('/app/key', never), { code: 'cloud.invalid', message: /is not in memory/, hint: /tmpfs/ })
  t.strictSame(readdirSync(directory), [])
})
