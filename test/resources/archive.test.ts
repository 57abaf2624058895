import t, { type Test } from 'tap'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { Header } from 'tar'
import type { Failure } from '../../src/core/failure.ts'
import { look, settle } from '../../src/engine/settle.ts'
import { archive } from '../../src/resources/archive.ts'
import { settles, surroundings } from '../conformance/settles.ts'
import { aside } from '../support/git-repository.ts'
import { testMachine, type TestMachine } from '../support/machine.ts'
import { treeOf } from '../support/tree.ts'

type Entry = Partial<Pick<Header, 'path' | 'type' | 'linkpath' | 'mode' | 'uid' | 'gid'>> & { readonly path: string; readonly content?: string }

/** A tar archive of just these entries, as nobody's tar program would write it. */
function tarOf(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ content = '', type = 'File', mode = type === 'Directory' ? 0o755 : 0o644, ...entry }) => {
    const head = Buffer.alloc(512)
    new Header({ type, mode, mtime: new Date(0), size: content.length, uid: 0, gid: 0, ...entry }).encode(head)
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512)
    body.write(content)
    return [head, body]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

interface Source {
  readonly url: string
  readonly sha256: string
}

function source(t: Test, content: Buffer): Source {
  const file = join(aside(t, 'archive'), 'archive')
  writeFileSync(file, content)
  return { url: `file://${file}`, sha256: createHash('sha256').update(content).digest('hex') }
}

const failing = async (machine: TestMachine, props: Parameters<typeof archive>[0]): Promise<Failure | undefined> => (await settle(archive({ retries: 0, ...props }), surroundings(machine, []))).failure
const some = [
  { path: 'bin/', type: 'Directory' as const },
  { path: 'bin/tool', content: 'tool\n', mode: 0o755 },
  { path: 'lib/deep/a', content: 'a\n' },
  { path: 'bin/link', type: 'SymbolicLink' as const, linkpath: '../lib/deep/a' },
  { path: 'hard', type: 'Link' as const, linkpath: 'bin/tool' },
]

t.test('an archive is unpacked, with a stamp of its checksum', async t => {
  const from = source(t, gzipSync(tarOf(some)))
  const machine = testMachine(t)
  await settles(t, machine, archive({ path: '/opt/tool', ...from }), [{ type: 'create', field: 'checksum', to: `sha256:${from.sha256}`, reason: 'makes /opt' }])
  const at = (name: string): string => join(machine.dir, 'opt/tool', name)
  t.equal(readFileSync(at('bin/tool'), 'utf8'), 'tool\n')
  t.equal(statSync(at('bin/tool')).mode & 0o111, 0o111)
  t.equal(readFileSync(at('bin/link'), 'utf8'), 'a\n')
  t.equal(statSync(at('hard')).ino, statSync(at('bin/tool')).ino)
  t.strictSame(readdirSync(join(machine.dir, 'opt')), ['tool'], 'nothing is left beside it')
})

t.test('a settled check reads the stamp, and no archive', async t => {
  const from = source(t, tarOf(some))
  const machine = testMachine(t)
  await failing(machine, { path: '/tool', ...from })
  t.strictSame(await look(archive({ path: '/tool', url: 'file:///nonexistent', sha256: from.sha256 }), surroundings(machine, [])), [])
})

t.test('another checksum replaces the whole directory', async t => {
  const [one, two] = [source(t, tarOf([{ path: 'old', content: 'x' }])), source(t, tarOf([{ path: 'new', content: 'x' }]))]
  const machine = testMachine(t)
  await failing(machine, { path: '/tool', ...one })
  await settles(t, machine, archive({ path: '/tool', ...two }), [{ type: 'update', field: 'checksum', from: `sha256:${one.sha256}`, to: `sha256:${two.sha256}` }])
  t.strictSame(readdirSync(join(machine.dir, 'tool')).sort(), ['.sunup-archive', 'new'])
})

const tarred = tarOf(some)
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined
const FORMATS: readonly (readonly [string, () => Buffer, string | false])[] = [
  ['plain', () => tarred, false],
  ['gzip', () => gzipSync(tarred), false],
  ['zstd', () => zstdCompressSync(tarred), false],
  ['xz', () => execFileSync('xz', ['--stdout'], { input: tarred }), has('xz') ? false : 'there is no xz here'],
  ['bzip2', () => execFileSync('bzip2', ['--stdout'], { input: tarred }), has('bzip2') ? false : 'there is no bzip2 here'],
]
for (const [name, made, skip] of FORMATS) {
  t.test(`${name} is told by what it is`, { skip }, async t => {
    const machine = testMachine(t)
    t.equal(await failing(machine, { path: '/tool', ...source(t, made()) }), undefined)
    t.equal(machine.readText('/tool/bin/tool'), 'tool\n')
    t.strictSame(readdirSync(machine.dir), ['tool'])
  })
}

