import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { repository } from '../support/git-repository.ts'
import { INSTANCE, premises, SMALL } from '../support/repository.ts'
import { infrastructure } from '../support/source.ts'

t.test('files of a remote source are named as they are called there', async t => {
  const infra = infrastructure(t, { 'roles/demo.yaml': 'recipes:\n  - nowhere\n' })
  const where = premises(t, { config: `source: { repository: ${infra.url} }\n` })
  const { code, stdout } = await where.sunup('check')
  t.equal(code, 78)
  t.match(stdout, /^roles\/demo\.yaml:2  error: there is no recipe "nowhere"\n    2 \|   - nowhere\n/)
})

t.test('of a remote source without roles it is said that the repository has none', async t => {
  const infra = repository(t, { 'web.yaml': 'recipes: []\n' })
  const where = premises(t, { config: `source: { repository: ${infra.url} }\n` })
  for (const command of ['check', 'policy']) {
    t.match(await where.sunup(command), { code: 78, stderr: /^error: the repository has no roles\/ \(at [0-9a-f]{40}\)\n {2}hint: Roles are files such as roles\/web\.yaml, at the top of the repository/ }, command)
  }
  t.match(await where.sunup('test'), { code: 78, stderr: /^error: there is no test below recipes \(at / })
})

t.test('an instance file is judged where there is one, and together with the roles', async t => {
  const where = premises(t, { role: `${SMALL}deadlin: 3m\n`, instance: INSTANCE.replace(/securityGroups.*\n/, '') })
  const { code, stdout } = await where.sunup('check')
  t.equal(code, 78)
  t.match(stdout, /instance\.yaml:1  error: "securityGroups" is missing\n/)
  t.match(stdout, /roles\/demo\.yaml:6  error: unknown key "deadlin"\n/)
  t.match((await where.sunup('check', '--cloud', 'aws')).stdout, /, no faults|1 fault /, 'on AWS it is nobody’s')
  where.write({ 'instance.yaml': null, 'roles/demo.yaml': SMALL })
  t.match(await where.sunup('check'), { code: 0, stderr: '' })
})

t.test('what is wrong in sunup.yaml, and in a role that is named, comes in the format that was asked for', async t => {
  const where = premises(t, { role: SMALL, config: 'stat: /x\n' })
  const faults = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await where.sunup('check', '--format', 'json', ...args)
    t.match({ code, stderr }, { code: 78, stderr: '' })
    return (JSON.parse(stdout) as { faults: unknown }).faults
  }
  t.match(await faults(), [{ code: 'config.invalid', place: { line: 2 } }])
  where.write({ 'sunup.yaml': 'cloud: local\n', 'roles/demo.yaml': 'recipes: [\n' })
  t.match(await faults('--role', 'demo'), [{ code: 'role.invalid', place: { file: 'roles/demo.yaml' } }])
})

t.test('no complaint shows a password that a role file holds', async t => {
  const recipe = `import { recipe, secret, z } from 'sunup'
export default recipe({ description: 'x', params: z.object({ token: secret().optional(), port: z.number().optional(), url: z.string().regex(/^ssh/).optional() }), resources: () => [] })
`
  const entries = [
    '  - git-sync: { repository: "https://u:S3cr3t@h/x", ref: main, path: /srv/x }',
    '  - odd: { token: "S3cr3t", prot: 80 }',
    '  - odd: { token: { secret: "S3cr3t" } }',
    "  - odd: { port: { secret: S3cr3t, x: 1 } }",
    '  - odd: { port: { secret: "file:/S3cr3t" } }',
    '  - odd: { url: "https://u:S3cr3t@h/x" }',
    '  - git-sync: { repository: "https://S3cr3t@h/x", ref: main, path: /srv/x }',
    '  - odd: { url: "https://S3cr3t@h/y" }',
    '  - odd: { url: "https://S3cr3t:x-oauth-basic@h/y" }',
    '  - odd: { url: "https://u@example.com:S3cr3t@h/y" }',
  ]
  const where = premises(t, { role: `recipes:\n${entries.join('\n')}\n`, files: { 'recipes/odd/recipe.ts': recipe } })
  const { code, stdout, stderr } = await where.sunup('check')
  t.equal(code, 78)
  for (const line of entries.keys()) t.match(stdout, `roles/demo.yaml:${line + 2}  error: `)
  t.notMatch(stdout + stderr, 'S3cr3t')
  t.match(stdout, 'https://u:***@h/x', 'the rest of the line is shown')
  t.match(stdout, 'https://***@h/y')
  where.write({ 'roles/demo.yaml': 'recipes:\n  - odd: { url: "https://u:S3cr3t@h/x" ]\n' })
  const torn = await where.sunup('check')
  t.match(torn, { code: 78 })
  t.notMatch(torn.stdout + torn.stderr, 'S3cr3t')
})

t.test('a path that two kinds of resource are to make is a fault, and no boot begins', async t => {
  const role = 'recipes:\n  - files:\n      - { path: /etc/a, content: one }\n  - files:\n      - { path: /etc/a, template: t }\n'
  const where = premises(t, { role, files: { 'templates/t': 'two\n' } })
  t.match(await where.sunup('check'), { code: 78, stdout: /roles\/demo\.yaml:2  error: \/etc\/a is the path of two resources: of file\[\/etc\/a\] by recipe files \(roles\/demo\.yaml:2\), and of template\[\/etc\/a\] by recipe files \(roles\/demo\.yaml:4\)\n/ })
  t.match(await where.sunup('boot'), { code: 78 })
  t.notOk(existsSync(join(where.root, 'etc/a')))
})

t.test('what is wrong with the health file’s text is told in its line, once', async t => {
  const where = premises(t, { role: SMALL })
  const base = 'securityGroups: []\nrecipes: []\n'
  const found = async (ofDemo: string, ofBase = ''): Promise<readonly string[]> => {
    where.write({ 'roles/demo.yaml': `${SMALL}${ofDemo}`, 'roles/base.yaml': `${base}${ofBase}` })
    const { faults } = JSON.parse((await where.sunup('check', '--role', 'demo', '--format', 'json')).stdout) as { faults: readonly { place: { file: string; line: number }; message: string; code: string }[] }
    return faults.map(({ place, message, code }) => `${place.file}:${place.line} ${code} ${message}`)
  }
  const lines = SMALL.trimEnd().split('\n').length
  const message = 'template.name health.content: there is no "nope"'
  t.strictSame(await found('health:\n  content: "ok\\n{{nope}}"\n'), [`roles/demo.yaml:${lines + 2} ${message}`], 'of a text in quotes')
  t.strictSame(await found('health:\n  content: |\n    ok\n\n    {{nope}}\n'), [`roles/demo.yaml:${lines + 5} ${message}`], 'the line of a block')
  t.strictSame(await found('health:\n  content: >-\n    ok\n    {{nope}}\n'), [`roles/demo.yaml:${lines + 2} ${message}`], 'of one that is folded')
  t.strictSame(await found('include: [base]\n', 'health: { content: "{{nope}}" }\n'), [`roles/base.yaml:3 ${message}`], 'in the file that has it')
  t.match(await found('health: { content: "{{#nope}}" }\n'), [/^roles\/demo\.yaml:\d+ template\.invalid health\.content: unclosed section/])
})
