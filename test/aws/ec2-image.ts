import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianRoot, madeOnce } from '../support/made-once.ts'

const INCLUDED = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'procps', 'cloud-init']

/** Only EC2 is looked for, and the machine's network is as it finds it. */
const CLOUD_CONFIG = `datasource_list: [ Ec2 ]
datasource: { Ec2: { max_wait: 20, timeout: 5 } }
network: { config: disabled }
locale: false
`

/** What the hypervisor of an instance says: an identity that begins with ec2. By it cloud-init knows AWS, whose metadata it reads by tokens alone.
 *  A container has no firmware to ask, and its /sys can't be written: another is laid over it, which has all of it and this. */
const HYPERVISOR = `[Unit]
DefaultDependencies=no
Before=cloud-init-local.service
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/lay-hypervisor
[Install]
RequiredBy=cloud-init-local.service
`

const LAY_HYPERVISOR = `#!/bin/sh -e
mkdir /run/sys
mount -t tmpfs tmpfs /run/sys
for part in /sys/*; do
  mkdir "/run$part"
  mount --rbind "$part" "/run$part"
done
mkdir /run/sys/hypervisor
echo ec2e1916-9099-7caf-fd21-012345abcdef >/run/sys/hypervisor/uuid
mount --rbind /run/sys /sys
`

/** The root file system of a Debian 12 machine with cloud-init, which looks for EC2 and nothing else.
 *  @returns its path */
export function ec2Image(): string {
  return madeOnce('cloud-init', [import.meta.filename], root => {
    debianRoot(root, INCLUDED)
    takeForEc2(root)
    mkdirSync(join(root, 'sunup'))
  })
}

/** Makes cloud-init find EC2 in a machine of this root file system, and nothing else. */
export function takeForEc2(root: string): void {
  writeFileSync(join(root, 'etc/cloud/cloud.cfg.d/99-lab.cfg'), CLOUD_CONFIG)
  writeFileSync(join(root, 'etc/cloud/ds-identify.cfg'), 'policy: enabled\n')
  writeFileSync(join(root, 'etc/systemd/system/hypervisor.service'), HYPERVISOR)
  writeFileSync(join(root, 'usr/local/sbin/lay-hypervisor'), LAY_HYPERVISOR, { mode: 0o755 })
  execFileSync('systemctl', ['--quiet', `--root=${root}`, 'enable', 'hypervisor.service'])
}
