import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { basename, join } from 'node:path'

/** What run.ts has prepared. */
export const work = process.env.SUNUP_VAGRANT_WORK as string

/** The bridge and its DHCP, as Debian's lxc-net makes them; in a network of this process's own. */
export function startBridge(): void {
  execFileSync('sh', ['-c', 'for net in /usr/libexec/lxc/lxc-net /usr/lib/*/lxc/lxc-net; do [ -x "$net" ] && exec "$net" start; done; exit 1'], { stdio: ['ignore', 'ignore', 'inherit'] })
}

export interface Ran {
  readonly code: number | null
  /** Standard output and standard error. */
  readonly output: string
}

/** A folder with a Vagrantfile. */
export interface Project {
  vagrant(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>
  /** Runs a shell script in its machine, as root. */
  inside(script: string): Promise<Ran>
  /** How its machine's web server answers, at the machine's own address. `undefined`: nobody listens. */
  ask(path: string, host?: string): Promise<{ readonly status: number; readonly body: string } | undefined>
}

/** @param state where Vagrant keeps what it knows of the machine */
export function project(directory: string, state = join(directory, '.vagrant')): Project {
  const env = {
    PATH: process.env.PATH,
    HOME: work,
    LC_ALL: 'C.UTF-8',
    VAGRANT_HOME: join(work, 'vagrant'),
    VAGRANT_DOTFILE_PATH: state,
    VAGRANT_DEFAULT_PROVIDER: 'lxc',
    VAGRANT_CHECKPOINT_DISABLE: '1',
    VAGRANT_BOX_UPDATE_CHECK_DISABLE: '1',
  }
  const vagrant: Project['vagrant'] = (args, more = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn('vagrant', args, { cwd: directory, env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
      child.on('error', reject).on('close', code => resolve({ code, output }))
    })
  return {
    vagrant,
    inside: script => vagrant(['ssh', '--no-tty', '-c', `sudo sh -c '${script.replaceAll("'", "'\\''")}'`]),
    async ask(path, host) {
      const address = /^ *HostName (.*)$/m.exec((await vagrant(['ssh-config'])).output)?.[1] as string
      return await new Promise(resolve => {
        const asked = request({ host: address, path, ...(host !== undefined && { headers: { host } }) }, response => {
          let body = ''
          response.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => resolve({ status: response.statusCode as number, body }))
        })
        asked.on('error', () => resolve(undefined)).end()
      })
    },
  }
}

/** Vagrant's own home, with the box under the name that Vagrantfiles ask for. */
export async function prepareVagrant(): Promise<Ran> {
  const home = join(work, 'vagrant')
  mkdirSync(home)
  // By its name run.ts finds what a container leaves in the host's cgroups.
  writeFileSync(join(home, 'Vagrantfile'), `Vagrant.configure("2") { |config| config.vm.provider("lxc") { |lxc| lxc.container_name = "${basename(work)}" } }\n`)
  return await project(home).vagrant(['box', 'add', '--provider', 'lxc', '--name', 'debian/bookworm64', process.env.SUNUP_VAGRANT_BOX as string])
}
