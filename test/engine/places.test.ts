import t from 'tap'
import type { Resource } from '../../src/core/resource.ts'
import { order } from '../../src/engine/order.ts'
import { archive } from '../../src/resources/archive.ts'
import { configTree } from '../../src/resources/config-tree.ts'
import { cron } from '../../src/resources/cron.ts'
import { directory } from '../../src/resources/directory.ts'
import { file } from '../../src/resources/file.ts'
import { link } from '../../src/resources/link.ts'
import { remoteFile } from '../../src/resources/remote-file.ts'
import { systemdUnit } from '../../src/resources/systemd-unit.ts'
import { template } from '../../src/resources/template.ts'

const sha256 = '0'.repeat(64)
const GUARD = { onlyIf: ['true'] }

/** All kinds that make something at a path of which they say what it is. */
const MAKERS: Readonly<Record<string, (path: string) => Resource>> = {
  file: path => file({ path, content: 'x' }),
  template: path => template({ path, source: { name: 't', path: 't', text: () => 'x' } as never }),
  remoteFile: path => remoteFile({ path, url: 'https://example.com/x', sha256 }),
  link: path => link({ path, to: '/x' }),
  configTree: path => configTree({ path, files: { a: { content: 'x' } } }),
  directory: path => directory({ path }),
  archive: path => archive({ path, url: 'https://example.com/x.tar', sha256 }),
}

function ordering(...resources: readonly Resource[]): readonly string[] {
  return order(resources.map(resource => ({ resource, phase: 'prepare' as const, origin: `recipe of ${resource.id}` }))).map(({ resource }) => resource.id)
}

for (const [one, make] of Object.entries(MAKERS)) {
  t.test(`${one} shares its path with no other kind`, async t => {
    for (const [other, makeOther] of Object.entries(MAKERS)) {
      const both = () => ordering(make('/etc/a'), makeOther('/etc/a'))
      const areDirectories = [one, other].every(kind => kind === 'directory' || kind === 'archive')
      if (other === one || areDirectories) t.doesNotThrow(both, other)
      else t.throws(both, { code: 'resource.conflict', message: `/etc/a is the path of two resources: of ${one}[/etc/a] by recipe of ${one}[/etc/a], and of ${other}[/etc/a] by recipe of ${other}[/etc/a]` }, other)
    }
  })

  t.test(`what lies below ${one} is its matter where it is a file`, async t => {
    const both = () => ordering(directory({ path: '/etc/a/b/c' }), make('/etc/a'))
    if (['file', 'template', 'remoteFile'].includes(one)) t.throws(both, { code: 'resource.conflict', message: /^\/etc\/a is a file, of / })
    else t.doesNotThrow(both)
  })
}

t.test('units and jobs of cron have paths, though their ids name none', async t => {
  const content = '[Service]\n'
  t.throws(() => ordering(systemdUnit({ name: 'app.service', content }), file({ path: '/etc/systemd/system/app.service', content })), { code: 'resource.conflict' })
  const job = { name: 'job', schedule: '@daily', argv: ['true'] }
  t.throws(() => ordering(file({ path: '/etc/cron.d/sunup-job', content }), cron(job)), { code: 'resource.conflict' })
  t.throws(() => ordering(file({ path: '/etc/cron.d/sunup-job', content }), cron({ ...job, state: 'absent' })), { code: 'resource.conflict' }, 'also one that is to go')
})

t.test('one that has a guard may be meant for another case', async t => {
  t.strictSame(ordering(file({ path: '/etc/a', content: 'x' }), link({ path: '/etc/a', to: '/x', ...GUARD })).length, 2)
  t.strictSame(ordering(file({ path: '/etc/a', content: 'x', notIf: ['true'] }), directory({ path: '/etc/a/b' })).length, 2)
  t.throws(() => ordering(directory({ path: '/etc/a', ...GUARD }), file({ path: '/etc/a', content: 'x' }), link({ path: '/etc/a', to: '/x' })), { code: 'resource.conflict' })
})

t.test('a path that only begins as another one is no matter of it', async t => {
  t.strictSame(ordering(file({ path: '/etc/a', content: 'x' }), file({ path: '/etc/ab', content: 'x' }), file({ path: '/etc/a.d/b', content: 'x' })).length, 3)
})
