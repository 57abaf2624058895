import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bootHere } from '../support/boot-here.ts'
import { hastyClock } from '../support/fake-clock.ts'
import { httpServer } from '../support/git-repository.ts'
import { PROGRAM } from '../support/program.ts'
import { premises, SMALL } from '../support/repository.ts'

/** Below the test's directory, for a machine that is no staging root. */
const HERE = SMALL.replace('/etc/motd', '{{dir}}/root/etc/motd')
const HOOK = { '.sunup/cloud/lifecycle.json': '{ "target": "InService", "hook": true }' }

t.test('a probe that answers as it should lets the gate open, and saw it closed', async t => {
  const seen: boolean[] = []
  const url = await httpServer(t, (_request, response) => {
    seen.push(existsSync(where.health))
    response.end('the app')
  })
  const where = premises(t, { staged: false, role: `${HERE}health: { probe: { url: "${url}/", contains: app } }\n`, files: HOOK })
  const { exitCode, events } = await bootHere(where)
  t.equal(exitCode, 0)
  t.strictSame(seen, [false], 'it was asked once, and before anything opened')
  t.ok(existsSync(where.health))
  t.match(events.filter(event => event.type === 'resource.finished').at(-1), { id: `probe[${url}/]`, outcome: 'unchanged' })
  t.strictSame(where.answers().map(({ answer }) => answer), ['ready'])
})

t.test('a probe that fails keeps the gate closed', async t => {
  const url = await httpServer(t, (_request, response) => response.writeHead(503).end('no upstream\n'))
  const where = premises(t, { staged: false, role: `${HERE}health: { probe: { url: "${url}/", within: 200ms } }\n`, files: HOOK })
  const { code, stdout } = await where.sunup('boot')
  t.equal(code, 1)
  t.match(stdout, /it answered 503, expected 200/)
  t.match(stdout, 'no upstream', 'and what the server said')
  t.notOk(existsSync(where.health))
  t.match(where.rows(), [{ state: 'failed', failure: /503[^]*no upstream/ }])
  t.match(where.answers(), [{ answer: 'failed', reason: /503/ }])
  t.match(where.report(), { gate: 'closed', exitCode: 1, counts: { failed: 1 } })
})

t.test('a health URL that does not answer takes the file and the row back again', async t => {
  const seen: (string | undefined)[] = []
  const url = await httpServer(t, (_request, response) => {
    seen.push(existsSync(where.health) ? where.rows()[0]?.state : 'no file')
    response.writeHead(404).end()
  })
  const where = premises(t, { staged: false, role: `${HERE}health: { url: "${url}/ping.html" }\n`, files: HOOK })
  const { exitCode, failure, events } = await bootHere(where, { clock: hastyClock() })
  t.equal(exitCode, 1)
  t.match(failure?.message, /health URL does not answer.*404/)
  t.ok(seen.length > 1 && seen.every(state => state === 'in-service'), 'it was asked with the file there')
  t.notOk(existsSync(where.health))
  t.match(where.rows(), [{ state: 'failed', failure: /404/ }])
  t.strictSame(where.answers().map(({ answer }) => answer), ['failed'], 'the hook was not completed')
  const steps = events.flatMap(event => ((event.type === 'gate.opened' || event.type === 'gate.closed') && event.step ? [`${event.type} ${event.step}`] : []))
  t.strictSame(steps.slice(2, 7), ['gate.opened registry', 'gate.opened health', 'gate.closed url', 'gate.closed health', 'gate.closed registry'])
})

const FAILING = SMALL.replace('path: /etc/motd', 'path: "{{dir}}/infra/roles"')

t.test('the group is told of a failure when nobody looks on', async t => {
  const where = premises(t, { staged: false, role: FAILING })
  t.equal((await bootHere(where)).exitCode, 1)
  t.match(where.answers(), [{ answer: 'failed', reason: /infra\/roles/ }])
})

t.test('the group is not told of a failure that somebody sees', async t => {
  const where = premises(t, { staged: false, role: FAILING })
  t.equal((await bootHere(where, { attended: true })).exitCode, 1)
  t.strictSame(where.answers(), [])
  t.match(where.rows(), [{ state: 'failed', failure: /infra\/roles/ }], 'the row says it all the same')
})

for (const onFailure of ['none', 'hold']) {
  t.test(`with onFailure: ${onFailure} the group is not told`, async t => {
    const where = premises(t, { staged: false, role: `${FAILING}onFailure: ${onFailure}\n` })
    t.equal((await bootHere(where)).exitCode, 1)
    t.strictSame(where.answers(), [])
    t.match(where.rows(), [{ state: 'failed' }])
  })
}

const ownMounts = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0 ? false : 'no mount namespaces for this user here'

t.test('a disk that is full at any moment ends the boot with 1 and the gate closed', { skip: ownMounts }, async t => {
  const where = premises(t, { role: SMALL.replace('content: "hello\\n"', 'template: long.txt'), files: { 'templates/long.txt': 'a long line of text\n'.repeat(1_000) } })
  const ends = new Set<number>()
  for (const pages of [0, 1, 2, 3, 5, 8, 12, 16, 20, 24, 30, 60]) {
    const script = `mount -t tmpfs -o size=4M,nr_inodes=200 tmpfs "$1" && mkdir -p "$1/run/sunup/health" && echo stale > "$1/run/sunup/health/ping.html" || exit 99
fallocate -l $((4194304 - 4096 * (3 + ${pages}))) "$1/filler"
"$2" "$3" boot --config "$4" --root "$1"; code=$?
[ -e "$1/run/sunup/health/ping.html" ] && echo "the file is there"
exit $code`
    const ran = spawnSync('unshare', ['-rm', '/bin/sh', '-c', script, 'sh', where.root, process.execPath, PROGRAM, `${where.infra}/sunup.yaml`], { encoding: 'utf8', cwd: where.dir })
    ends.add(ran.status ?? -1)
    const isOpen = ran.stdout.includes('the file is there')
    t.equal(isOpen, ran.status === 0, `${pages} pages free: ended with ${ran.status}, the gate is ${isOpen ? 'open' : 'closed'}`)
    if (ran.status !== 0) t.match(ran.stdout + ran.stderr, /ENOSPC|disk|no space/i, `${pages} pages free: it says why`)
    if (/^failed: the run's record/m.test(ran.stdout + ran.stderr)) t.match(ran.stdout + ran.stderr, /hint: Free space on that file system/, `${pages} pages free: and what to do`)
    if (ran.status !== 0) t.notMatch(ran.stdout + ran.stderr, /^\s+at /m, `${pages} pages free: without a stack`)
  }
  t.strictSame([...ends].sort(), [0, 1], 'some failed with 1, some had room')
})

t.test('an instance that serves stays in traffic when only the record of its good revision can’t be written', async t => {
  const where = premises(t, { role: `${SMALL}  - registry\n` })
  mkdirSync(join(where.infra, '.git'), { recursive: true })
  writeFileSync(join(where.infra, '.git/HEAD'), `${'a'.repeat(40)}\n`)
  mkdirSync(where.cloud, { recursive: true })
  writeFileSync(join(where.cloud, 'revisions'), '')
  const { code, stderr } = await where.sunup('boot')
  t.equal(code, 0, stderr)
  t.match(stderr, /warning: that a{40} is good could not be recorded/)
  t.ok(existsSync(where.health))
})
