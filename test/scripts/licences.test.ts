import t from 'tap'
import type { Metafile } from 'esbuild'
import { licencesOf } from '../../scripts/licences.ts'

const metafile = (...inputs: readonly (readonly [path: string, bytesInOutput: number])[]): Metafile => ({
  inputs: {},
  outputs: { 'main.cjs': { bytes: 0, inputs: Object.fromEntries(inputs.map(([path, bytesInOutput]) => [path, { bytesInOutput }])), imports: [], exports: [] } },
})
const library = (name: string, license: string | undefined, files: Record<string, string> = {}) => ({ 'package.json': JSON.stringify({ name, version: '1.0.0', license }), ...files })

t.test('every library of which something is in the bundle is named once, alike licences together', async t => {
  const home = t.testdir({
    node_modules: {
      a: library('a', 'MIT', { LICENSE: 'do as you like\n', 'NOTICE.txt': 'by A\n' }),
      b: { ...library('b', 'ISC', { 'LICENCE.md': 'the same\n' }), node_modules: { c: library('c', 'ISC', { License: 'the same\n' }) } },
      '@x': { d: library('@x/d', 'MIT') },
      unused: library('unused', 'MIT', { LICENSE: 'not in it\n' }),
    },
  })
  const first = metafile(['node_modules/a/index.js', 5], ['node_modules/a/more.js', 5], ['src/main.ts', 9], ['node_modules/unused/index.js', 0])
  const second = metafile(['node_modules/b/index.js', 1], ['node_modules/b/node_modules/c/index.js', 1], ['builtin:node_modules/@x/d/lib/d.js', 1])
  const line = `\n${'-'.repeat(80)}\n\n`
  t.equal(licencesOf(home, [first, second]), ['@x/d 1.0.0 (MIT)\n\nLicensed as its package says: MIT.\n', 'a 1.0.0 (MIT)\n\ndo as you like\n\nby A\n', 'b 1.0.0 (ISC)\nc 1.0.0 (ISC)\n\nthe same\n'].join(line))
})

t.test('a library without any licence is not passed on', async t => {
  const home = t.testdir({ node_modules: { a: library('a', undefined) } })
  t.throws(() => licencesOf(home, [metafile(['node_modules/a/index.js', 1])]), /a 1\.0\.0 came without a licence/)
})
