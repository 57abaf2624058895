import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { takeForEc2 } from '../aws/ec2-image.ts'
import { debianRoot, madeOnce } from '../support/made-once.ts'

const INCLUDED = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'procps', 'cloud-init', 'openssh-server', 'sudo', 'curl', 'ca-certificates', 'git', 'nginx-light']

/** The root file system of what a distribution offers as an image: Debian 12 with cloud-init, sshd, git and nginx, and no sunup. Its user `admin` may sudo.
 *  @returns its path */
export function stockRoot(): string {
  return madeOnce('instance', [import.meta.filename, resolve(import.meta.dirname, '../aws/ec2-image.ts')], root => {
    debianRoot(root, INCLUDED)
    takeForEc2(root)
    execFileSync('chroot', [root, 'useradd', '--create-home', '--shell', '/bin/bash', 'admin'])
    writeFileSync(join(root, 'etc/sudoers.d/admin'), 'admin ALL=(ALL) NOPASSWD: ALL\n', { mode: 0o440 })
    writeFileSync(join(root, 'etc/ssh/sshd_config.d/lab.conf'), 'UseDNS no\n')
    // Nobody here resolves names; and what is not there is not to be waited for.
    writeFileSync(join(root, 'etc/resolv.conf'), '')
  })
}
