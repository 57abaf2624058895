import { execFile, execFileSync } from 'node:child_process'
import { connect } from 'node:net'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { emulator } from '../aws/emulator.ts'
import { imdsServer, instanceDocuments } from '../support/imds-server.ts'
import { makeMachine } from './machine.ts'
import { makePlace, metadataAt } from './network.ts'

const PACKER = resolve(import.meta.dirname, '../../packer')
const SSH_MS = 60_000

export interface Build {
  /** What the image is made of, for a machine's disk: the uppermost first. */
  readonly layers: readonly string[]
  /** As EC2 named it. */
  readonly imageId: string
  /** What packer said. */
  readonly said: string
}

export interface Making {
  /** The stock image's root file system. */
  readonly stock: string
  /** For the build's files; on a disk. */
  readonly directory: string
  /** Of sunup. */
  readonly archive: string
  readonly sha256: string
  /** What will be /etc/sunup. */
  readonly configuration: string
  readonly role: string
  /** Where moto is. */
  readonly bin: string
}

/** What packer ended with, when it failed. */
export class BuildFailed extends Error {}

/** The real `packer build` of the real template, for EC2: its API is moto's, and the instance that it starts is a machine here.
 *  @throws BuildFailed with all that packer said */
export async function build({ stock, directory, archive, sha256, configuration, role, bin }: Making): Promise<Build> {
  const ends: (() => unknown)[] = []
  const t = { teardown: (end: () => unknown) => void ends.unshift(end) }
  mkdirSync(directory, { recursive: true })
  try {
    const place = makePlace(2)
    t.teardown(place.remove)
    const imds = await imdsServer(t as never, { documents: instanceDocuments() })
    t.teardown(await metadataAt(place, imds.endpoint, join(directory, 'metadata')))

    const machine = makeMachine([stock], directory, place)
    t.teardown(machine.unmount)
    const key = join(directory, 'key')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'build', '-f', key])
    mkdirSync(join(machine.root, 'home/admin/.ssh'), { recursive: true, mode: 0o700 })
    copyFileSync(`${key}.pub`, join(machine.root, 'home/admin/.ssh/authorized_keys'))
    execFileSync('chroot', [machine.root, 'chown', '-R', 'admin:', '/home/admin/.ssh'])
    await machine.powerOn()
    t.teardown(() => machine.powerCut())
    await answering(place.address, 22)

    const moto = await emulator(bin, { MOTO_AMIS_PATH: imageList(directory) })
    t.teardown(() => moto.stop())
    const template = templateIn(directory)
    const given = { archive, archive_sha256: sha256, configuration, role, ec2_endpoint: moto.endpoint, access_key: 'nobody', secret_key: 'nobody', ssh_host: place.address, ssh_username: 'admin', ssh_private_key_file: key }
    const said = await packer(directory, ['build', '-color=false', `-only=${hasPlugins(directory) ? 'image.' : ''}amazon-ebs.sunup`, ...variables(given), template], { AWS_ENDPOINT_URL_EC2: moto.endpoint })
    const { builds } = JSON.parse(readFileSync(join(directory, 'packer-manifest.json'), 'utf8')) as { readonly builds: readonly { readonly artifact_id: string }[] }
    await machine.shutDown()
    return { layers: [machine.written, stock], imageId: builds[0]?.artifact_id.split(':')[1] ?? '', said }
  } finally {
    for (const end of ends) await end()
  }
}

/** The template as users have it; for Packer 1.6 without the file that it knows nothing of.
 *  @returns its directory */
export function templateIn(directory: string): string {
  const template = join(directory, 'packer')
  const isCurrent = hasPlugins(directory)
  mkdirSync(template, { recursive: true })
  for (const name of readdirSync(PACKER)) {
    if (!/\.(hcl|sh)$/.test(name) || (name === 'plugins.pkr.hcl' && !isCurrent)) continue
    copyFileSync(join(PACKER, name), join(template, name))
    chmodSync(join(template, name), 0o755)
  }
  return template
}

export function variables(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-var', `${name}=${value}`])
}

/** Packer's builders are plugins since 1.7. The one for EC2 is then to be in $PACKER_PLUGIN_PATH: nothing can be fetched from here. */
function hasPlugins(directory: string): boolean {
  return !/^Packer v(0|1\.[0-6])\./.test(execFileSync('packer', ['version'], { encoding: 'utf8', env: environmentIn(directory) }))
}

function environmentIn(directory: string): NodeJS.ProcessEnv {
  const { PATH, PACKER_PLUGIN_PATH } = process.env
  return { PATH, ...(PACKER_PLUGIN_PATH !== undefined && { PACKER_PLUGIN_PATH }), HOME: directory, CHECKPOINT_DISABLE: '1', PACKER_CONFIG_DIR: directory, AWS_EC2_METADATA_DISABLED: 'true', LC_ALL: 'C.UTF-8' }
}

/** @param more variables of its environment. The copy that encrypts an image is asked for at AWS_ENDPOINT_URL_EC2, whatever the template says.
 *  @throws BuildFailed */
export function packer(cwd: string, argv: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((done, failed) => {
    execFile('packer', argv, { cwd, env: { ...environmentIn(cwd), ...more }, maxBuffer: 1 << 26 }, (error, stdout, stderr) => (error ? failed(new BuildFailed(`${stdout}${stderr}`)) : done(stdout + stderr)))
  })
}

/** The one image that EC2 offers: what the template looks for by default. */
function imageList(directory: string): string {
  const file = join(directory, 'images.json')
  const image = { ami_id: 'ami-0debian12', name: 'debian-12-amd64-20261101-1', description: 'Debian 12', owner_id: '136693071363', public: true, virtualization_type: 'hvm', architecture: 'x86_64', state: 'available', platform: 'Linux/UNIX', image_type: 'machine', hypervisor: 'xen', root_device_name: '/dev/xvda', root_device_type: 'ebs', sriov: 'simple', creation_date: '2026-11-01T00:00:00.000Z' }
  writeFileSync(file, JSON.stringify([image]))
  return file
}

/** Waits until somebody listens. */
async function answering(host: string, port: number): Promise<void> {
  const limit = performance.now() + SSH_MS
  while (performance.now() < limit) {
    const isOpen = await new Promise<boolean>(resolved => {
      const socket = connect({ host, port, timeout: 1_000 })
      socket.once('connect', () => resolved(true)).once('error', () => resolved(false)).once('timeout', () => resolved(false)).once('close', () => socket.destroy())
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await sleep(100)
  }
  throw new Error(`nobody listens on ${host}:${port}`)
}
