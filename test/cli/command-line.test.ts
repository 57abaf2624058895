import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Event } from '../../src/core/events.ts'
import { EVERYWHERE, VERBS } from '../../src/cli/verbs.ts'
import { abreast, start } from '../support/program.ts'
import { premises, recipeText, SMALL } from '../support/repository.ts'

t.test('every option is taken before the command and after it', async t => {
  const where = premises(t, { role: SMALL.replace('demo', 'nobody') })
  const options = ['--config', join(where.infra, 'sunup.yaml'), '--source', where.infra, '--cloud', 'local', '--role', 'demo', '--root', where.root, '--format', 'json', '--verbose']
  const run = (...args: string[]) => start(args, { cwd: where.dir, env: { TMPDIR: where.tmp } }).end
  const pairs = ['--config', '--source', '--cloud', '--role', '--root', '--format'].map(name => [name, options[options.indexOf(name) + 1] as string])
  const mixed = [...pairs.slice(0, 3).flat(), 'plan', ...pairs.slice(3).flat(), '--verbose']
  const equals = ['plan', ...pairs.map(([name, value]) => `${name}=${value}`), '--verbose']
  for (const args of [[...options, 'plan'], ['plan', ...options], mixed, equals]) {
    const ran = await run(...args)
    t.equal(ran.code, 2, args.join(' '))
    t.match(ran.events().at(-1), { type: 'run.finished', role: 'demo', counts: { failed: 0 } })
  }
  t.notOk(existsSync(join(where.root, 'run')))
})

t.test('--format json writes events and nothing else, from the first to the last', async t => {
  const where = premises(t, {
    role: SMALL.replace('  - eip', '  - own\n  - eip'),
    files: { 'recipes/own/recipe.ts': recipeText("[execute({ name: 'says', argv: ['/bin/sh', '-c', 'echo one; echo two >&2'] })]") },
  })
  for (const [verb, code] of [['plan', 2], ['boot', 0], ['boot', 0]] as const) {
    const ran = await where.sunup(verb, '--format', 'json', '--verbose')
    t.equal(ran.code, code)
    t.equal(ran.stderr, '')
    const events = ran.events()
    balanced(t, events)
    t.ok(events.every(event => event.run === events[0]?.run && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(event.at)))
    if (verb === 'boot') t.match(events.filter(event => event.type === 'resource.output'), [{ id: 'execute[says]' }, { id: 'execute[says]' }])
  }
  where.edit('roles/demo.yaml', 'path: /etc/motd', 'path: /etc')
  const failed = await where.sunup('boot', '--format', 'json')
  t.equal(failed.code, 1)
  balanced(t, failed.events())
  t.match(failed.events().at(-1), { exitCode: 1, error: { code: 'file.kind', hint: /./ } })
})

function balanced(t: Test, events: readonly Event[]): void {
  t.match([events[0], events.at(-1)], [{ type: 'run.started' }, { type: 'run.finished' }])
  const ids = (type: Event['type']): string[] => events.flatMap(event => (event.type === type && 'id' in event ? [event.id] : []))
  t.strictSame(ids('resource.started').sort(), ids('resource.finished').sort(), 'what began has ended')
  const counts: Record<string, number> = { unchanged: 0, changed: 0, failed: 0, skipped: 0, pending: 0, unknown: 0 }
  for (const event of events) if (event.type === 'resource.finished') counts[event.outcome] = (counts[event.outcome] ?? 0) + 1
  t.match(events.at(-1), { counts }, 'the counts are the sum')
}

t.test('what is misspelt gets a suggestion, and 64', async t => {
  const misspelt: readonly (readonly [args: readonly string[], meant: RegExp])[] = [
    [['bot'], /boot/],
    [['paln'], /plan/],
    [['boot', '--rot', '/x'], /--root/],
    [['--fromat', 'json', 'plan'], /--format/],
    [['report', '--lists'], /--list/],
    [['plan', '--format', 'yaml'], /text, json/],
    [['plan', '--cloud', 'azure'], /aws, local/],
    [['boot', 'now'], /argument/],
    [['plan', '--root'], /--root/],
  ]
  await abreast(misspelt, async ([args, meant]) => {
    const { code, stdout, stderr } = await start(args).end
    t.equal(code, 64, `${args.join(' ')} ends with 64`)
    t.match(stderr, meant, `${args.join(' ')}: ${stderr.split('\n')[0]}`)
    t.equal(stdout, '', 'and nothing on standard output')
    t.notMatch(stderr, /^\s+at /m)
  })
})

t.test('--help of the program and of every command is complete', async t => {
  await abreast([undefined, ...VERBS], async verb => {
    const { code, stdout, stderr } = await start(verb ? [verb.name, '--help'] : ['--help']).end
    t.equal(code, 0)
    t.equal(stderr, '')
    for (const { flags } of [...EVERYWHERE, ...(verb?.options ?? [])]) t.match(stdout, flags, `${verb?.name ?? 'sunup'} --help tells of ${flags}`)
    if (verb) t.match(stdout.replace(/\s+/g, ' '), verb.summary.replace(/\s+/g, ' '))
    else for (const { name, summary } of VERBS) t.ok(stdout.includes(name) && stdout.replace(/\s+/g, ' ').includes(summary), `it lists ${name}`)
  })
})

t.test('--version is the version alone', async t => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  const { code, stdout, stderr } = await start(['--version']).end
  t.strictSame([code, stdout, stderr], [0, `${version}\n`, ''])
})

t.test('close empties the health directory, and says whether the gate was open', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  t.match(await where.sunup('close', '--format', 'json'), { code: 0, stdout: /"wasOpen":true/ })
  t.notOk(existsSync(where.health))
  t.match(await where.sunup('close'), { code: 0, stdout: /gate closed/ })
})

t.test('close works without role, source and identity, and with a broken sunup.yaml says so', async t => {
  const where = premises(t, { role: SMALL })
  t.equal((await where.sunup('boot')).code, 0)
  where.write({ roles: null, 'instance.yaml': null })
  t.equal((await where.sunup('close')).code, 0)
  t.notOk(existsSync(where.health))
  writeFileSync(where.health, 'open again')
  where.write({ 'sunup.yaml': 'cloud: [' })
  const broken = await where.sunup('close')
  t.equal(broken.code, 78)
  t.match(broken.stdout + broken.stderr, /sunup\.yaml:1/)
  t.notOk(existsSync(where.health), 'and closed it is')
})

t.test('a stack is shown when it is asked for, and never else', async t => {
  const where = premises(t, { role: SMALL.replace('  - eip', '  - own\n  - eip'), files: { 'recipes/own/recipe.ts': recipeText("(() => { throw new Error('deep down') })()") } })
  rmSync(join(where.infra, 'templates'), { recursive: true })
  for (const verb of ['boot', 'plan']) {
    const plain = await where.sunup(verb)
    t.notMatch(plain.stdout + plain.stderr, /^\s+at /m, `${verb} shows none`)
    const verbose = await where.sunup(verb, '--verbose')
    t.match(verbose.stderr, /^\s+at /m, `${verb} --verbose shows it`)
    t.match(verbose.stderr, 'deep down')
  }
})
