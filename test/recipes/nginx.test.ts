import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Asset, Recipe, RecipeInput } from '../../src/core/recipe.ts'
import type { Resource } from '../../src/core/resource.ts'
import { makeSecret } from '../../src/core/secret.ts'
import { settle } from '../../src/engine/settle.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { surroundings } from '../conformance/settles.ts'
import { testMachine, type TestMachine } from '../support/machine.ts'

installHooks(new URL('../../src/index.ts', import.meta.url).href)
const { default: nginx } = (await import('../../recipes/nginx/recipe.ts')) as { default: Recipe }

const OWN = join(import.meta.dirname, '../../recipes/nginx')

/** What the recipe makes of these params, with these templates in the source. */
function resources(params: unknown, templates: Record<string, string> = {}, file = 'ping.html'): readonly Resource[] {
  const asset = (name: string): Asset => {
    const own = join(OWN, name)
    return { name, path: own, text: () => templates[name] ?? readFileSync(own, 'utf8') }
  }
  const role = { name: 'web', health: { file, directory: '/run/sunup/health' } }
  return nginx.resources({ params: nginx.params?.parse(params), role, asset } as unknown as RecipeInput)
}

/** In a staging root: everything but the service. */
async function staged(machine: TestMachine, all: readonly Resource[]): Promise<void> {
  for (const resource of all.filter(one => one.hostOnly === undefined)) {
    // nginx itself is asked in the system's tests.
    const absent = { ...machine, probe: () => Promise.resolve({ code: 1, stdout: '', stderr: 'not here' }) }
    const { failure } = await settle(resource, surroundings(absent, []))
    if (failure) throw failure
  }
}

const text = (machine: TestMachine, path: string): string | undefined => (existsSync(join(machine.dir, path)) ? readFileSync(join(machine.dir, path), 'utf8') : undefined)

t.test('sites become files of one tree, which one file of conf.d includes', async t => {
  const machine = testMachine(t)
  const all = resources({ sites: [{ name: 'app', template: 'app.conf', vars: { root: '/srv/app' } }] }, { 'app.conf': 'server { listen 80; root {{root}}; }\n' })
  t.strictSame(all.map(one => one.id), ['file[/etc/nginx/conf.d/sunup.conf]', 'configTree[/etc/nginx/sunup]', 'service[nginx]'])
  t.strictSame(all[2]?.triggers, [{ act: 'reload', on: ['file[/etc/nginx/conf.d/sunup.conf]', 'configTree[/etc/nginx/sunup]'] }])
  await staged(machine, all)
  t.equal(text(machine, 'etc/nginx/sunup/sites/app.conf'), 'server { listen 80; root /srv/app; }\n')
  t.match(text(machine, 'etc/nginx/conf.d/sunup.conf'), 'include /etc/nginx/sunup/*.conf;\ninclude /etc/nginx/sunup/sites/*.conf;\n')
})

t.test('without sites the health file is served all the same', async t => {
  const machine = testMachine(t)
  await staged(machine, resources({}, {}, 'up/ping.html'))
  t.match(text(machine, 'etc/nginx/sunup/default.conf'), /listen 80 default_server;\n(?!.*\[::\])/s)
  t.match(text(machine, 'etc/nginx/sunup/snippets/health.conf'), 'location = /up/ping.html {\n    alias /run/sunup/health/up/ping.html;')
})

t.test('Debian\'s default site goes', async t => {
  const machine = testMachine(t, { etc: { nginx: { 'sites-enabled': { default: t.fixture('symlink', '/etc/nginx/sites-available/default'), mine: '' } } } })
  await staged(machine, resources({}))
  t.strictSame(machine.list('/etc/nginx/sites-enabled'), ['mine'])
})

t.test('conf is text or a template, for the http block', async t => {
  const machine = testMachine(t)
  await staged(machine, resources({ conf: 'server_tokens off;\n\n' }))
  t.equal(text(machine, 'etc/nginx/sunup/http.conf'), 'server_tokens off;\n')
  await staged(machine, resources({ conf: { template: 'http.conf', vars: { size: '20m' } } }, { 'http.conf': 'client_max_body_size {{size}};\n' }))
  t.equal(text(machine, 'etc/nginx/sunup/http.conf'), 'client_max_body_size 20m;\n')
  await staged(machine, resources({}))
  t.equal(text(machine, 'etc/nginx/sunup/http.conf'), undefined)
})

