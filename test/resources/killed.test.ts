import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Resource } from '../../src/core/resource.ts'
import { look, settle } from '../../src/engine/settle.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import { directory } from '../../src/resources/directory.ts'
import { file } from '../../src/resources/file.ts'
import { link } from '../../src/resources/link.ts'
import { surroundings } from '../conformance/settles.ts'

const OWNERS = process.geteuid?.() === 0 ? { owner: '+500', group: '+501' } : {}

/** How many calls that change files the longest of these applies makes, generously: a loop that never ends would hide a hang. */
const MOST_CALLS = 60

const CASES: Readonly<Record<string, { make: (kind: typeof MAKERS) => Resource; given: object; left: readonly string[] }>> = {
  'a new file below new directories': { make: make => make.file({ path: '/a/b/f', content: 'new\n', mode: '4755', ...OWNERS }), given: {}, left: ['a'] },
  'a file that is replaced, with a backup': { make: make => make.file({ path: '/f', content: 'new\n', backup: 3, ...OWNERS }), given: { f: 'old\n' }, left: ['f', 'f.sunup-1'] },
  'a file that is verified': { make: make => make.file({ path: '/f', content: 'new\n', verify: [process.execPath, '-e', '0', '{path}'] }), given: { f: 'old\n' }, left: ['f'] },
  'a file in the place of a link': { make: make => make.file({ path: '/f', content: 'new\n' }), given: { f: ['link', 'target'], target: 'kept\n' }, left: ['f', 'target'] },
  'a file of which only mode and owner are wrong': { make: make => make.file({ path: '/f', content: 'same\n', mode: '4711', ...OWNERS }), given: { f: 'same\n' }, left: ['f'] },
  'a directory below new ones': { make: make => make.directory({ path: '/a/b/c', mode: '2750', ...OWNERS }), given: {}, left: ['a'] },
  'a directory that is purged': { make: make => make.directory({ path: '/d', purge: { keep: ['kept'] } }), given: { d: { a: '', b: '', kept: '', sub: { x: '' } } }, left: ['d'] },
  'a new link': { make: make => make.link({ path: '/a/current', to: 'one' }), given: {}, left: ['a'] },
  'a link that is swung': { make: make => make.link({ path: '/current', to: 'two' }), given: { current: ['link', 'one'] }, left: ['current'] },
}

const MAKERS = { file, directory, link }

for (const [name, { make, given, left }] of Object.entries(CASES)) {
  t.test(`${name}: killed before any call that changes a file, it is whole or untouched, and the next run settles it`, async t => {
    const resource = make(MAKERS)
    const dir = t.testdir({ given: tree(t, given), 'once.ts': script(make) })
    const wanted = await settledTree(resource, copy(dir, 'wanted'))
    let calls = 0
    for (; calls < MOST_CALLS; calls++) {
      const root = copy(dir, `at-${calls}`)
      const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(dir, 'once.ts'), root, String(calls)], { encoding: 'utf8' })
      if (child.status === 0) break
      if (child.signal !== 'SIGKILL') throw new Error(`the child ended otherwise: ${child.stderr}`)
      const content = hostMachine({ root }).readText('/f')
      if ('f' in given) t.match(content, /^(old|same|kept|new)\n$/, `killed at call ${calls} the file is old or new`)
      t.strictSame(await settledTree(resource, root), wanted, `killed at call ${calls} it is settled by the next run, and nothing is left over`)
    }
    t.ok(calls > 0 && calls < MOST_CALLS, 'it was killed at every call, and at last it was not')
    t.strictSame(hostMachine({ root: join(dir, 'wanted') }).list('/'), left)
  })
}

type Tree = NonNullable<Parameters<Test['testdir']>[0]>

/** Links are given as ['link', target]. */
function tree(t: Test, given: object): Tree {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, Array.isArray(value) ? t.fixture('symlink', value[1] as string) : value]))
}

function copy(dir: string, name: string): string {
  mkdirSync(join(dir, name))
  cpSync(join(dir, 'given'), join(dir, name), { recursive: true, verbatimSymlinks: true })
  return join(dir, name)
}

/** Settles it, proves it, and says what is there now: names, modes, owners and contents. */
async function settledTree(resource: Resource, root: string): Promise<object> {
  const machine = hostMachine({ root })
  const around = surroundings(machine, [])
  const { failure } = await settle(resource, around)
  if (failure) throw failure
  const left = await look(resource, around)
  const entries: Record<string, unknown> = { left }
  const note = (path: string): void => {
    for (const name of machine.list(path) ?? []) {
      const at = `${path === '/' ? '' : path}/${name}`
      const found = machine.stat(at)
      entries[at] = [found?.kind, found?.mode, found?.uid, found?.gid, found?.kind === 'file' ? machine.readText(at) : machine.readLink(at)]
      if (found?.kind === 'directory') note(at)
    }
  }
  note('/')
  return entries
}

/** A program that settles this resource once in the root it is given. What it imports it imports before it is counted. */
function script(make: (kind: typeof MAKERS) => Resource): string {
  const from = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href)
  return `
import { settle } from ${from('src/engine/settle.ts')}
import { hostMachine } from ${from('src/machine/machine.ts')}
import { directory } from ${from('src/resources/directory.ts')}
import { file } from ${from('src/resources/file.ts')}
import { link } from ${from('src/resources/link.ts')}
import { surroundings } from ${from('test/conformance/settles.ts')}
import { killAt } from ${from('test/support/kill-at.ts')}
const OWNERS = ${JSON.stringify(OWNERS)}
const resource = (${make.toString()})({ file, directory, link })
killAt(Number(process.argv[3]))
const { failure } = await settle(resource, surroundings(hostMachine({ root: process.argv[2] }), []))
if (failure) throw failure
`
}
