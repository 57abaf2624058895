import t from 'tap'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { skeleton } from '../../../src/life/init/skeleton.ts'

const home = resolve(import.meta.dirname, '../../..')
const { files } = skeleton(home, '0.1.0', { repository: 'git@git.example.org:acme/infrastructure.git', archive: undefined, sha256: undefined })
const text = (path: string): string => String(files.get(path))

t.test('the user data says to an instance what the image says', async t => {
  for (const path of ['cloud-init/baked.yaml', 'cloud-init/stock.yaml']) {
    const { write_files: [written] } = parse(text(path)) as { write_files: [{ path: string; content: string }] }
    t.equal(written.path, '/etc/sunup/sunup.yaml', path)
    t.strictSame(parse(written.content), parse(text('image/sunup.yaml')), path)
    t.ok(text(path).length < 1024, path)
  }
})

t.test('README says what the role wants of an account and of a group', async t => {
  t.match(text('roles/web.yaml'), /^ {2}- registry$/m)
  t.match(text('README.md'), /sunup registry init/)
  t.match(text('README.md'), /put-lifecycle-hook[^]*--lifecycle-hook-name sunup-launch/)
  t.match(text('README.md'), /ssh_known_hosts/)
})
