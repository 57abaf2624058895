import t from 'tap'
import { dpkgStatus } from '../../src/resources/dpkg.ts'

const STATUS = `Package: nginx
Status: install ok installed
Priority: optional
Architecture: amd64
Version: 1.22.1-9+deb12u2
Provides: httpd, httpd-cgi, nginx-abi-1.22.1-7 (= 1.0)
Conffiles:
 /etc/nginx/nginx.conf 0123
Description: small, powerful, scalable web/proxy server
 Package: trick
 Status: install ok installed

Package: nginx-common
Status: install ok half-configured
Architecture: all
Version: 1.22.1-9+deb12u2

Package: apache2
Status: deinstall ok config-files
Architecture: amd64
Version: 2.4.57-2

Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9

Package: libc6
Status: install ok unpacked
Architecture: i386
Multi-Arch: same
Version: 2.36-10

Package: mawk
Status: hold ok installed
Architecture: amd64
Version: 1.3.4
Provides: awk

Package: gone
Status: purge ok not-installed
Architecture: amd64

Package: last
Status: install ok installed
Architecture: all
Version: 1:2.0~rc1-1`

const status = dpkgStatus(STATUS)

t.test('a package that is installed has its version', async t => {
  t.strictSame(status('nginx'), { version: '1.22.1-9+deb12u2', status: 'installed' })
  t.strictSame(status('last'), { version: '1:2.0~rc1-1', status: 'installed' }, 'the last one, too')
})

t.test('one that is held is installed', async t => {
  t.strictSame(status('mawk'), { version: '1.3.4', status: 'installed' })
})

t.test('one that is in pieces says so', async t => {
  t.strictSame(status('nginx-common'), { version: '1.22.1-9+deb12u2', status: 'half-configured' })
})

t.test('one of which only configuration files are left is not installed', async t => {
  t.equal(status('apache2'), undefined)
  t.equal(status('gone'), undefined)
})

t.test('a name is not found in a longer one, nor in a description', async t => {
  t.equal(status('ngin'), undefined)
  t.equal(status('trick'), undefined)
})

t.test('an architecture can be asked for; without one, any that is whole will do', async t => {
  t.strictSame(status('libc6:i386'), { version: '2.36-10', status: 'unpacked' })
  t.strictSame(status('libc6'), { version: '2.36-9', status: 'installed' })
  t.equal(status('libc6:arm64'), undefined)
})

t.test('a name that a package provides is that package', async t => {
  t.strictSame(status('awk'), { version: '1.3.4', status: 'installed' })
  t.strictSame(status('httpd-cgi'), { version: '1.22.1-9+deb12u2', status: 'installed' })
  t.strictSame(status('nginx-abi-1.22.1-7'), { version: '1.22.1-9+deb12u2', status: 'installed' })
  t.equal(status('httpd-c'), undefined)
})

t.test('an empty file has no packages', async t => {
  t.equal(dpkgStatus('')('nginx'), undefined)
})
