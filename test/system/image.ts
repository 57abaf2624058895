import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianRoot, madeOnce } from '../support/made-once.ts'

const INCLUDED = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'procps', 'openssh-client', 'git', 'dnf', 'rpm', 'createrepo-c']

/** Not installed: they lie in the machine's own package source, with all they need. */
const OFFERED = ['hello', 'tree', 'nginx-light', 'cron']

/** Packages whose every version and script is known, in the same source. */
const MADE = [
  { name: 'sunup-demo', version: '1.0', more: 'Recommends: hello\nProvides: sunup-virtual\n', conffile: 'version = 1.0\n' },
  { name: 'sunup-demo', version: '1.1', more: 'Recommends: hello\nProvides: sunup-virtual\n', conffile: 'version = 1.1\n' },
  { name: 'sunup-demo', version: '2.0', more: 'Recommends: hello\nProvides: sunup-virtual\n', conffile: 'version = 2.0\n' },
  { name: 'sunup-rival', version: '1.0', more: 'Conflicts: sunup-demo\n' },
  // Its configuration takes as long as there is a file /run/sunup-slow.
  { name: 'sunup-slow', version: '1.0', postinst: '#!/bin/sh\ntouch /run/sunup-slow-began\nwhile [ -e /run/sunup-slow ]; do sleep 0.05; done\n' },
] as const satisfies readonly { name: string; version: string; more?: string; conffile?: string; postinst?: string }[]

/** The root file system of a Debian 12 machine with systemd, and a package source of its own: it needs no network any more.
 *  @returns its path */
export function image(): string {
  return madeOnce('machine', [import.meta.filename], (root, work) => {
    const keep = `chroot "$1" apt-get --yes --no-install-recommends --download-only install ${OFFERED.join(' ')} && mkdir -p "$1/srv/packages" && cp "$1"/var/cache/apt/archives/*.deb "$1/srv/packages/"`
    debianRoot(root, INCLUDED, [`--customize-hook=${keep}`])
    for (const made of MADE) makePackage(made, work, join(root, 'srv/packages'))
    writeFileSync(join(root, 'srv/packages/Packages'), indexOf(join(root, 'srv/packages')))
    writeFileSync(join(root, 'etc/apt/sources.list'), 'deb [trusted=yes] file:/srv/packages ./\n')
    rmSync(join(root, 'var/lib/apt/lists'), { recursive: true })
    mkdirSync(join(root, 'var/lib/apt/lists/partial'), { recursive: true })
    mkdirSync(join(root, 'sunup'))
  })
}

function makePackage(made: { name: string; version: string; more?: string; conffile?: string; postinst?: string }, work: string, to: string): void {
  const { name, version, more = '', conffile, postinst } = made
  const tree = join(work, `${name}-${version}`)
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true })
  writeFileSync(
    join(tree, 'DEBIAN/control'),
    `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: for tests\n${more}`,
  )
  if (conffile !== undefined) {
    mkdirSync(join(tree, 'etc'))
    writeFileSync(join(tree, `etc/${name}.conf`), conffile)
    writeFileSync(join(tree, 'DEBIAN/conffiles'), `/etc/${name}.conf\n`)
  }
  if (postinst !== undefined) writeFileSync(join(tree, 'DEBIAN/postinst'), postinst, { mode: 0o755 })
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, to], { stdio: 'ignore' })
}

/** What dpkg-scanpackages would print, without the compiler that its package brings along. */
function indexOf(directory: string): string {
  return readdirSync(directory)
    .filter(name => name.endsWith('.deb'))
    .map(name => {
      const file = join(directory, name)
      const control = execFileSync('dpkg-deb', ['--field', file], { encoding: 'utf8' }).trimEnd()
      const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
      return `${control}\nFilename: ./${name}\nSize: ${statSync(file).size}\nSHA256: ${sha256}\n\n`
    })
    .join('')
}
