import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { endedBySignals, nameOf, runFile, tally } from '../support/suite.ts'
import { debianBox } from './box.ts'

/** Runs test/vagrant/vagrant.test.ts: real `vagrant up`, by LXC. Needs root, and the Debian packages vagrant, vagrant-lxc, lxc, lxc-templates, mmdebstrap,
 *  dnsmasq-base, iproute2, rsync, sudo, openssh-client. systemd need not be process 1.
 *  The box is built and the archive packed first; then all goes on in a network, among processes and mounts of its own: no way leads out of them, and
 *  nothing of them is left, however this ends. Exit code 0: all passed. */

const checkout = resolve(import.meta.dirname, '../..')
const WORK = '/var/tmp'
const MINE = /^sunup-vagrant-(\d+)-\w+$/
const NEEDED = { vagrant: 'vagrant', 'lxc-start': 'lxc', dnsmasq: 'dnsmasq-base', mmdebstrap: 'mmdebstrap', ip: 'iproute2', rsync: 'rsync', sudo: 'sudo', ssh: 'openssh-client' }

/** One that hangs fails. */
const FILE_MS = 900_000

/** /sys shows the network of who mounts it; LXC asks it for the bridge. */
const ALONE = `
set -e
work=$1; shift
mount --rbind /sys/fs/cgroup "$work/cgroups"
mount -t sysfs sysfs /sys
mount --rbind "$work/cgroups" /sys/fs/cgroup
mkdir -p /var/lib/lxc /run/lxc
mount --bind "$work/containers" /var/lib/lxc
mount -t tmpfs tmpfs /run/lxc
ip link set lo up
exec "$@"
`

async function main(): Promise<boolean> {
  const signal = endedBySignals()
  forget()
  const work = mkdtempSync(join(WORK, `sunup-vagrant-${process.pid}-`))
  try {
    for (const directory of ['cgroups', 'containers', 'packages']) mkdirSync(join(work, directory))
    const box = debianBox()
    execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(checkout, 'scripts/package.ts'), '--out', join(work, 'packages')], { stdio: ['ignore', 'ignore', 'inherit'] })
    signal.throwIfAborted()
    const argv = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'vagrant.test.ts')]
    const alone = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--propagation', 'private', '--pid', '--fork', '--mount-proc', '--kill-child=KILL', 'sh', '-c', ALONE, 'sh', work]
    const env = { PATH: process.env.PATH, HOME: work, LC_ALL: 'C.UTF-8', TAP: '1', TAP_TIMEOUT: String(FILE_MS / 1_000), NO_COLOR: '1', SUNUP_VAGRANT_WORK: work, SUNUP_VAGRANT_BOX: box }
    const results = tally()
    results.add('vagrant.test.ts', await runFile([...alone, ...argv], { env, signal, limitMs: FILE_MS }))
    return results.close(1, nameOf(signal))
  } finally {
    remove(work)
  }
}

/** What a run left that was killed. */
function forget(): void {
  for (const name of readdirSync(WORK)) {
    const pid = MINE.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(join(WORK, name))
  }
}

function remove(work: string): void {
  rmSync(work, { recursive: true, force: true })
  // LXC makes them for its containers, which are named like the directory; a killed one leaves them.
  for (const top of globSync([`/sys/fs/cgroup/lxc.*${basename(work)}*`, `/sys/fs/cgroup/*/lxc.*${basename(work)}*`, '/sys/fs/cgroup/lxc.pivot', '/sys/fs/cgroup/*/lxc.pivot'])) {
    for (const path of [top, ...globSync(`${top}/**/*/`)].sort().reverse()) {
      try {
        rmdirSync(path)
      } catch {
        // Somebody else's container is in it.
      }
    }
  }
}

const missing = [
  ...Object.entries(NEEDED).filter(([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0).map(([, name]) => name),
  ...['vagrant-lxc', 'lxc-templates'].filter(name => spawnSync('dpkg', ['-s', name]).status !== 0),
]
if (process.geteuid?.() !== 0 || missing.length > 0) {
  console.error(missing.length > 0 ? `The Vagrant suite needs: apt-get install ${missing.join(' ')}` : 'The Vagrant suite boots containers: it needs root.')
  process.exitCode = 1
} else {
  process.exitCode = (await main()) ? 0 : 1
}
