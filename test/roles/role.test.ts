import t, { type Test } from 'tap'
import { loadRole } from '../../src/roles/role.ts'
import { failureOf } from '../support/provisioning.ts'



const source = (t: Test, roles: Record<string, string>): string =>
  t.testdir({ roles: Object.fromEntries(Object.entries(roles).map(([name, text]) => [`${name}.yaml`, text])) })

t.test('a role has the defaults that the documentation promises', async t => {
  const role = loadRole(source(t, { web: 'recipes: [nginx]\n' }), 'web')
  t.match(role, {
    name: 'web',
    description: undefined,
    securityGroups: ['web'],
    health: { file: 'ping.html', content: 'ok {{instance.id}} {{run.id}}\n', mode: '0644', probe: undefined, url: undefined },
    deadlineMs: 900_000,
    onFailure: 'abandon',
    drain: { settleMs: 20_000, deadlineMs: 300_000 },
    scaling: undefined,
    place: { file: 'roles/web.yaml', line: 1 },
  })
})

t.test('a probe has its defaults', async t => {
  const role = loadRole(source(t, { web: 'recipes: []\nhealth: { probe: { url: "http://127.0.0.1/" } }\n' }), 'web')
  t.strictSame(role.health.probe, { url: 'http://127.0.0.1/', headers: {}, status: 200, contains: undefined, withinMs: 30_000 })
})

t.test('entries of the run list know where they stand', async t => {
  const role = loadRole(source(t, { web: 'recipes:\n  - eip\n  - nginx:\n      sites:\n        - name: app\n          port: 0x1F\n' }), 'web')
  t.match(role.runList, [{ recipe: 'eip', params: undefined, place: { line: 2 } }, { recipe: 'nginx', params: { sites: [{ name: 'app', port: 31 }] }, place: { line: 3 } }])
  t.equal(role.runList[1]?.placeOf(['sites', 0, 'port']).line, 6)
  t.equal(role.runList[1]?.written?.(['sites', 0, 'port']), '0x1F')
})

t.test('a recipe whose params are left empty has none', async t => {
  t.equal(loadRole(source(t, { web: 'recipes:\n  - eip:\n' }), 'web').runList[0]?.params, undefined)
})

t.test("included run lists come first, the role's own keys win whole, and its groups are its own", async t => {
  const role = loadRole(source(t, {
    base: 'securityGroups: []\nrecipes: [users]\nhealth: { file: base.html, mode: "0600" }\ndeadline: 5m\n',
    extra: 'include: [base]\nrecipes: [packages]\ndeadline: 6m\nonFailure: hold\n',
    web: 'include: [base, extra]\nrecipes: [nginx]\nhealth: { content: hello }\n',
  }), 'web')
  t.strictSame(role.runList.map(entry => entry.recipe), ['users', 'packages', 'nginx'])
  t.strictSame(role.runList.map(entry => entry.place.file), ['roles/base.yaml', 'roles/extra.yaml', 'roles/web.yaml'])
  t.match(role, { securityGroups: ['web'], deadlineMs: 360_000, onFailure: 'hold', health: { file: 'ping.html', content: 'hello', mode: '0644' } })
})

t.test('only the role and its includes are read', async t => {
  t.equal(loadRole(source(t, { web: 'recipes: []\n', broken: 'a: [\n' }), 'web').name, 'web')
})

t.test('roles that include each other are refused with the chain', async t => {
  const dir = source(t, { a: 'include: [b]\n', b: 'recipes: []\ninclude:\n  - c\n', c: 'include: [b]\n' })
  const failure = await failureOf(() => loadRole(dir, 'a'))
  t.equal(failure.code, 'role.cycle')
  t.equal(failure.message, 'roles/c.yaml:1: the roles include each other: b -> c -> b')
})

t.test('a role that includes itself is refused', async t => {
  t.equal((await failureOf(() => loadRole(source(t, { a: 'include: [a]\n' }), 'a'))).message, 'roles/a.yaml:1: the role includes itself')
})

