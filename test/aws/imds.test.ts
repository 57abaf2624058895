import t from 'tap'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { systemClock } from '../../src/machine/clock.ts'
import { imdsServer, instanceDocuments, roleCredentials, type ImdsServer } from '../support/imds-server.ts'

/** That the metadata service of the tests is true is said by clients that nobody here wrote: botocore and the AWS CLI. */

const run = promisify(execFile)
const LATER = new Date(Date.now() + 6 * 3_600_000).toISOString().replace(/\.\d+/, '')

async function served(t: Parameters<typeof imdsServer>[0], over: Readonly<Record<string, string>> = {}): Promise<ImdsServer> {
  return imdsServer(t, { clock: systemClock, documents: instanceDocuments({ 'meta-data/iam/security-credentials/web': roleCredentials({ expiration: LATER }), ...over }) })
}

/** Of an instance: neither keys nor region. */
function onInstance({ endpoint }: ImdsServer): NodeJS.ProcessEnv {
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _key, AWS_REGION: _region, AWS_DEFAULT_REGION: _default, ...env } = process.env
  return { ...env, AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint }
}

async function python(server: ImdsServer, program: string): Promise<unknown> {
  const { stdout } = await run(process.env.SUNUP_TEST_PYTHON as string, ['-c', `import json\nfrom botocore.utils import *\n${program}`, server.endpoint], { env: onInstance(server) })
  return JSON.parse(stdout)
}

const lines = ({ requests }: ImdsServer) => requests.map(({ method, path, status }) => `${method} ${path} ${status}`)

t.test('botocore’s fetcher gets the role’s credentials from it, by a token', async t => {
  const server = await served(t)
  t.match(await python(server, `import sys
found = InstanceMetadataFetcher(base_url=sys.argv[1], config={'ec2_metadata_v1_disabled': True}).retrieve_iam_role_credentials()
print(json.dumps(found))`), {
    role_name: 'web',
    access_key: 'ASIAEXAMPLE',
    secret_key: 'secret-of-the-role',
    token: 'token-of-the-role',
    expiry_time: LATER,
  })
  t.strictSame(lines(server), ['PUT api/token 200', 'GET meta-data/iam/security-credentials 200', 'GET meta-data/iam/security-credentials/web 200'])
})

t.test('botocore’s region fetcher gets the region from it', async t => {
  const server = await served(t)
  t.equal(await python(server, `import sys
print(json.dumps(InstanceMetadataRegionFetcher(base_url=sys.argv[1]).retrieve_region()))`), 'eu-west-1')
})

t.test('botocore takes a disabled service, and an instance without a role, for what they are', async t => {
  const fetch = `import sys
print(json.dumps(InstanceMetadataFetcher(base_url=sys.argv[1], num_attempts=1, config={'ec2_metadata_v1_disabled': True}).retrieve_iam_role_credentials()))`
  const roleless = await imdsServer(t, { documents: { 'meta-data/instance-id': 'i-1' } })
  t.strictSame(await python(roleless, fetch), {})
  t.match(lines(roleless), ['PUT api/token 200', 'GET meta-data/iam/security-credentials 404'])
  const disabled = await served(t)
  disabled.trouble = () => 403
  await t.rejects(python(disabled, fetch), /MetadataRetrievalError/)
})

t.test('the AWS CLI on such an instance has its role’s keys from it alone', async t => {
  const server = await served(t)
  const { stdout } = await run(process.env.SUNUP_TEST_AWS_CLI as string, ['configure', 'list'], { env: onInstance(server) })
  t.match(stdout, /access_key\s+.*iam-role/)
  t.match(stdout, /secret_key\s+.*iam-role/)
})

t.test('without a token, or through a proxy, it gives nothing', async t => {
  const server = await served(t)
  const status = async (path: string, init: RequestInit = {}) => (await fetch(`${server.endpoint}/latest/${path}`, init)).status
  const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
  t.equal(await status('meta-data/instance-id'), 401)
  t.equal(await status('api/token', { method: 'PUT' }), 400)
  t.equal(await status('api/token', { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21601' } }), 400)
  t.equal(await status('api/token', { method: 'PUT', headers: { ...ttl, 'x-forwarded-for': '10.0.0.1' } }), 403)
  t.equal(await status('api/token', { headers: ttl }), 405)
  t.equal(await status('api/token', { method: 'PUT', headers: ttl }), 200)
})
