import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeForEc2 } from '../aws/ec2-image.ts'

/** Outside the checkout: it is made once, and no `git clean` takes it away. */
const CACHE = '/var/cache/sunup-lab'
const NAME = 'instance-'
const INCLUDED = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'procps', 'cloud-init', 'openssh-server', 'sudo', 'curl', 'ca-certificates', 'git', 'nginx-light']

/** The root file system of what a distribution offers as an image: Debian 12 with cloud-init, sshd, git and nginx, and no sunup. Its user `admin` may sudo.
 *  Built with mmdebstrap when there is none yet, and again when this file changed.
 *  @returns its path */
export function stockRoot(): string {
  const name = NAME + createHash('sha256').update(readFileSync(import.meta.filename)).digest('hex').slice(0, 12)
  const finished = join(CACHE, name)
  if (existsSync(finished)) return finished
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'building-'))
  const root = join(work, 'root')
  try {
    console.log(`# building the stock image, once: ${finished}`)
    execFileSync('mmdebstrap', ['--quiet', '--variant=minbase', `--include=${INCLUDED.join(',')}`, 'bookworm', root], { stdio: ['ignore', 'ignore', 'inherit'] })
    takeForEc2(root)
    execFileSync('chroot', [root, 'useradd', '--create-home', '--shell', '/bin/bash', 'admin'])
    writeFileSync(join(root, 'etc/sudoers.d/admin'), 'admin ALL=(ALL) NOPASSWD: ALL\n', { mode: 0o440 })
    writeFileSync(join(root, 'etc/ssh/sshd_config.d/lab.conf'), 'UseDNS no\n')
    // Nobody here resolves names; and what is not there is not to be waited for.
    writeFileSync(join(root, 'etc/resolv.conf'), '')
    for (const other of readdirSync(CACHE)) if (other.startsWith(NAME)) rmSync(join(CACHE, other), { recursive: true, force: true })
    renameSync(root, finished)
    return finished
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
