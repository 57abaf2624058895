import t, { type Test } from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { instanceDocuments, type Request } from '../support/imds-server.ts'
import { boot, type LabMachine } from '../system/machine.ts'
import { ec2Image } from './ec2-image.ts'

/** That the metadata service of the tests is true is said by cloud-init, in a machine that boots as an instance would: with the service at its own
 *  address, on a network that has nothing else. */

t.setTimeout(240_000)

const checkout = resolve(import.meta.dirname, '../..')
const missing = [['mmdebstrap', 'mmdebstrap'], ['systemd-nspawn', 'systemd-container'], ['ip', 'iproute2']].filter(([name]) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0).map(([, name]) => name)
const skip = process.geteuid?.() !== 0 ? 'boots a machine, which only root may' : missing.length > 0 ? `needs ${missing.join(', ')}` : false

const USER_DATA = `#!/bin/sh
echo "$(cloud-init query instance_id) in $(cloud-init query region)" > /run/user-data-ran
`

interface Lab {
  readonly machine: LabMachine
  /** Ends the metadata service. @returns what it was asked */
  asked(): Promise<readonly Request[]>
}

/** A machine, and a metadata service in its network namespace: that of nobody else, so that no other service can be meant. */
async function lab(t: Test, documents: Readonly<Record<string, string>>): Promise<Lab> {
  const setup = 'ip link set lo up && ip address add 169.254.169.254/32 dev lo && exec "$@"'
  const server = [process.execPath, '--disable-warning=ExperimentalWarning', resolve(import.meta.dirname, 'metadata-address.ts'), JSON.stringify(documents)]
  const service = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', 'sh', '-c', setup, 'sh', ...server], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => service.kill('SIGKILL'))
  let said = ''
  service.stdout.setEncoding('utf8').on('data', (text: string) => void (said += text))
  await once(service.stdout, 'data')
  t.equal(said, 'ready\n')
  const machine = await boot(ec2Image(), checkout, [`--network-namespace-path=/proc/${service.pid}/ns/net`])
  t.teardown(() => machine.close())
  return {
    machine,
    async asked() {
      service.stdin.end()
      await once(service, 'close')
      return JSON.parse(said.slice('ready\n'.length)) as Request[]
    },
  }
}

async function output({ run }: LabMachine, ...argv: string[]): Promise<string> {
  let text = ''
  const code = await run(argv, more => (text += more))
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${code}\n${text}`)
  return text
}

t.test('cloud-init takes it for EC2’s: who the instance is, its groups and addresses, and its user data, all by a token', { skip }, async t => {
  const { machine, asked } = await lab(t, { ...instanceDocuments(), 'user-data': USER_DATA })
  await output(machine, 'cloud-init', 'status', '--wait', '--long')
  const data = JSON.parse(await output(machine, 'cat', '/run/cloud-init/instance-data-sensitive.json')) as { readonly v1: object; readonly ds: object }
  t.match(data.v1, { cloud_name: 'aws', platform: 'ec2', instance_id: 'i-0123456789abcdef0', region: 'eu-west-1', availability_zone: 'eu-west-1a' })
  t.match(data.ds, {
    'meta-data': {
      'instance-type': 't3.small',
      'local-ipv4': '10.0.1.17',
      'public-ipv4': '203.0.113.10',
      'public-hostname': 'ec2-203-0-113-10.eu-west-1.compute.amazonaws.com',
      'security-groups': ['web', 'default'],
      'placement': { region: 'eu-west-1' },
      'network': { interfaces: { macs: { '02:00:00:00:00:01': { 'interface-id': 'eni-0123456789abcdef0', 'device-number': '0' } } } },
      'tags': { instance: { Name: 'web-1' } },
    },
    dynamic: { 'instance-identity': { document: { accountId: '123456789012' } } },
  })
  t.equal(await output(machine, 'cat', '/run/user-data-ran'), 'i-0123456789abcdef0 in eu-west-1\n')
  t.equal((await output(machine, 'cat', '/run/cloud-init/cloud-id')).trim(), 'aws')

  const bare = "import urllib.request, urllib.error\ntry: print(urllib.request.urlopen('http://169.254.169.254/latest/meta-data/instance-id').read())\nexcept urllib.error.HTTPError as error: print(error.code)"
  t.equal((await output(machine, 'python3', '-c', bare)).trim(), '401', 'without a token it says nothing')
  await machine.close()

  const requests = await asked()
  const [bareOne, ...before] = [...requests].reverse()
  t.match(bareOne, { method: 'GET', path: 'meta-data/instance-id', status: 401 })
  t.match(before.at(-1), { method: 'PUT', path: 'api/token', status: 200 }, 'a token is the first it asks for')
  t.strictSame(before.filter(({ status }) => status !== 200 && status !== 404), [])
  t.ok(before.some(({ path }) => path === 'user-data'))
})
