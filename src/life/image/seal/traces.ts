import { packageCaches } from '../package-caches.ts'
import type { Kind } from './finding.ts'
import { filesBelow, inside, present, presentThrough } from './places.ts'

const HISTORIES: readonly string[] = [
  '.bash_history', '.zsh_history', '.ash_history', '.sh_history', '.history', '.local/share/fish/fish_history', '.python_history', '.node_repl_history', '.mysql_history', '.psql_history',
  '.sqlite_history', '.rediscli_history', '.lesshst', '.viminfo', '.wget-hsts',
]
/** As EC2 and cloud-init name a machine by its address or id. */
const NAMED_BY_EC2 = /^(?:ip-\d+(?:-\d+){3}|i-[0-9a-f]{8,17})(?:\.|$)/

/** What the machine that built the image was, and did. */
export const TRACES: readonly Kind[] = [
  {
    what: 'machine id',
    why: 'every instance would be the same machine, to DHCP and to the journal',
    fix: 'empty',
    look: ({ machine }) => present(machine, ['/etc/machine-id']).filter(({ path }) => !/^(?:uninitialized)?\s*$/.test(machine.readText(path) ?? '')),
  },
  {
    what: 'machine id of D-Bus',
    why: 'it is a copy of the other one',
    fix: 'remove',
    look: ({ machine }) => present(machine, ['/var/lib/dbus/machine-id']).filter(({ path }) => machine.stat(path)?.kind === 'file'),
  },
  {
    what: 'secret of systemd',
    why: 'credentials that it seals would open on every instance',
    fix: 'remove',
    look: ({ machine }) => present(machine, ['/var/lib/systemd/credential.secret']),
  },
  {
    what: 'random seed',
    why: 'every instance would begin with the same',
    fix: 'remove',
    look: ({ machine }) => present(machine, ['/var/lib/systemd/random-seed', '/var/lib/urandom/random-seed', '/boot/efi/loader/random-seed', '/boot/loader/random-seed']),
  },
  {
    what: 'core dump',
    why: 'it holds what a program had in memory, secrets too',
    fix: 'remove',
    look: ({ machine }) => ['/var/lib/systemd/coredump', '/var/crash'].flatMap(directory => inside(machine, directory)),
  },
  {
    what: 'instance data of cloud-init',
    why: 'it is that of the machine that built the image, its user data among it',
    fix: 'remove',
    look: ({ machine }) => ['instance', 'instances', 'data', 'sem'].flatMap(name => (name === 'instance' ? present(machine, ['/var/lib/cloud/instance']) : inside(machine, `/var/lib/cloud/${name}`))),
  },
  {
    what: 'network of the build',
    why: 'it names its network card',
    fix: 'remove',
    look: ({ machine }) => [
      ...present(machine, ['/etc/netplan/50-cloud-init.yaml', '/etc/network/interfaces.d/50-cloud-init', '/etc/network/interfaces.d/50-cloud-init.cfg']),
      ...inside(machine, '/etc/udev/rules.d', name => /-persistent-(?:net|cd)\.rules$/.test(name)),
    ],
  },
  {
    what: 'DHCP lease',
    why: 'an instance would ask for the address of the build',
    fix: 'remove',
    look: ({ machine }) => [
      ...['/var/lib/dhcp', '/var/lib/dhclient', '/var/lib/dhcpcd'].flatMap(directory => inside(machine, directory, name => /leases?6?$/.test(name))),
      ...inside(machine, '/var/lib/NetworkManager', name => /\.lease$|^(?:secret_key|timestamps|seen-bssids)$/.test(name)),
    ],
  },
  {
    what: 'host name of the build',
    why: 'it is made of its address or id',
    fix: 'remove',
    look: ({ machine }) => present(machine, ['/etc/hostname']).filter(({ path }) => NAMED_BY_EC2.test((machine.readText(path) ?? '').trim())),
  },
  {
    what: 'history',
    why: 'it tells what was typed, secrets too',
    fix: 'remove',
    look: ({ machine, homes }) => presentThrough(machine, homes.flatMap(home => HISTORIES.map(name => `${home}/${name}`))),
  },
  {
    what: 'package lists and caches',
    why: 'they are old when an instance starts',
    fix: 'remove',
    minor: true,
    look: ({ machine }) => packageCaches(machine).map(path => ({ path })),
  },
  {
    what: 'journal of the build',
    why: 'an instance’s own would begin with it',
    fix: 'remove',
    minor: true,
    look: ({ machine }) => inside(machine, '/var/log/journal'),
  },
  {
    what: 'old log',
    why: 'it is of the build',
    fix: 'remove',
    minor: true,
    look: ({ machine }) => logs(machine).filter(isRotated).map(path => ({ path })),
  },
  {
    what: 'log',
    why: 'an instance’s own would begin with that of the build',
    fix: 'empty',
    minor: true,
    look: ({ machine }) => logs(machine).filter(path => !isRotated(path) && machine.stat(path)?.size !== 0).map(path => ({ path })),
  },
]

function logs(machine: Parameters<Kind['look']>[0]['machine']): readonly string[] {
  return filesBelow(machine, '/var/log', 4, name => name === 'journal')
}

function isRotated(path: string): boolean {
  return /\.(?:gz|xz|bz2|zst|old|\d+)$|-\d{8}$/.test(path)
}
