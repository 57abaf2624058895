import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Report } from '../../src/core/report.ts'
import { premises, recipeText, SMALL } from '../support/repository.ts'

t.setTimeout(120_000)

/** Of each kind: an image can have the first and the last recipe, and neither starts a service nor knows the instance. */
const ROLE = `securityGroups: [demo]
recipes:
  - files: [{ path: /etc/app.conf, content: "threads = 4\\n" }]
  - mine
  - every
  - eip
  - registry
`
const RECIPES = {
  'recipes/mine/recipe.ts': recipeText("[file({ path: '/etc/id', content: instance.id })]"),
  'recipes/every/recipe.ts': recipeText("[execute({ name: 'tick', argv: ['true'] }), directory({ path: '/srv/app' })]"),
}

t.test('report tells what a boot changed that an image could have had, and nothing else', async t => {
  const where = premises(t, { role: ROLE, files: RECIPES })
  t.equal((await where.sunup('boot')).code, 0)
  const { worthBaking, resources } = JSON.parse((await where.sunup('report', '--format', 'json')).stdout) as Report
  t.strictSame(worthBaking?.resources.map(({ id }) => id).sort(), ['directory[/srv/app]', 'file[/etc/app.conf]'])
  const together = worthBaking?.resources.reduce((sum, { durationMs }) => sum + durationMs, 0) ?? 0
  t.ok(together > 0 && Math.abs((worthBaking?.durationMs ?? 0) - together) < 0.01)
  t.strictSame(Object.fromEntries(resources.map(({ id, phase, leftToBoot }) => [id, [phase, leftToBoot]])), {
    'file[/etc/app.conf]': ['prepare', null],
    'file[/etc/id]': ['prepare', 'left to boot: recipe mine reads instance.id'],
    'execute[tick]': ['prepare', 'runs in every boot'],
    'directory[/srv/app]': ['prepare', null],
    'address[tag allocation-id]': ['activate', 'left to boot: recipe eip activates'],
    'registry[demo]': ['activate', 'left to boot: recipe registry activates'],
  })
  const { stdout } = await where.sunup('report')
  t.match(stdout, /\nworth baking: 2 resources that an image could have had, [\d.]+ m?s together\n( +[\d.]+ m?s {2}(directory\[\/srv\/app\]|file\[\/etc\/app\.conf\])\n){2}/)
})

t.test('what report calls worth baking is what a bake takes from the boot after it', async t => {
  const where = premises(t, { role: ROLE, files: RECIPES })
  t.equal((await where.sunup('bake', '--role', 'demo')).code, 0)
  t.equal((await where.sunup('boot')).code, 0)
  t.strictSame((JSON.parse((await where.sunup('report', '--format', 'json')).stdout) as Report).worthBaking, { durationMs: 0, resources: [] })
  t.notMatch((await where.sunup('report')).stdout, 'worth baking')
})

t.test('report --html writes one page, for its owner alone, and says where', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const file = join(where.tmp, 'report.html')
  const ran = await where.sunup('report', '--html', file)
  t.match(ran, { code: 0, stdout: new RegExp(`^run \\S+: ${file}\\n$`), stderr: '' })
  const page = readFileSync(file, 'utf8')
  t.match(page, /^<!doctype html>[^]*<\/html>\n$/)
  for (const said of ['boot of demo', 'i-0demo', 'file[/etc/motd]', 'address[', 'gate open', 'Worth baking']) t.match(page, said)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.strictSame(readdirSync(where.tmp).filter(name => /sunup-new|report/.test(name)), ['report.html'], 'and nothing beside it')
})

t.test('of a run by its id, to standard output, and of a plan, a failed run and one that was killed', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const first = readdirSync(join(where.state, 'runs'))[0] as string
  where.edit('roles/demo.yaml', 'path: /etc/motd', 'path: /etc')
  t.equal((await where.sunup('boot')).code, 1)
  t.match(await where.sunup('report', first, '--html', '-'), { code: 0, stdout: /^<!doctype html>[^]*gate open[^]*<\/html>\n$/ })
  t.match(await where.sunup('report', '--html', '-'), { code: 0, stdout: /What failed[^]*file\[\/etc\]/ })
  const directory = join(where.state, 'runs', first)
  rmSync(join(directory, 'report.json'))
  const events = readFileSync(join(directory, 'events.ndjson'), 'utf8')
  writeFileSync(join(directory, 'events.ndjson'), events.slice(0, events.indexOf('"resource.finished"')))
  t.match(await where.sunup('report', first, '--html', '-'), { code: 0, stdout: /No end was told[^]*file\[\/etc\/motd\]/ })
})

