import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Failure } from '../../src/core/failure.ts'
import type { Account } from '../../src/core/machine.ts'
import { commands } from '../../src/machine/commands.ts'
import { endings } from '../../src/machine/endings.ts'

const isRoot = process.geteuid?.() === 0

function ground(root = '/', accounts: readonly Account[] = []): ReturnType<typeof commands> {
  return commands({ root, hostPath: path => join(root, path), account: name => accounts.find(account => account.name === name), endings: endings() })
}

const node = (script: string, ...rest: string[]): string[] => [process.execPath, '-e', script, ...rest]

/** Waits for what another process does; the test's own timeout ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

function reads(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

t.test('a command answers with its exit code and both outputs', async t => {
  const { probe } = ground()
  t.strictSame(await probe(['sh', '-c', 'echo out; echo err >&2; exit 3']), { code: 3, stdout: 'out\n', stderr: 'err\n' })
})

t.test('a run that does not exit 0 fails with the command, its code and the last 20 lines it said', async t => {
  const { run } = ground()
  const failure = await run(['sh', '-c', 'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "line $i"; done; exit 7']).then(() => undefined, error => error as Failure)
  t.equal(failure?.code, 'command.failed')
  t.match(failure?.message, /sh -c .* ended with exit code 7/)
  t.equal(failure?.output, Array.from({ length: 20 }, (_, i) => `line ${i + 11}`).join('\n'))
})

t.test('no word of an argv is expanded, split or run', async t => {
  const { probe } = ground()
  const words = ['$HOME', ';touch /tmp/x', '*', '`id`', '$(id)', 'a b', '\'', '"', '\\', 'é€😀', 'new\nline', '', '-n', '|', '&&']
  const { stdout } = await probe(node('console.log(JSON.stringify(process.argv.slice(1)))', '--', ...words))
  t.strictSame(JSON.parse(stdout), words)
})

t.test('a name without a program is absent', async t => {
  const { probe, run } = ground()
  await t.rejects(probe(['sunup-no-such-command', 'x']), { code: 'absent.command', subject: 'sunup-no-such-command' })
  await t.rejects(run(['/no/such/program']), { code: 'absent.command', subject: '/no/such/program' })
})

t.test('what is there and can not be executed fails with the reason', async t => {
  const directory = t.testdir({ plain: 'no program', script: '#!/no/such/interpreter\n' })
  const { probe } = ground()
  await t.rejects(probe([join(directory, 'plain')]), { code: 'command.failed', message: /may not be executed/ })
  const script = join(directory, 'script')
  writeFileSync(`${script}.sh`, '#!/no/such/interpreter\n', { mode: 0o755 })
  await t.rejects(probe([`${script}.sh`]), { code: 'command.failed', message: /interpreter/ })
})

t.test('a directory to run in that is not there is named', async t => {
  const { probe } = ground(t.testdir())
  await t.rejects(probe(['true'], { cwd: '/nowhere' }), { code: 'command.failed', message: /no directory .*\/nowhere/ })
})

t.test('the environment is small and fixed, plus what is asked for', async t => {
  const { probe } = ground()
  const { stdout } = await probe(node('console.log(JSON.stringify(process.env))'), { env: { EXTRA: 'yes' } })
  const env = JSON.parse(stdout) as Record<string, string>
  // A test runner that follows child processes adds its own.
  const own = Object.keys(env).filter(name => !name.startsWith('_TAPJS_') && name !== 'NODE_OPTIONS')
  t.strictSame(own.sort(), ['EXTRA', 'HOME', 'LC_ALL', 'PATH'])
  t.equal(env.LC_ALL, 'C')
  t.equal(env.PATH, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
})

t.test('in a staging root SUNUP_ROOT says where it is, and cwd lies below it', async t => {
  const root = t.testdir({ srv: {} })
  const { probe } = ground(root)
  t.equal((await probe(['sh', '-c', 'echo "$SUNUP_ROOT"'])).stdout, `${root}\n`)
  t.equal((await probe(['pwd'], { cwd: '/srv' })).stdout, `${root}/srv\n`)
  t.equal((await probe(['pwd'])).stdout, `${root}\n`)
})

t.test('input is given whole, and a command that does not read it is not failed by it', async t => {
  const { run } = ground()
  const text = 'ä\n'.repeat(100_000)
  t.equal((await run(['cat'], { input: text })).stdout, text)
  t.equal((await run(['true'], { input: text })).code, 0)
})

t.test('without input standard input is empty', async t => {
  t.equal((await ground().run(['cat'])).stdout, '')
})

t.test('lines are told as they come, each with its stream', async t => {
  const told: string[] = []
  await ground().run(['sh', '-c', 'echo one; echo two >&2; printf three'], { onLine: (stream, line) => told.push(`${stream} ${line}`) })
  t.strictSame(told.sort(), ['stderr two', 'stdout one', 'stdout three'])
})

t.test('a character cut in two by the pipe stays one', async t => {
  const { stdout } = await ground().run(node('process.stdout.write(Buffer.from([0xe2])); setTimeout(() => process.stdout.write(Buffer.from([0x82, 0xac])), 50)'))
  t.equal(stdout, '€')
})

t.test('a command killed by a signal is no answer', async t => {
  await t.rejects(ground().probe(['sh', '-c', 'kill -SEGV $$']), { code: 'command.failed', message: /ended by SIGSEGV/ })
})

t.test('an aborted signal ends the command and what it started, and its reason is thrown', async t => {
  const pids = join(t.testdir(), 'pids')
  const controller = new AbortController()
  const running = ground().run(['sh', '-c', `sleep 1000 & echo $! $$ > ${pids}; wait`], { signal: controller.signal })
  await until(() => reads(pids).endsWith('\n'))
  const [child, shell] = reads(pids).trim().split(' ').map(Number) as [number, number]
  const reason = new Failure('run.deadline', 'the deadline has passed')
  controller.abort(reason)
  await t.rejects(running, reason)
  await until(() => !isAlive(child) && !isAlive(shell))
})

t.test('what does not heed SIGTERM is killed', async t => {
  const pids = join(t.testdir(), 'pids')
  const controller = new AbortController()
  const running = ground().run(['sh', '-c', `trap '' TERM; echo $$ > ${pids}; while :; do sleep 1; done`], { signal: controller.signal })
  await until(() => reads(pids).endsWith('\n'))
  controller.abort(new Failure('signal.term', 'asked to end'))
  await t.rejects(running, { code: 'signal.term' })
  await until(() => !isAlive(Number(reads(pids))))
})

t.test('nothing is started on a signal that is aborted already', async t => {
  const mark = join(t.testdir(), 'mark')
  await t.rejects(ground().run(['touch', mark], { signal: AbortSignal.abort(new Failure('signal.int', 'asked to end')) }), { code: 'signal.int' })
  t.notOk(existsSync(mark))
})

t.test('a daemon that keeps the pipe open is not waited for', async t => {
  const { stdout } = await ground().run(['sh', '-c', 'sleep 1000 & echo $!'])
  t.ok(isAlive(Number(stdout)))
  process.kill(Number(stdout))
})

t.test('of very much output the last is kept', async t => {
  const { stdout } = await ground().run(node('const line = "x".repeat(999) + "\\n"; for (let i = 0; i < 20000; i++) process.stdout.write(line); process.stdout.write("end")'))
  t.ok(stdout.endsWith('end'))
  t.ok(stdout.length < 5 * 1024 * 1024)
})

t.test('as the user who runs us nothing needs to be changed', async t => {
  const { uid, gid, username } = userInfo()
  const { probe } = ground('/', [{ name: username, uid, gid, home: '/home/of-mine', shell: '/bin/sh' }])
  t.equal((await probe(['sh', '-c', 'echo "$(id -u) $HOME $USER"'], { user: username })).stdout, `${uid} /home/of-mine ${username}\n`)
})

t.test('a user that is not there is absent', async t => {
  await t.rejects(ground().run(['true'], { user: 'nobody-here' }), { code: 'absent.user', subject: 'nobody-here' })
})

t.test('another user is taken on', { skip: isRoot ? false : 'only root can become another user' }, async (t: Test) => {
  const { run } = ground('/', [{ name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent', shell: '/usr/sbin/nologin' }])
  t.equal((await run(['sh', '-c', 'echo "$(id -u) $(id -g) $HOME $LOGNAME"'], { user: 'nobody' })).stdout, '65534 65534 /nonexistent nobody\n')
})

t.test('becoming another user without root is refused', { skip: isRoot ? 'root can become another user' : false }, async (t: Test) => {
  const { run } = ground('/', [{ name: 'other', uid: 1, gid: 1, home: '/', shell: '/bin/sh' }])
  await t.rejects(run(['true'], { user: 'other' }), { code: 'command.failed', message: /needs root/ })
})

t.test('a staging root that is not there yet is an empty directory to a command, and stays away', async t => {
  const root = join(t.testdir({}), 'nowhere')
  const { probe } = ground(root)
  t.strictSame(await probe(['sh', '-c', 'ls -A; test -e "$SUNUP_ROOT" || echo "$SUNUP_ROOT"']), { code: 0, stdout: `${root}\n`, stderr: '' })
  const { stdout } = await probe(['pwd'])
  t.notOk(existsSync(stdout.trim()), 'it is taken away again')
  t.notOk(existsSync(root))
})

t.test('of a line without an end the beginning is told, and shown', async t => {
  const told: string[] = []
  const script = 'process.stdout.write("first\\r\\n" + "x".repeat(3e6) + "y\\nlast"); process.exitCode = 1'
  const failure = await ground().run(node(script), { onLine: (_stream, line) => told.push(line) }).then(() => undefined, error => error as Failure)
  t.strictSame(told, ['first', `${'x'.repeat(4096)}…`, 'last'])
  t.equal(failure?.output, `first\r\n${'x'.repeat(4096)}…\nlast`)
})
