import t from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync, linkSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bootMark, readBootMark } from '../../src/machine/boot.ts'

const BOOT_ID = '15df4b4c-8354-4733-9e07-3986b9b9db82'

/** procfs as a machine has it that was started at this second; process 1 came `ticks` hundredths of a second later. */
function proc(btime: number, ticks: number, bootId = BOOT_ID) {
  // The name of process 1 may hold anything.
  const stat = `1 (in) it (x) S 0 0 0 0 -1 4194560 39340 669986 0 688 52 286 1517 649 20 0 13 0 ${ticks} 50831360 4562\n`
  return { stat: `cpu  1 2 3\nbtime ${btime}\nprocesses 9\n`, 1: { stat }, sys: { kernel: { random: { boot_id: `${bootId}\n` } } } }
}

t.test('the mark is the boot time, with the start of process 1, and the kernel’s boot_id', async t => {
  const dir = t.testdir({ proc: proc(1_700_000_000, 25) })
  t.equal(bootMark(join(dir, 'run'), join(dir, 'proc')).bootId, `1700000000250-${BOOT_ID}`)
})

t.test('it is taken once a boot: a clock that is set later does not move it', async t => {
  const dir = t.testdir({ run: {}, proc: proc(1_700_000_000, 25) })
  const first = bootMark(join(dir, 'run'), join(dir, 'proc'))
  writeFileSync(join(dir, 'proc/stat'), 'btime 1700009999\n')
  t.strictSame(bootMark(join(dir, 'run'), join(dir, 'proc')), first)
  t.strictSame(readBootMark(join(dir, 'run'), join(dir, 'proc')), first)
  t.strictSame(readdirSync(join(dir, 'run')), ['boot'], 'nothing is left beside it')
})

t.test('the mark of another boot is made anew', async t => {
  const dir = t.testdir({ run: {}, one: proc(1_700_000_000, 25), two: proc(1_700_005_000, 25, 'another'), three: proc(1_700_005_000, 999, 'another') })
  const run = join(dir, 'run')
  bootMark(run, join(dir, 'one'))
  t.equal(bootMark(run, join(dir, 'two')).bootId, '1700005000250-another', 'another kernel')
  t.equal(bootMark(run, join(dir, 'three')).bootId, '1700005009990-another', 'the same kernel and another process 1: a container')
})

t.test('a torn mark is made anew', async t => {
  const dir = t.testdir({ run: { boot: '{"bootId":"17000' }, proc: proc(1_700_000_000, 0) })
  t.equal(bootMark(join(dir, 'run'), join(dir, 'proc')).bootId, `1700000000000-${BOOT_ID}`)
})

t.test('a plan reads the same and writes nothing', async t => {
  const dir = t.testdir({ proc: proc(1_700_000_000, 25) })
  t.equal(readBootMark(join(dir, 'run'), join(dir, 'proc')).bootId, `1700000000250-${BOOT_ID}`)
  t.notOk(existsSync(join(dir, 'run')))
})

t.test('process 1 that may not be seen is done without', async t => {
  const { 1: _hidden, ...rest } = proc(1_700_000_000, 25)
  const dir = t.testdir({ proc: rest, run: {} })
  t.equal(bootMark(join(dir, 'run'), join(dir, 'proc')).bootId, `1700000000000-${BOOT_ID}`)
})

t.test('without /proc it says so', async t => {
  t.throws(() => bootMark(join(t.testdir({}), 'run'), '/nowhere'), { code: 'file.denied', hint: /Linux/ })
})

const ownMounts = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0 ? false : 'no mount namespaces for this user here'

t.test('on a disk that is full it says what to do', { skip: ownMounts }, async t => {
  const run = join(t.testdir({ run: {} }), 'run')
  const program = `import { bootMark } from '${resolve(import.meta.dirname, '../../src/machine/boot.ts')}'
try { bootMark('${run}') } catch ({ code, hint }) { console.log(JSON.stringify({ code, hint })) }`
  const script = 'mount -t tmpfs -o size=4k tmpfs "$1" && echo > "$1/filler" && "$2" --input-type=module-typescript --eval "$3"'
  const { stdout } = spawnSync('unshare', ['-rm', '/bin/sh', '-c', script, 'sh', run, process.execPath, program], { encoding: 'utf8' })
  t.match(JSON.parse(stdout), { code: 'disk.full', hint: /^Free space on that file system/ })
})

t.test('the run directory is open to the web server, whatever the umask', async t => {
  const dir = t.testdir({ proc: proc(1_700_000_000, 25) })
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))
  bootMark(join(dir, 'run'), join(dir, 'proc'))
  t.equal(statSync(join(dir, 'run')).mode & 0o777, 0o755)
  t.match(JSON.parse(readFileSync(join(dir, 'run/boot'), 'utf8')), { initStart: 25 })
})

t.test('what a process that died had staged is taken away by the next', async t => {
  const { pid } = spawnSync('true')
  const dir = t.testdir({ proc: proc(1_700_000_000, 25), run: { [`boot.${pid}.new`]: 'torn' } })
  bootMark(join(dir, 'run'), join(dir, 'proc'))
  t.strictSame(readdirSync(join(dir, 'run')), ['boot'], 'before it was made')
  linkSync(join(dir, 'run/boot'), join(dir, `run/boot.${pid}.new`))
  bootMark(join(dir, 'run'), join(dir, 'proc'))
  t.strictSame(readdirSync(join(dir, 'run')), ['boot'], 'and after')
})