const REFUSED: Readonly<Record<string, readonly Entry[]>> = {
  'an absolute name': [{ path: '/etc/evil', content: 'x' }],
  'a name with ..': [{ path: 'a/../../evil', content: 'x' }],
  'a name that is ..': [{ path: '..', type: 'Directory' }],
  'a link to an absolute name': [{ path: 'l', type: 'SymbolicLink', linkpath: '/etc' }],
  'a link that leads outside': [{ path: 'd/l', type: 'SymbolicLink', linkpath: '../../etc' }],
  'a link that leads outside by way of another': [
    { path: 'a/', type: 'Directory' },
    { path: 'a/up', type: 'SymbolicLink', linkpath: '..' },
    { path: 'out', type: 'SymbolicLink', linkpath: 'a/up/../etc' },
  ],
  'a hard link to outside': [{ path: 'h', type: 'Link', linkpath: '../secret' }],
  'a hard link to an absolute name': [{ path: 'h', type: 'Link', linkpath: '/etc/passwd' }],
  'a file through a link': [
    { path: 'd/', type: 'Directory' },
    { path: 'l', type: 'SymbolicLink', linkpath: 'd' },
    { path: 'l/evil', content: 'x' },
  ],
  'a device': [{ path: 'null', type: 'CharacterDevice' }],
  'a pipe': [{ path: 'pipe', type: 'FIFO' }],
}
for (const [name, entries] of Object.entries(REFUSED)) {
  t.test(`${name} is refused, and nothing is left behind`, async t => {
    const machine = testMachine(t, { secret: 's\n', opt: { 'etc': {} } })
    const before = treeOf(machine.dir)
    const failure = await failing(machine, { path: '/opt/tool', ...source(t, tarOf([{ path: 'good', content: 'x' }, ...entries])) })
    t.match(failure, { code: 'archive.invalid', message: /archive\[\/opt\/tool\]/ })
    t.strictSame(Object.keys(treeOf(machine.dir)), Object.keys(before))
    t.equal(machine.readText('/secret'), 's\n')
    t.notOk(existsSync('/etc/evil'))
  })
}

t.test('links that stay inside are kept', async t => {
  const machine = testMachine(t)
  const inside = [
    { path: 'lib/a', content: 'a\n' },
    { path: 'bin/self', type: 'SymbolicLink' as const, linkpath: '.' },
    { path: 'bin/up', type: 'SymbolicLink' as const, linkpath: '..' },
    { path: 'bin/dangling', type: 'SymbolicLink' as const, linkpath: '../nothing/here' },
  ]
  t.equal(await failing(machine, { path: '/tool', ...source(t, tarOf(inside)) }), undefined)
  t.equal(readlinkSync(join(machine.dir, 'tool/bin/up')), '..')
})

t.test('owners are not taken over, nor set-id bits', async t => {
  const machine = testMachine(t)
  t.equal(await failing(machine, { path: '/tool', ...source(t, tarOf([{ path: 'su', content: 'x', mode: 0o6755, uid: 12345, gid: 12345 }])) }), undefined)
  t.match(machine.stat('/tool/su'), { mode: '0755', uid: process.geteuid?.() })
})

t.test('what is no archive is refused, and the old directory stays', async t => {
  const machine = testMachine(t)
  await failing(machine, { path: '/tool', ...source(t, tarOf([{ path: 'old', content: 'x' }])) })
  const half = gzipSync(tarOf(some)).subarray(0, 60)
  for (const content of [Buffer.from('<html>not found</html>'), Buffer.alloc(0), Buffer.alloc(2048), half, tarOf([{ path: 'a', content: 'x'.repeat(5_000) }]).subarray(0, 2_000)]) {
    t.match(await failing(machine, { path: '/tool', ...source(t, content) }), { code: 'archive.invalid' }, `${content.length} bytes`)
  }
  t.strictSame(readdirSync(join(machine.dir, 'tool')).sort(), ['.sunup-archive', 'old'])
  t.strictSame(readdirSync(machine.dir), ['tool'])
})

t.test('another checksum than the server’s leaves the old directory', async t => {
  const machine = testMachine(t)
  await failing(machine, { path: '/tool', ...source(t, tarOf([{ path: 'old', content: 'x' }])) })
  const { url } = source(t, tarOf(some))
  t.match(await failing(machine, { path: '/tool', url, sha256: 'a'.repeat(64) }), { code: 'download.checksum' })
  t.strictSame(readdirSync(join(machine.dir, 'tool')).sort(), ['.sunup-archive', 'old'])
})

t.test('a directory that came from no archive is refused, an empty one is taken', async t => {
  const machine = testMachine(t, { full: { mine: 'x' }, empty: {} })
  const from = source(t, tarOf(some))
  t.match(await failing(machine, { path: '/full', ...from }), { code: 'file.kind' })
  t.equal(machine.readText('/full/mine'), 'x')
  t.equal(await failing(machine, { path: '/empty', ...from }), undefined)
})

t.test('what a kill between two renames left is healed', async t => {
  const machine = testMachine(t)
  const from = source(t, tarOf(some))
  await failing(machine, { path: '/tool', ...from })
  mkdirSync(join(machine.dir, '.sunup-replaced-tool/bin'), { recursive: true })
  symlinkSync('/', join(machine.dir, '.sunup-replaced-tool/root'))
  await settles(t, machine, archive({ path: '/tool', ...from }), [{ type: 'remove', field: 'leftover', from: '.sunup-replaced-tool' }])
  machine.remove('/tool')
  for (const name of ['unpacked', 'replaced']) mkdirSync(join(machine.dir, `.sunup-${name}-tool`))
  writeFileSync(join(machine.dir, '.sunup-download-tool'), 'half')
  t.equal(await failing(machine, { path: '/tool', ...from }), undefined)
  t.strictSame(readdirSync(machine.dir), ['tool'])
})
