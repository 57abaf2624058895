import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianRoot, madeOnce } from '../support/made-once.ts'

/** What Debian's own boxes have, as far as Vagrant and sunup see of it. Neither nginx nor git: those are a role's to install. */
const INCLUDED = ['systemd-sysv', 'dbus', 'iproute2', 'procps', 'openssh-server', 'sudo', 'ca-certificates', 'curl', 'rsync']
/** What a role installs. The machines of the test have no way out: a Debian of their own comes with the box. */
const OFFERED = ['nginx', 'git']

/** Runs in the new root, as root. networkd instead of ifupdown: given a host name, Vagrant restarts a unit of the latter that needs udev.
 *  Nothing in it must ever ask the metadata service of the machine that this runs on. */
const SETUP = `set -eu
cat >/etc/systemd/network/eth0.network <<'NETWORK'
[Match]
Name=eth0
[Network]
DHCP=ipv4
IPv6AcceptRA=no
LinkLocalAddressing=no
[DHCPv4]
UseHostname=no
[Route]
Destination=169.254.169.254/32
Type=blackhole
NETWORK
systemctl enable -q systemd-networkd.service
for unit in systemd-udevd.service systemd-resolved.service apt-daily.timer apt-daily-upgrade.timer; do ln -sf /dev/null "/etc/systemd/system/$unit"; done
useradd -m -s /bin/bash vagrant
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/vagrant
chmod 440 /etc/sudoers.d/vagrant
install -d -m 700 -o vagrant -g vagrant /home/vagrant/.ssh
install -m 600 -o vagrant -g vagrant /root/vagrant.pub /home/vagrant/.ssh/authorized_keys
rm /root/vagrant.pub
echo 'UseDNS no' >/etc/ssh/sshd_config.d/vagrant.conf
echo bookworm >/etc/hostname
printf '127.0.0.1 localhost\\n127.0.1.1 bookworm\\n' >/etc/hosts
: >/etc/machine-id
rm -f /etc/resolv.conf /etc/apt/sources.list.d/* /etc/apt/sources.list
: >/etc/resolv.conf
`

/** The packages that a role installs, with what they depend on, as an archive that apt knows. */
const OFFER = `set -eu
mkdir -p /srv/debian
# What the root itself was made of is installed already.
apt-get -qq clean
apt-get -qq -o APT::Sandbox::User=root --download-only --no-install-recommends -y install $OFFERED
cp /var/cache/apt/archives/*.deb /srv/debian/
cd /srv/debian
for deb in *.deb; do
  dpkg-deb -f "$deb"
  echo "Filename: ./$deb"
  echo "Size: $(stat -c %s "$deb")"
  echo "SHA256: $(sha256sum "$deb" | cut -d' ' -f1)"
  echo
done >Packages
apt-get -qq clean
`

/** A box for Vagrant's LXC provider: Debian 12, and a Debian mirror of its own in /srv/debian with the packages of a web server, so that it needs no network.
 *  Needs the Debian package vagrant, too.
 *  @returns the file */
export function debianBox(): string {
  return madeOnce('debian-bookworm64', [import.meta.filename], (box, work) => {
    const at = (name: string): string => join(work, name)
    const script = (name: string, text: string): string => (writeFileSync(at(name), text), at(name))
    // The hooks have the root as their argument; what apt is told from outside it has by its variables.
    const inRoot = (file: string, variables = ''): string => `cp ${file} "$1/root/setup" && ${variables} chroot "$1" sh /root/setup && rm "$1/root/setup"`
    writeFileSync(at('sources.list'), 'deb [trusted=yes] file:/srv/debian ./\n')
    const hooks = [
      inRoot(script('offer', OFFER), `OFFERED='${OFFERED.join(' ')}'`),
      `cp ${publicKey()} "$1/root/vagrant.pub"`,
      inRoot(script('setup', SETUP)),
      `cp ${at('sources.list')} "$1/etc/apt/sources.list"`,
    ]
    const without = ['man', 'doc', 'locale'].map(name => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
    debianRoot(at('rootfs.tar.gz'), INCLUDED, [...without, ...hooks.map(hook => `--customize-hook=${hook}`)])
    // Its names begin with ./, and not, as the provider's own template expects, with ./rootfs/.
    writeFileSync(at('metadata.json'), JSON.stringify({ provider: 'lxc', version: '1.0.0', 'template-opts': { '--strip-components': '1' } }))
    writeFileSync(at('lxc-config'), 'lxc.include = /usr/share/lxc/config/debian.common.conf\nlxc.arch = linux64\n')
    execFileSync('tar', ['-C', work, '-cf', box, 'metadata.json', 'lxc-config', 'rootfs.tar.gz'])
    chmodSync(box, 0o644)
  })
}

/** Of the pair that every box is made with, and Vagrant replaces at the first start. */
function publicKey(): string {
  const listed = execFileSync('dpkg', ['-L', 'vagrant'], { encoding: 'utf8' })
  const file = /^\/.*\/keys\/vagrant\.pub$/m.exec(listed)?.[0]
  if (file === undefined) throw new Error('the package vagrant has no keys/vagrant.pub')
  return file
}

// `node test/vagrant/box.ts` says where it is, and builds it when there is none.
if (process.argv[1] === import.meta.filename) console.log(debianBox())
