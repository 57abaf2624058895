import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { noteRun } from '../../src/engine/run-order.ts'
import { application, premises, recipeText, SMALL } from '../support/repository.ts'

t.test('report tells of the last run, and of any by its id, as text and as JSON', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  where.edit('roles/demo.yaml', 'path: /etc/motd', 'path: /etc')
  t.equal((await where.sunup('boot')).code, 1)
  const listed = await where.sunup('report', '--list')
  const ids = listed.stdout.trim().split('\n')
  t.strictSame(JSON.parse((await where.sunup('report', '--list', '--format', 'json')).stdout), ids)
  t.strictSame(ids, readdirSync(join(where.state, 'runs')).sort().reverse(), 'newest first')
  const last = await where.sunup('report')
  t.match(last, { code: 0, stdout: /file\[\/etc\][^]*exit code 1/ })
  t.match(JSON.parse((await where.sunup('report', '--format', 'json')).stdout), { run: ids[0], exitCode: 1, gate: 'closed', resources: [{ id: 'file[/etc]', outcome: 'failed' }, {}, {}] })
  t.match(JSON.parse((await where.sunup('report', ids[1] as string, '--format', 'json')).stdout), { run: ids[1], exitCode: 0, gate: 'open' })
  const missing = await where.sunup('report', `${ids[1]?.slice(0, -1)}x`)
  t.match(missing, { code: 1, stderr: ids[1] as string }, 'a misspelt id gets a suggestion')
})

t.test('before the first run report and status say that there was none', async t => {
  const where = premises(t, { role: SMALL })
  t.match(await where.sunup('report'), { code: 1, stderr: /no run yet/ })
  const status = await where.sunup('status', '--format', 'json')
  t.equal(status.code, 0)
  t.match(JSON.parse(status.stdout), { instance: 'i-0demo', gate: 'closed', report: null, debts: [], running: null })
})

t.test('status says whether traffic may come in, and what the last run was', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { role: 'demo', gate: 'open', healthFile: where.health, report: { exitCode: 0 } })
  where.edit('roles/demo.yaml', 'path: /etc/motd', 'path: /etc')
  t.equal((await where.sunup('boot')).code, 1)
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { gate: 'closed', healthFile: null, report: { exitCode: 1 } })
})

t.test('status names the commit of the repository', async t => {
  const where = premises(t, { role: SMALL })
  const source = application(t)
  source.commit({ 'roles/demo.yaml': SMALL })
  t.equal((await where.sunup('boot', '--source', source.dir)).code, 0)
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { revision: source.git('rev-parse', 'HEAD') })
  t.match(where.rows(), [{ revision: source.git('rev-parse', 'HEAD') }], 'and so does the row')
})

t.test('a run that is going on, and one that was killed, can be read', async t => {
  const where = premises(t, {
    role: SMALL.replace('recipes:', 'recipes:\n  - files: [{ path: /etc/first, content: x }]\n  - own'),
    files: { 'recipes/own/recipe.ts': recipeText(`[execute({ name: 'waits', argv: ['/bin/sh', '-c', 'touch "$SUNUP_ROOT/begun"; exec sleep 60'], runOn: ['file[/etc/first]'] })]`) },
  })
  const started = where.started({}, 'boot')
  while (!existsSync(join(where.root, 'begun'))) await new Promise(resolve => setImmediate(resolve))
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { running: { command: 'boot', pid: started.process.pid }, gate: 'closed' })
  started.process.kill('SIGKILL')
  t.equal((await started.end).signal, 'SIGKILL')
  const [run] = readdirSync(join(where.state, 'runs')) as [string]
  appendFileSync(join(where.state, 'runs', run, 'events.ndjson'), '{"type":"resource.fin')
  const report = await where.sunup('report', '--format', 'json')
  t.equal(report.code, 0)
  t.match(JSON.parse(report.stdout), { run, exitCode: null, finishedAt: null, gate: 'closed', counts: { changed: 1 }, resources: [{ id: 'file[/etc/first]', outcome: 'changed' }] })
  t.match(await where.sunup('report'), { code: 0, stdout: /file\[\/etc\/first\]/ })
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { running: null, gate: 'closed', debts: [{ id: 'execute[waits]', cause: 'file[/etc/first]' }] })
})

t.test('a boot that is killed in its first command has told what it was at, also while it goes on', async t => {
  const where = premises(t, {
    role: SMALL.replace('recipes:', 'recipes:\n  - own'),
    files: { 'recipes/own/recipe.ts': recipeText(`[execute({ name: 'waits', argv: ['/bin/sh', '-c', 'touch "$SUNUP_ROOT/begun"; exec sleep 60'], creates: '/made' })]`) },
  })
  const started = where.started({}, 'boot')
  while (!existsSync(join(where.root, 'begun'))) await new Promise(resolve => setImmediate(resolve))
  const [run] = readdirSync(join(where.state, 'runs')) as [string]
  const told = { run, role: 'demo', gate: 'closed', exitCode: null, finishedAt: null }
  t.match(JSON.parse((await where.sunup('report', '--format', 'json')).stdout), told)
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { running: { run }, begun: ['execute[waits]'], silent: null, report: told })
  started.process.kill('SIGKILL')
  await started.end
  t.match(JSON.parse((await where.sunup('report', run, '--format', 'json')).stdout), told)
  t.match((await where.sunup('status')).stdout, /no end is recorded[^]*cut off +execute\[waits\]/)
  t.match((await where.sunup('report')).stdout, /\n! execute\[waits\] was begun, and no end of it is recorded\n/)
})

t.test('a newest run that left nothing hides none of those before it', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  const [run] = readdirSync(join(where.state, 'runs')) as [string]
  noteRun(join(where.state, 'runs'), '99991231T235959.999-0000')
  mkdirSync(join(where.state, 'runs', '99991231T235959.999-0000'))
  t.match(await where.sunup('report'), { code: 0, stdout: run, stderr: /99991231T235959.999-0000 .*left no record: it was killed, or could write none/ })
  const named = await where.sunup('report', '99991231T235959.999-0000')
  t.match(named, { code: 1, stderr: /left no record/ })
  t.notMatch(named.stderr, 'Did you mean')
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { silent: '99991231T235959.999-0000', report: { run, exitCode: 0 } })
})

t.test('the last 20 runs are kept', async t => {
  const where = premises(t, { role: 'securityGroups: [demo]\nrecipes: []\n' })
  const all: string[] = []
  for (let run = 0; run < 22; run++) {
    const { code, events } = await where.sunup('boot', '--format', 'json')
    t.equal(code, 0)
    all.push(events()[0]?.run as string)
  }
  t.strictSame(readdirSync(join(where.state, 'runs')).sort(), all.slice(-20))
})

t.test('of a run without an identity a report is kept, too, and report and status find it', async t => {
  const where = premises(t, { role: SMALL })
  where.write({ 'instance.yaml': 'id: [\n' })
  t.equal((await where.sunup('boot')).code, 78)
  const unknown = readdirSync(join(where.state, '..')).find(name => name !== 'order')
  t.match(unknown, /^unknown-/)
  const { code, stdout } = await where.sunup('report', '--format', 'json')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { exitCode: 78, error: { message: /instance\.yaml/ } })
  t.match(JSON.parse((await where.sunup('status', '--format', 'json')).stdout), { instance: null, gate: 'closed', report: { exitCode: 78 } })
  const events = readFileSync(join(where.state, '..', unknown as string, 'runs', JSON.parse(stdout).run, 'events.ndjson'), 'utf8')
  t.match(JSON.parse(events.trim().split('\n').at(-1) as string), { type: 'run.finished', exitCode: 78 })
})