t.test('a page that was there stays until the new one is complete, and a link is written through', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const file = join(where.tmp, 'report.html')
  const link = join(where.tmp, 'link.html')
  writeFileSync(file, 'the old one')
  symlinkSync('report.html', link)
  t.equal((await where.sunup('report', '--html', link)).code, 0)
  symlinkSync('new.html', join(where.tmp, 'dangling.html'))
  t.equal((await where.sunup('report', '--html', join(where.tmp, 'dangling.html'))).code, 0)
  t.match(readFileSync(join(where.tmp, 'new.html'), 'utf8'), /^<!doctype html>/i)
  t.match(readFileSync(file, 'utf8'), /<\/html>\n$/)
  t.equal(readFileSync(link, 'utf8'), readFileSync(file, 'utf8'))
})

t.test('where no page can be written nothing is, and it is said why', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const absent = join(where.tmp, 'absent')
  t.match(await where.sunup('report', '--html', join(absent, 'report.html')), { code: 1, stdout: '', stderr: /absent does not exist, so report\.html can't be written[^]*mkdir -p / })
  t.notOk(existsSync(absent))
  t.match(await where.sunup('report', '--html', where.tmp), { code: 1, stderr: /is a directory[^]*report\.html/ })
  writeFileSync(join(where.tmp, 'file'), '')
  t.match(await where.sunup('report', '--html', join(where.tmp, 'file', 'report.html')), { code: 1, stderr: /is no directory|not a directory/ })
  t.match(await where.sunup('report', '--html', '/dev/null'), { code: 1, stderr: /no regular file[^]*--html -/ })
  t.equal(statSync('/dev/null').isCharacterDevice(), true)
})

t.test('a page that can’t be put in its place leaves the old one as it was', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const directory = join(where.tmp, 'mine')
  mkdirSync(directory)
  writeFileSync(join(directory, 'report.html'), 'the old one')
  // As on a disk that is full: no file may grow beyond 4 KiB.
  const cramped = { node: '/bin/sh', nodeArgs: ['-c', 'trap "" XFSZ; ulimit -f 8; exec "$0" "$@"', process.execPath] }
  t.match(await where.sunupWith(cramped, 'report', '--html', join(directory, 'report.html')), { code: 1, stdout: '', stderr: /report\.html/ })
  t.equal(readFileSync(join(directory, 'report.html'), 'utf8'), 'the old one')
  t.strictSame(readdirSync(directory), ['report.html'])
})

t.test('two kinds of answers are refused, before anything is looked for', async t => {
  const where = premises(t, { role: SMALL })
  t.match(await where.sunup('report', '--html', '-', '--format', 'json'), { code: 64, stderr: /--format json are two kinds of answers/ })
  t.match(await where.sunup('report', '--html', '-', '--list'), { code: 64, stderr: /--list are two kinds/ })
  t.match(await where.sunup('report', '--html', ''), { code: 64, stderr: /--html needs a file/ })
  t.match(await where.sunup('report', '--html'), { code: 64 })
  t.match(await where.sunup('report', '--html', '-'), { code: 1, stdout: '', stderr: /no run yet/ })
})

t.test('a secret is in no page', async t => {
  const secret = 'tr0ub4dor&3'
  const where = premises(t, {
    role: 'securityGroups: [demo]\nrecipes:\n  - keyed: { key: { secret: "file:{{dir}}/key" } }\n',
    files: { 'recipes/keyed/recipe.ts': recipeText("[file({ path: '/etc/key', content: params.key, mode: '0600' })]", 'z.object({ key: secret() })') },
  })
  writeFileSync(join(where.dir, 'key'), `${secret}\n`)
  const boot = await where.sunup('boot')
  t.equal(boot.code, 0, boot.stderr)
  const { stdout } = await where.sunup('report', '--html', '-')
  t.match(stdout, '(secret)')
  t.notMatch(stdout, 'tr0ub4dor')
})
