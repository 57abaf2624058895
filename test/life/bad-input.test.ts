import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { abreast } from '../support/program.ts'
import { premises, recipeText, SMALL, type Premises } from '../support/repository.ts'
import { treeOf } from '../support/tree.ts'

interface Case {
  readonly role?: string
  readonly files?: Readonly<Record<string, string>>
  readonly spoil?: (where: Premises) => void
  /** Default 78. */
  readonly code?: number
  /** What is said, by boot, by plan, and by check. */
  readonly says: readonly RegExp[]
  /** Default: `check` finds it, too. */
  readonly checked?: boolean
}

const list = (entries: string): string => `securityGroups: [demo]\nrecipes:\n${entries}`
const own = (resources: string): Readonly<Record<string, string>> => ({ 'recipes/own/recipe.ts': recipeText(resources) })

const CASES: Readonly<Record<string, Case>> = {
  'an unknown key of a role': { role: SMALL.replace('recipes:', 'recipies:'), says: [/roles\/demo\.yaml:2: .*"?recipies/, /recipes/] },
  'an unknown key deep in a role': { role: `${SMALL}health:\n  probe:\n    url: http://127.0.0.1/\n    stauts: 200\n`, says: [/roles\/demo\.yaml:9: .*stauts/, /status/] },
  'a value of the wrong type': { role: `${SMALL}deadline: [15m]\n`, says: [/roles\/demo\.yaml:6: .*deadline/] },
  'a duration that is none': { role: `${SMALL}deadline: soon\n`, says: [/roles\/demo\.yaml:6: .*soon/] },
  'a misspelt recipe': { role: SMALL.replace('- eip', '- epi'), says: [/roles\/demo\.yaml:4: .*epi/, /eip/] },
  'a misspelt param': { role: SMALL.replace('content', 'contents'), says: [/roles\/demo\.yaml:3: .*contents/, /content/] },
  'a param of the wrong type': { role: SMALL.replace('- eip', '- eip: { tries: many }'), says: [/roles\/demo\.yaml:4: .*tries/] },
  'a role file that is no YAML': { role: `${SMALL}health: { file: [\n`, says: [/roles\/demo\.yaml:[67]/] },
  'a recipe that throws': { role: list('  - own\n'), files: own('(() => { throw new Error("broken by hand") })()'), says: [/recipes\/own\/recipe\.ts:6: .*broken by hand/, /roles\/demo\.yaml:3/] },
  'a recipe that is no TypeScript': { role: list('  - own\n'), files: { 'recipes/own/recipe.ts': "import { recipe } from 'sunup'\nexport default recipe({ description: \n" }, says: [/recipes\/own\/recipe\.ts/] },
  'a recipe that returns no resources': { role: list('  - own\n'), files: own('[{ path: "/x" }]'), says: [/must return a list of resources/, /roles\/demo\.yaml:3/] },
  'two different resources of one id': { role: list('  - files: [{ path: /etc/motd, content: one }]\n  - files: [{ path: /etc/motd, content: two }]\n'), says: [/file\[\/etc\/motd\]/, /roles\/demo\.yaml:3/, /roles\/demo\.yaml:4/, /content/] },
  'a restart on something unknown': { role: list('  - files: [{ path: /etc/motd, content: x }]\n  - services: [{ name: app, restartOn: ["file[/etc/modt]"] }]\n'), says: [/roles\/demo\.yaml:4/, /file\[\/etc\/modt\]/, /file\[\/etc\/motd\]/] },
  'a restart on something later': { role: list('  - services: [{ name: app, restartOn: ["file[/etc/motd]"] }]\n  - files: [{ path: /etc/motd, content: x }]\n'), says: [/roles\/demo\.yaml:3/, /later/, /roles\/demo\.yaml:4/] },
  'roles that include each other': { role: `include: [other]\n${SMALL}`, files: { 'roles/other.yaml': 'securityGroups: []\ninclude: [demo]\nrecipes: []\n' }, says: [/roles\/(?:demo|other)\.yaml:\d/, /demo.*other.*demo|other.*demo.*other/] },
  'a role that includes what is not there': { role: `include: [bse]\n${SMALL}`, files: { 'roles/base.yaml': 'securityGroups: []\nrecipes: []\n' }, says: [/roles\/demo\.yaml:1: .*bse/, /base/] },
  'a template that names what nobody gives': { role: SMALL.replace('content: "hello\\n"', 'template: page, vars: { name: x }'), files: { 'templates/page': 'one\n\n{{ nmae }}\n' }, says: [/page:3: .*nmae/, /name/, /roles\/demo\.yaml:3/] },
  'a template that is not there': { role: SMALL.replace('content: "hello\\n"', 'template: mtod.mustache'), says: [/roles\/demo\.yaml:3: .*mtod/, /motd\.mustache/] },
  'a secret where none is expected': { role: SMALL.replace('"hello\\n"', '{ secret: "file:/etc/key" }'), says: [/roles\/demo\.yaml:3/, /secret/] },
  'a health file outside of its directory': { role: `${SMALL}health: { file: ../../../etc/ping.html }\n`, says: [/roles\/demo\.yaml:6: .*health\.file/] },
  'a role nobody matches': { spoil: where => where.edit('instance.yaml', '[default, demo]', '[default, dmeo]'), says: [/default, dmeo/, /demo/], checked: false },
  'two roles that match': { files: { 'roles/second.yaml': 'securityGroups: ["d*"]\nrecipes: []\n' }, says: [/demo/, /second/, /default, demo/], checked: false },
  'an instance file without security groups': { spoil: where => where.edit('instance.yaml', 'securityGroups: [default, demo]\n', ''), says: [/instance\.yaml:1: .*securityGroups/] },
  'an instance file that is not there': { spoil: where => where.write({ 'instance.yaml': null }), says: [/instance\.yaml/], checked: false },
  'an instance whose groups are empty': { spoil: where => where.edit('instance.yaml', '[default, demo]', '[]'), says: [/no security groups/, /demo/], checked: false },
  'a source without roles': { spoil: where => where.write({ roles: null }), says: [/infra/, /roles/] },
  'an unknown key of sunup.yaml': { spoil: where => where.edit('sunup.yaml', 'cloud: local', 'cloud: local\nsuorce: { directory: . }'), says: [/sunup\.yaml:2: .*suorce/, /source/] },
  'a link in the root that leads in a circle': {
    role: SMALL.replace('/etc/motd', '/loop/motd'),
    spoil: where => symlinkSync('loop', join(where.root, 'loop')),
    code: 1,
    says: [/\/loop\/motd/, /circle/],
    checked: false,
  },
}

t.test('bad input is refused with its place, without a stack, and touches nothing', async t => {
  await abreast(Object.entries(CASES), ([name, one]) => t.test(name, async t => refuses(t, one)))
})

async function refuses(t: Test, { role = SMALL, files = {}, spoil, code = 78, says, checked = true }: Case): Promise<void> {
  const where = premises(t, { role, files })
  spoil?.(where)
  mkdirSync(dirname(where.health), { recursive: true })
  writeFileSync(where.health, 'stale')
  const before = treeOf(where.dir)
  for (const verb of checked ? ['check', 'plan', 'boot'] : ['plan', 'boot']) {
    const ran = await where.sunup(verb)
    // check shows the lines, too, and so has other signs between.
    const said = (ran.stdout + ran.stderr).replaceAll(/(:\d+)  error: /g, '$1: ')
    t.equal(ran.code, code, `${verb} ends with ${code}`)
    for (const one of says) t.match(said, one, `${verb} says so`)
    t.notMatch(said, /^\s+at /m, `${verb} shows no stack`)
    t.strictSame(differing(before, treeOf(where.dir)).filter(path => verb !== 'boot' || !OF_A_RUN.test(path)), [], `${verb} touched nothing`)
  }
  t.notOk(existsSync(where.health), 'and the gate is closed')
}

/** The gate, the lock, the run's own record, and what the group was told. */
const OF_A_RUN = /^\.\/(?:root|root\/run\/sunup(?:\/(?:lock|boot|health|health\/ping\.html))?|root\/var(?:\/lib(?:\/sunup(?:\/.*)?)?)?|infra\/\.sunup\/cloud(?:\/(?:lock|lifecycle\.json|registry.*))?)$/

t.test('a root that can’t be written ends with 1', async t => {
  const where = premises(t, { role: SMALL })
  rmSync(where.root, { recursive: true })
  writeFileSync(where.root, 'a file')
  const { code, stdout, stderr } = await where.sunup('boot')
  t.equal(code, 1)
  t.match(stdout + stderr, where.root)
  t.notMatch(stdout + stderr, /^\s+at /m)
})

for (const [name, target] of [['an absolute link', '{{dir}}/outside'], ['a link that goes up', '../outside'], ['a link that goes up far', '../../../../../../../../../../tmp']] as const) {
  t.test(`${name} in the staging root leads nowhere but into it`, async t => {
    const where = premises(t, { role: SMALL.replace('- eip', '- files: [{ path: /srv/a/b, content: x }]\n  - eip') })
    mkdirSync(join(where.dir, 'outside'))
    for (const part of ['etc', 'srv', 'var', 'run']) symlinkSync(target.replace('{{dir}}', where.dir), join(where.root, part))
    const outside = treeOf(join(where.dir, 'outside'))
    const { code } = await where.sunup('boot')
    t.equal(code, 0)
    t.strictSame(treeOf(join(where.dir, 'outside')), outside)
    t.notOk(existsSync('/tmp/motd') || existsSync('/tmp/a/b') || existsSync('/tmp/lib/sunup'))
  })
}

function differing(before: Record<string, string>, after: Record<string, string>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(path => before[path] !== after[path])
}