t.test('there is one default server for each address that sites answer at', async t => {
  const snippet = 'include /etc/nginx/sunup/snippets/health.conf;'
  const cases: [string, string, string[]][] = [
    ['a site on port 80', 'listen 80;', ['80']],
    ['a site with no listen', '', ['80']],
    ['a site on IPv6, too', 'listen 80; listen [::]:80;', ['80', '[::]:80']],
    ['a default server of its own', `listen 80 default_server; ${snippet}`, []],
    ['a default server of its own on any address', `listen *:80 default_server reuseport; ${snippet}`, []],
    ['a default server of its own for IPv4 alone', `listen 80 default_server; listen [::]:80; ${snippet}`, ['[::]:80']],
    ['a default server for both', `listen [::]:80 default_server ipv6only=off; ${snippet}`, []],
    ['a site on a socket for both', 'listen [::]:80 ipv6only=off;', ['[::]:80']],
    ['a default server on another port', 'listen 443 ssl default_server; listen 8080 default_server; listen 127.0.0.1:80 default_server;', ['80']],
    ['a default server in a comment', '# listen 80 default_server;', ['80']],
    ['a name with a relative path', 'listen 80 default_server; include sunup/snippets/health.conf;', []],
  ]
  for (const [what, directives, expected] of cases) {
    const machine = testMachine(t)
    await staged(machine, resources({ sites: [{ name: 'a', template: 'a' }] }, { a: `server {\n  ${directives.replaceAll('; ', ';\n  ')}\n}\n` }))
    const listens = [...(text(machine, 'etc/nginx/sunup/default.conf') ?? '').matchAll(/listen (\S+) default_server/g)].map(match => match[1])
    t.strictSame(listens, expected, what)
  }
})

t.test('a default server that hides the health file is refused', async t => {
  const refused = { code: 'recipe.invalid', message: /^a\.conf \(for \/etc\/nginx\/sunup\/sites\/a\.conf\) declares the default_server of port 80/, hint: /include \/etc\/nginx\/sunup\/snippets\/health\.conf;/ }
  for (const listen of ['80 default_server', '[::]:80 default_server', '80 default', '0.0.0.0:80 default_server']) {
    t.throws(() => resources({ sites: [{ name: 'a', template: 'a.conf' }] }, { 'a.conf': `server { listen ${listen}; }` }), refused, listen)
  }
  t.throws(() => resources({ sites: [{ name: 'a', template: 'a.conf' }] }, { 'a.conf': 'server {\n listen 80 default_server;\n # include /etc/nginx/sunup/snippets/health.conf;\n}' }), refused, 'a comment serves nothing')
  t.throws(() => resources({ conf: 'server { listen 80 default_server; }' }), { code: 'recipe.invalid', message: /^conf / })
})

t.test('a site made with a secret is a secret', async t => {
  const machine = testMachine(t)
  const all = resources({ sites: [{ name: 'a', template: 'a', vars: { key: makeSecret('hunter2') } }] }, { a: 'server { listen 80; set $key "{{key}}"; }' })
  const changes = await all[1]?.check({ observer: machine } as never)
  t.match(changes, [{}, { type: 'create', field: 'sites/a.conf', secret: true }])
  t.notMatch(JSON.stringify(changes), 'hunter2')
})

t.test('params that can\'t be meant are refused', async t => {
  const wrong: [string, unknown][] = [
    ['a name that leads elsewhere', { sites: [{ name: '../a', template: 'a' }] }],
    ['a name that would be hidden', { sites: [{ name: '.a', template: 'a' }] }],
    ['two sites of one name', { sites: [{ name: 'a', template: 'a' }, { name: 'a', template: 'b' }] }],
    ['a site without a template', { sites: [{ name: 'a' }] }],
    ['a misspelt param', { site: [] }],
    ['conf as a list', { conf: ['a'] }],
  ]
  for (const [what, params] of wrong) t.equal(nginx.params?.safeParse(params).success, false, what)
  t.throws(() => resources({}, {}, 'ping$x.html'), { code: 'role.invalid' }, 'a health file that nginx would read as a variable')
})

t.test('nginx keeps serving while the instance leaves', async t => t.equal(nginx.departed, undefined))
