import t from 'tap'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { list } from 'tar'
import { HIDDEN } from '../../scripts/package/launcher.ts'

const checkout = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
const top = `sunup-${version}`
const archive = `${top}-linux-${process.arch}.tar.gz`

const scratch = t.testdir({ out: {}, unpacked: {}, elsewhere: { 'with a space': {} }, 'sunup.yaml': 'cloud: local\n' })
const out = join(scratch, 'out')
const home = join(scratch, 'unpacked', top)
const sunup = join(home, 'bin/sunup')

const packaged = makePackage(checkout, '--out', out)
if (packaged.status !== 0) throw new Error(packaged.stderr)
execFileSync('tar', ['xzf', join(out, archive), '-C', join(scratch, 'unpacked')])

t.test('the same sources make the same bytes, wherever they lie, and whatever the umask, the time zone and the language', async t => {
  // A checkout of its own: other directories, other times, other modes.
  const other = join(scratch, 'elsewhere/with a space')
  for (const part of ['bin', 'LICENSE', 'package.json', 'recipes', 'roles', 'templates', 'packer', 'cloud-init', 'skeleton', 'scripts', 'src', 'tsconfig.json', 'tsconfig.types.json']) {
    if (existsSync(join(checkout, part))) cpSync(join(checkout, part), join(other, part), { recursive: true })
  }
  execFileSync('chmod', ['-R', 'go-rwx', other])
  symlinkSync(join(checkout, 'node_modules'), join(other, 'node_modules'))
  // Nor does it count what they are put into.
  const outside = mkdtempSync(join(tmpdir(), 'sunup-package-'))
  t.teardown(() => rmSync(outside, { recursive: true }))
  const again = spawnSync('sh', ['-c', 'umask 077 && cd / && exec "$@"', 'sh', process.execPath, join(other, 'scripts/package.ts'), '--out', outside], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'Asia/Tokyo', LC_ALL: 'C' },
  })
  t.equal(again.status, 0, again.stderr)
  t.equal(sum(join(outside, archive)), sum(join(out, archive)))
})

t.test('SHA256SUMS lies beside it, as sha256sum writes it', async t => {
  t.equal(readFileSync(join(out, 'SHA256SUMS'), 'utf8'), `${sum(join(out, archive))}  ${archive}\n`)
  t.strictSame(readdirSync(out).sort(), ['SHA256SUMS', archive], 'and nothing else is left')
})

t.test('everything lies below one directory, is nobody’s, readable by all, writable by its owner alone', async t => {
  const entries: { readonly path: string; readonly mode: number; readonly uid: number }[] = []
  await list({ file: join(out, archive), onReadEntry: ({ path, mode = 0, uid = 0 }) => entries.push({ path, mode, uid }) })
  t.strictSame(entries.filter(({ path }) => !path.startsWith(`${top}/`)), [])
  t.strictSame(entries.filter(({ mode, uid }) => uid !== 0 || ![0o755, 0o644].includes(mode)), [])
  const files = entries.map(({ path }) => path.slice(top.length + 1))
  t.ok(['bin/sunup', 'runtime/node', 'runtime/LICENSE', 'LICENSE', 'program/bin/sunup.js', 'program/dist/main.cjs', 'program/dist/licences.txt', 'program/package.json'].every(file => files.includes(file)))
  t.strictSame(files.filter(file => /^program\/(?:dist\/cache|dist\/inputs\.json|src|node_modules)/.test(file)), [], 'nothing that one machine made for itself')
})

