import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { look, settle } from '../../src/engine/settle.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import { git, type GitProps } from '../../src/resources/git.ts'
import { surroundings } from '../conformance/settles.ts'
import { aside, recorder, repository, type Repository } from '../support/git-repository.ts'

/** More calls than an apply makes: a loop that never ends would hide a hang. */
const MOST_CALLS = 80
const LAYOUTS = ['releases', 'inPlace'] as const

/** A program that settles a git resource once, and is ended at the n-th call that changes a file (-1: by something else, if at all). */
const PROGRAM = `
import { settle } from ${from('src/engine/settle.ts')}
import { gitWorker } from ${from('src/machine/git.ts')}
import { hostMachine } from ${from('src/machine/machine.ts')}
import { git } from ${from('src/resources/git.ts')}
import { surroundings } from ${from('test/conformance/settles.ts')}
import { killAt } from ${from('test/support/kill-at.ts')}
import 'simple-git'
const { root, props, env, calls } = JSON.parse(process.argv[2])
const plain = hostMachine({ root })
const machine = { ...plain, git: gitWorker({ hostPath: plain.hostPath, env: { ...env, SUNUP_PID: String(process.pid) } }) }
if (calls >= 0) killAt(calls)
const { failure } = await settle(git(props), surroundings(machine, []))
if (failure) throw failure
`

function from(path: string): string {
  return JSON.stringify(new URL(`../../${path}`, import.meta.url).href)
}

interface Try {
  readonly root: string
  readonly props: GitProps
  readonly env?: Record<string, string>
  readonly calls?: number
}

/** Whether it lived to its end. */
function once(dir: string, { env = {}, calls = -1, ...more }: Try): boolean {
  const program = join(dir, 'once.ts')
  if (!existsSync(program)) writeFileSync(program, PROGRAM)
  const given = JSON.stringify({ ...more, env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env }, calls })
  const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', program, given], { encoding: 'utf8' })
  if (child.status !== 0 && child.signal !== 'SIGKILL') throw new Error(`the child ended otherwise: ${child.stderr}`)
  return child.status === 0
}

/** The next run heals it: settled, whole, nothing left over. */
async function heals(t: Test, root: string, props: GitProps, from: Repository, when: string): Promise<void> {
  const machine = hostMachine({ root })
  const current = join(root, props.path, props.layout === 'inPlace' ? '' : 'current')
  if (props.layout !== 'inPlace' && existsSync(current)) t.strictSame(readdirSync(current).sort(), filesOf(from, git(props).revision(machine)), `${when} what is current is whole`)
  const around = surroundings(machine, [])
  const { failure } = await settle(git(props), around)
  if (failure) throw failure
  t.strictSame(await look(git(props), around), [], `${when} it is settled by the next run`)
  t.equal(git(props).revision(machine), from.git('rev-parse', 'main'))
  t.strictSame(readdirSync(current).filter(name => name !== '.git').sort(), filesOf(from), `${when} with exactly the commit’s files`)
  const names = readdirSync(join(root, props.path), { recursive: true }) as string[]
  t.strictSame(names.filter(name => /\.lock$|\.(new|old)$|sunup-new|sunup-checkout/.test(name)), [], `${when} nothing is left over`)
}

function filesOf(from: Repository, commit = 'main'): string[] {
  return from.git('ls-tree', '--name-only', commit).split('\n').sort()
}

for (const layout of LAYOUTS) {
  t.test(`${layout}: killed before any call that changes a file, it is healed by the next run`, async t => {
    const from = repository(t, { a: 'a\n', 'd/b': 'b\n' })
    const dir = t.testdir()
    const props = { repository: from.url, ref: 'main', path: '/srv/app', layout }
    let calls = 0
    for (; calls < MOST_CALLS; calls++) {
      const root = join(dir, `at-${calls}`)
      if (once(dir, { root, props, calls })) break
      await heals(t, root, props, from, `killed at call ${calls}`)
    }
    t.ok(calls > 0 && calls < MOST_CALLS, 'it was killed at every call, and at last it was not')
  })

  t.test(`${layout}: killed before and after any git, in a change of commit, it is healed by the next run`, async t => {
    const from = repository(t, { a: 'a\n', 'd/b': 'b\n' })
    const dir = t.testdir()
    const first = from.git('rev-parse', 'main')
    from.commit({ a: 'aa\n', 'd/b': null, c: 'c\n' })
    const props = { repository: from.url, ref: 'main', path: '/srv/app', layout }
    for (const when of ['before', 'after']) {
      let calls = 1
      for (; calls < MOST_CALLS; calls++) {
        const root = join(dir, `${when}-${calls}`)
        await settle(git({ ...props, ref: first }), surroundings(hostMachine({ root }), []))
        const recorded = recorder(t)
        const [bin = ''] = recorded.path.split(':')
        const real = recorder(t).path.split(':')[0]
        const kill = 'kill -9 $SUNUP_PID'
        recorded.script('git', `echo >> ${bin}/count; n=$(wc -l < ${bin}/count)\n[ $n -eq ${calls} ] || exec ${real}/git "$@"\n${when === 'before' ? kill : `${real}/git "$@"; ${kill}`}`)
        if (once(dir, { root, props, env: { PATH: recorded.path } })) break
        await heals(t, root, props, from, `killed ${when} git ${calls}`)
      }
      t.ok(calls > 3 && calls < MOST_CALLS, 'it was killed at every git, and at last it was not')
    }
  })

  t.test(`${layout}: killed in the middle of a checkout, with its git, it is healed by the next run`, async t => {
    const from = repository(t, { '.gitattributes': 'm filter=kill\n', a: 'a\n', m: 'm\n', z: 'z\n' })
    const dir = t.testdir()
    const home = aside(t, 'home')
    script(home, 'smudge', 'kill -9 $SUNUP_PID $PPID')
    writeFileSync(join(home, '.gitconfig'), `[filter "kill"]\n\tsmudge = ${home}/smudge\n\trequired = true\n`)
    const props = { repository: from.url, ref: 'main', path: '/srv/app', layout }
    const root = join(dir, 'root')
    t.equal(once(dir, { root, props, env: { HOME: home } }), false)
    const left = readdirSync(join(root, 'srv/app'), { recursive: true }) as string[]
    t.ok(left.some(name => name.endsWith('index.lock')), 'a lock was left')
    t.ok(left.some(name => /(^|\/)a$/.test(name)) && !left.some(name => /(^|\/)z$/.test(name)), 'a half checkout was left')
    await heals(t, root, props, from, 'killed in a checkout')
  })

  t.test(`${layout}: killed in the middle of a fetch, it is healed by the next run`, async t => {
    const from = repository(t, { a: 'a\n'.repeat(1_000), b: 'b\n' })
    const dir = t.testdir()
    const home = aside(t, 'home')
    script(home, 'pack', '"$@" | head -c 100; kill -9 $SUNUP_PID')
    writeFileSync(join(home, '.gitconfig'), `[uploadpack]\n\tpackObjectsHook = ${home}/pack\n`)
    const props = { repository: from.url, ref: 'main', path: '/srv/app', layout }
    const root = join(dir, 'root')
    t.equal(once(dir, { root, props, env: { HOME: home } }), false)
    await heals(t, root, props, from, 'killed in a fetch')
  })
}

function script(dir: string, name: string, text: string): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(dir, name), 0o755)
}
