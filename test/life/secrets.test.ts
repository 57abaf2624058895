import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t, { type Test } from 'tap'
import { gitBackend, httpServer, repository } from '../support/git-repository.ts'
import type { Ran } from '../support/program.ts'
import { premises, recipeText, type Premises } from '../support/repository.ts'
import { startRecorder } from '../support/start-recorder.ts'

const PASSWORD = 'correct-horse-battery-7731'
const ROTATED = 'rotated-staple-wagon-9942'
const TOKEN = 'ghp-token-under-test-5518'
const MULTILINE = '-----BEGIN PRIVATE KEY-----\nline-one-of-the-key-3317\nline-two-of-the-key-8824\n-----END PRIVATE KEY-----\n'
/** What must be seen nowhere: texts, as base64 has them, and digests of what they are put into. */
const HIDDEN = [
  PASSWORD, ROTATED, TOKEN, 'line-one-of-the-key-3317', 'line-two-of-the-key-8824',
  ...[PASSWORD, ROTATED, TOKEN, `x-access-token:${TOKEN}`, `git:${TOKEN}`].map(text => Buffer.from(text).toString('base64').replace(/=+$/, '')),
  ...[PASSWORD, ROTATED, TOKEN, MULTILINE, `password = ${PASSWORD}\n`, `password = ${ROTATED}\n`].flatMap(text => ['md5', 'sha1', 'sha256', 'sha512'].map(kind => createHash(kind).update(text).digest('hex'))),
]

const ROLE = (url: string): string => `securityGroups: [demo]
recipes:
  - git-sync: { repository: "${url}/repo", ref: main, path: /srv/app, token: { secret: "file:{{dir}}/secrets/token" } }
  - files:
      - { path: /etc/app.conf, mode: "0600", template: app.ini, vars: { password: { secret: "file:{{dir}}/secrets/password" } } }
  - own: { key: { secret: "file:{{dir}}/secrets/key" } }
  - eip
  - registry: { meta: { service: demo } }
`

/** A text made with a secret, and an act that it causes. */
const OWN = recipeText(
  "(key => [key, execute({ name: 'reload', argv: ['true'], runOn: [key] })])(file({ path: '/etc/key.pem', mode: '0600', content: params.key, verify: ['true', '{path}'] }))",
  'z.strictObject({ key: secret() })',
)

async function withSecrets(t: Test): Promise<Premises> {
  const app = repository(t, { 'index.html': 'one\n' })
  const serve = gitBackend(app)
  const url = await httpServer(t, (request, response) => {
    const [, given = ''] = /^Basic (.*)$/.exec(request.headers.authorization ?? '') ?? []
    if (Buffer.from(given, 'base64').toString().endsWith(`:${TOKEN}`)) return serve(request, response)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
  })
  const where = premises(t, { role: ROLE(url), files: { 'templates/app.ini': 'password = {{password}}\n', 'recipes/own/recipe.ts': OWN } })
  mkdirSync(join(where.dir, 'secrets'))
  secret(where, { password: `${PASSWORD}\n`, token: TOKEN, key: MULTILINE })
  return where
}

function secret(where: Premises, texts: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(where.dir, 'secrets', name), text)
}

t.test('a secret is in nothing that is printed, kept or passed on', async t => {
  const where = await withSecrets(t)
  const recorder = startRecorder(t)
  const ran: Ran[] = []
  const run = async (expected: number, verb: string, ...args: string[]): Promise<void> => {
    const one = await where.sunupWith(recorder.options, verb, ...args)
    t.equal(one.code, expected, `${verb} ${args.join(' ')} ends with ${expected}`)
    ran.push(one)
  }
  for (const format of [[], ['--format', 'json'], ['--verbose']]) await run(2, 'plan', ...format)
  await run(0, 'boot', '--verbose')
  t.match(readFileSync(join(where.root, 'etc/app.conf'), 'utf8'), `password = ${PASSWORD}\n`, 'it is where it belongs')
  secret(where, { password: `${ROTATED}\n`, key: MULTILINE.replace('one', 'two') })
  await run(2, 'plan', '--verbose')
  await run(0, 'boot', '--format', 'json', '--verbose')
  t.match(readFileSync(join(where.root, 'etc/app.conf'), 'utf8'), `password = ${ROTATED}\n`, 'the new one, too')
  for (const args of [['report', '--verbose'], ['report', '--format', 'json'], ['status'], ['check', '--verbose']]) await run(0, args[0] as string, ...args.slice(1))

  // Failures that have to do with it.
  where.edit('templates/app.ini', '{{password}}', '{{password}} {{passwrd}}')
  await run(78, 'boot', '--verbose')
  where.edit('templates/app.ini', '{{password}} {{passwrd}}', '{{#password}}{{.}}{{/password}}{{#password}}{{nothing}}{{/password}}')
  await run(78, 'boot', '--verbose')
  where.edit('templates/app.ini', '{{#password}}{{nothing}}{{/password}}', '')
  where.edit('recipes/own/recipe.ts', "verify: ['true'", "verify: ['false'")
  secret(where, { key: MULTILINE })
  await run(1, 'boot', '--verbose')
  where.edit('recipes/own/recipe.ts', "params.key, verify", "String(params.key) + JSON.stringify(params) + (() => { throw new Error('with ' + params.key) })(), verify")
  await run(78, 'boot', '--verbose')
  secret(where, { token: TOKEN.slice(0, -1) })
  where.edit('roles/demo.yaml', '  - own', '  # - own')
  await run(1, 'boot', '--verbose')

  for (const one of ran) t.strictSame(seen(one.stdout + one.stderr), [], 'not on the console')
  const starts = recorder.starts()
  t.ok(starts.some(({ argv }) => argv.includes('ls-remote')), 'git was asked')
  for (const { argv, env } of starts) t.strictSame(seen(JSON.stringify([argv, env])), [], `not in what ${argv[0]} was started with`)
  t.strictSame(
    filesOf(where.dir).filter(file => seen(readFileSync(join(where.dir, file), 'latin1')).length > 0 || seen(file).length > 0).sort(),
    ['root/etc/app.conf', 'root/etc/key.pem', 'secrets/key', 'secrets/password'],
    'in no file but its own and those it was meant for',
  )
  const decided = filesOf(where.state).find(file => file.endsWith('source/roles/demo.yaml')) as string
  t.match(readFileSync(join(where.state, decided), 'utf8'), `{ secret: "file:${where.dir}/secrets/password" }`, 'what was decided holds the reference')
})

t.test('a secret that changed is told as changed, and that is all', async t => {
  const where = await withSecrets(t)
  t.equal((await where.sunup('boot')).code, 0)
  secret(where, { password: `${ROTATED}\n` })
  const events = (await where.sunup('boot', '--format', 'json')).events()
  const changes = events.flatMap(event => (event.type === 'resource.checked' && event.changes.length > 0 ? [[event.id, event.changes]] : []))
  t.strictSame(changes, [['template[/etc/app.conf]', [{ type: 'update', field: 'content', secret: true }]]])
})

function seen(text: string): string[] {
  return HIDDEN.filter(hidden => text.includes(hidden))
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => relative(dir, join(entry.parentPath, entry.name)))
}