t.test('the licence of every library in the bundle comes along', async t => {
  const text = readFileSync(join(home, 'program/dist/licences.txt'), 'utf8')
  for (const name of ['zod', 'yaml', 'mustache', 'commander', 'diff', 'tar', 'zx', 'simple-git', '@aws-sdk/client-ec2', '@aws-sdk/client-dynamodb', '@smithy/core']) {
    t.match(text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'))
  }
  t.match(text, /Permission is hereby granted/)
  t.match(text, /Apache License\s+Version 2\.0/)
  t.notMatch(text, /^(?:tap|typescript|esbuild) \d/m)
  t.match(readFileSync(join(home, 'runtime/LICENSE'), 'utf8'), /Node\.js is licensed for use as follows/)
})

t.test('it runs with nothing around it: no environment, no PATH, from any directory, from wherever it lies', async t => {
  t.match(run(sunup, ['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
  t.match(run(sunup, ['--version'], { PATH: '' }), { status: 0, stdout: `${version}\n` })
  t.match(run(sunup, ['plan', '--help']), { status: 0, stdout: /Usage: sunup plan/ })
  const moved = join(scratch, 'elsewhere/$x "y" \'z\'\n')
  renameSync(home, moved)
  t.match(run(join(moved, 'bin/sunup'), ['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
  renameSync(moved, home)
})

t.test('it runs through links of every kind', async t => {
  const links = t.testdir({ bin: {}, opt: {} })
  const run = (name: string, cwd = '/') => spawnSync('/usr/bin/env', ['-i', name, '--version'], { cwd, encoding: 'utf8' })
  symlinkSync(home, join(links, 'opt/sunup'))
  symlinkSync('../opt/sunup/bin/sunup', join(links, 'bin/relative'))
  symlinkSync(join(links, 'opt/sunup/bin/sunup'), join(links, 'bin/sunup'))
  symlinkSync('relative', join(links, 'bin/chain\n'))
  symlinkSync(join(home, 'bin'), join(links, 'directory'))
  for (const name of ['opt/sunup/bin/sunup', 'bin/relative', 'bin/sunup', 'bin/chain\n', 'directory/sunup']) {
    t.match(run(join(links, name)), { status: 0, stdout: `${version}\n`, stderr: '' }, name)
  }
  t.match(run('./bin/relative', links), { status: 0, stdout: `${version}\n` })
  t.match(run('../directory/sunup', join(links, 'bin')), { status: 0, stdout: `${version}\n`, stderr: '' })
  const withCdPath = spawnSync('/usr/bin/env', ['-i', 'CDPATH=/usr', 'bin/sunup', '--version'], { cwd: home, encoding: 'utf8' })
  t.match(withCdPath, { status: 0, stdout: `${version}\n`, stderr: '' })
  const byName = spawnSync('/usr/bin/env', ['-i', '/bin/sh', 'sunup', '--version'], { cwd: join(home, 'bin'), encoding: 'utf8' })
  t.match(byName, { status: 0, stdout: `${version}\n` })
})

t.test('arguments and the exit code are passed on as they are', async t => {
  t.match(run(sunup, ['plan', '--role', 'a b', '--confg', '*']), { status: 64, stderr: /--confg/ })
  t.match(run(sunup, ['check', '--source', join(scratch, 'no "such" $place')]), { status: 78, stderr: /no "such" \$place/ })
})

t.test('another Node on the PATH, and what an application tells its Node, do not matter', async t => {
  const path = t.testdir({ node: '#!/bin/sh\necho another node >&2\nexit 9\n' })
  execFileSync('chmod', ['+x', join(path, 'node')])
  const env = {
    PATH: `${path}:${process.env.PATH}`,
    NODE_OPTIONS: '--require=/nonexistent/agent.js --no-such-option',
    NODE_PATH: '/nonexistent',
    NODE_V8_COVERAGE: join(path, 'coverage'),
    NODE_COMPILE_CACHE: join(path, 'compiled'),
    NODE_REDIRECT_WARNINGS: join(path, 'warnings'),
    NODE_DEBUG: 'module,fs',
    NODE_CHANNEL_FD: '9',
    NODE_UNIQUE_ID: '1',
    OPENSSL_CONF: '/nonexistent/openssl.cnf',
    LD_LIBRARY_PATH: '/nonexistent',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
  }
  t.strictSame(Object.keys(env).filter(name => name !== 'PATH' && !HIDDEN.includes(name)), [])
  t.match(run(sunup, ['--version'], env), { status: 0, stdout: `${version}\n`, stderr: '' })
  t.strictSame(readdirSync(path), ['node'], 'nothing is written for them')
})

t.test('a command gets the variables that its recipe gives it, Node’s too', async t => {
  const infra = t.testdir({
    'sunup.yaml': 'cloud: local\n',
    'instance.yaml': 'id: i-1\nsecurityGroups: [app]\n',
    roles: { 'app.yaml': 'recipes:\n  - app\n' },
    recipes: {
      app: {
        'recipe.ts': `import { execute, recipe } from 'sunup'
export default recipe({
  description: 'Runs the application once.',
  resources: () => [execute({ name: 'app', argv: ['/bin/sh', '-c', 'echo "$NODE_OPTIONS" > options'], env: { NODE_OPTIONS: '--its-own' }, creates: '/options' })],
})
`,
      },
    },
  })
  const boot = spawnSync('/usr/bin/env', ['-i', 'NODE_OPTIONS=--of-somebody', sunup, 'boot', '--root', 'root'], { cwd: infra, encoding: 'utf8' })
  t.equal(boot.status, 0, boot.stdout + boot.stderr)
  t.equal(readFileSync(join(infra, 'root/options'), 'utf8'), '--its-own\n')
})

t.test('what is compiled is kept with the program, where it can be written', async t => {
  const cache = join(home, 'program/dist/cache')
  rmSync(cache, { recursive: true, force: true })
  const close = ['close', '--root', join(scratch, 'root'), '--config', join(scratch, 'sunup.yaml')]
  t.match(run(sunup, close), { status: 0 })
  t.ok(readdirSync(cache).some(name => name.endsWith('-close')))
  rmSync(cache, { recursive: true })
  // A file in its place is what can't be written to, for root too.
  writeFileSync(cache, '')
  t.match(run(sunup, close), { status: 0, stderr: '' })
  rmSync(cache)
})

t.test('on a machine of another architecture it says so, and ends with 1', async t => {
  const launcher = (machine: string) => {
    const text = readFileSync(sunup, 'utf8').replaceAll(/\/lib\S*\/ld-[\w-]+\.so\.\d/g, '/lib/ld-of-another.so.1').replaceAll(/\b(?:x86_64|aarch64)\b/g, machine)
    const file = join(t.testdir({ sunup: text }), 'sunup')
    execFileSync('chmod', ['+x', file])
    return file
  }
  t.match(run(launcher('riscv64'), ['boot']), { status: 1, stdout: '', stderr: /^sunup: this archive is for riscv64 .*this machine is (?:x86_64|aarch64)\. Install the archive for its architecture\.\n$/ })
  const own = execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim()
  t.match(run(launcher(own), ['boot']), { status: 1, stderr: /^sunup: this system has no \/lib\/ld-of-another\.so\.1\. .*GNU C library/ })
})

t.test('an archive that was not unpacked whole is told as one', async t => {
  const half = t.testdir({ bin: {} })
  cpSync(sunup, join(half, 'bin/sunup'))
  t.match(run(join(half, 'bin/sunup'), ['boot']), { status: 1, stderr: /runtime\/node is not there or can't be run .*Unpack the archive again/ })
})

t.test('a Node that npm can’t have is told with its name, and nothing is made', async t => {
  const directory = t.testdir({ cache: {}, out: {} })
  const env = { ...process.env, npm_config_registry: 'http://127.0.0.1:9/', npm_config_cache: join(directory, 'cache'), npm_config_fetch_retries: '0' }
  const other = process.arch === 'x64' ? 'arm64' : 'x64'
  const made = spawnSync(process.execPath, [join(checkout, 'scripts/package.ts'), '--arch', other, '--out', join(directory, 'out')], { encoding: 'utf8', env })
  t.match(made, { status: 1, stdout: '', stderr: new RegExp(`npm can't have node-linux-${other}@24\\.[\\d.]+, which carries Node for ${other}:\n[^]*ECONNREFUSED`) })
  t.strictSame(readdirSync(join(directory, 'out')), [])
})

t.test('an architecture that there is no archive for is wrong usage', async t => {
  t.match(makePackage(checkout, '--arch', 'mips', '--out', join(scratch, 'none')), { status: 1, stderr: /--arch is x64 or arm64, not mips/ })
  t.notOk(existsSync(join(scratch, 'none')))
})

t.test('it is small', async t => {
  t.ok(statSync(join(out, archive)).size < 45_000_000)
})

function makePackage(from: string, ...args: string[]) {
  mkdirSync(join(scratch, 'out'), { recursive: true })
  return spawnSync(process.execPath, [join(from, 'scripts/package.ts'), ...args], { cwd: from, encoding: 'utf8' })
}

/** With nothing in its environment but what is given. By env: a test runner adds to what it starts. */
function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync('/usr/bin/env', ['-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), program, ...args], { cwd: '/', encoding: 'utf8' })
}

function sum(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