t.test('an include that is not there is told at its line, with the nearest', async t => {
  const failure = await failureOf(() => loadRole(source(t, { web: 'recipes: []\ninclude:\n  - bse\n', base: 'recipes: []\n' }), 'web'))
  t.match(failure, { code: 'role.missing', message: 'roles/web.yaml:3: there is no role "bse"', hint: 'Did you mean base?' })
})

t.test('a role that is not there is told with the nearest', async t => {
  const dir = source(t, { web: 'recipes: []\n', worker: 'recipes: []\n' })
  t.match(await failureOf(() => loadRole(dir, 'wrker')), { code: 'role.missing', hint: 'Did you mean worker?' })
  t.match(await failureOf(() => loadRole(dir, '../roles/web')), { code: 'role.missing' })
})

t.test('a source without roles is refused', async t => {
  t.equal((await failureOf(() => loadRole(t.testdir({}), 'web'))).code, 'source.empty')
  t.equal((await failureOf(() => loadRole(t.testdir({ roles: {} }), 'web'))).code, 'source.empty')
})

t.test('all faults of a file are told at once, in its order', async t => {
  const failure = await failureOf(() => loadRole(source(t, { web: 'recepies: [nginx]\nhealth:\n  file: /etc/x\n  probe: { url: ftp://x, stats: 1 }\ndeadline: 15\nonFailure: abandn\nrecipes:\n  - a: 1\n    b: 2\n' }), 'web'))
  t.equal(failure.code, 'role.invalid')
  t.strictSame(failure.message.split('\n').map(line => line.replace(/ \(Did.*/, '')), [
    'roles/web.yaml:1: unknown key "recepies"',
    'roles/web.yaml:3: health.file must be a path below the health directory, without a leading / and without .., found "/etc/x"',
    'roles/web.yaml:4: health.probe.url must be a URL that begins with http:// or https://, found "ftp://x"',
    'roles/web.yaml:4: unknown key "stats" in health.probe',
    'roles/web.yaml:5: deadline must be a duration with its unit, e.g. "90s" or "15m", found 15',
    'roles/web.yaml:6: onFailure must be one of abandon, hold, none, found "abandn"',
    'roles/web.yaml:8: recipes[0] must be one recipe, found a, b (Give each recipe an entry of its own.)',
  ])
  t.match(failure.faults.map(fault => fault.hint), ['Did you mean recipes?', undefined, undefined, 'Did you mean status?', undefined, 'Did you mean abandon?', /entry of its own/])
})

for (const key of ['probe: { url: "https://me:hunter2@127.0.0.1/" }', 'url: http://hunter2@127.0.0.1/ping.html']) {
  t.test(`a health check asks without a password: ${key}`, async t => {
    const { message } = await failureOf(() => loadRole(source(t, { web: `recipes: []\nhealth:\n  ${key}\n` }), 'web'))
    t.match(message, /^roles\/web\.yaml:3: health\..*url must be a URL that begins with http:\/\/ or https:\/\/, without user and password, found .*\*\*\*@127/)
    t.notMatch(message, 'hunter2')
  })
}

t.test('params that are not indented are recognised', async t => {
  const failure = await failureOf(() => loadRole(source(t, { web: 'recipes:\n  - nginx:\n    sites: []\n' }), 'web'))
  t.equal(failure.hint, 'Indent sites further: below nginx, whose params they are.')
})

for (const [what, text] of [['an empty role', ''], ['a role cut short', 'description: web\n'], ['a role that is a list', '- nginx\n']] as const) {
  t.test(`${what} does not become one that asks for nothing`, async t => {
    t.match(await failureOf(() => loadRole(source(t, { web: text }), 'web')), { code: 'role.invalid', message: /^roles\/web\.yaml:1: / })
  })
}

for (const file of ['../ping.html', 'a/../../b', '/ping.html', 'a//b', '.', 'a/', 'a\\b']) {
  t.test(`a health file ${file} would leave its directory`, async t => {
    t.match(await failureOf(() => loadRole(source(t, { web: `recipes: []\nhealth:\n  file: '${file}'\n` }), 'web')), { message: /^roles\/web\.yaml:3: health\.file must be a path below/ })
  })
}
