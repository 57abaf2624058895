import t from 'tap'
import { answers, canMeet, pickRole } from '../../src/roles/match.ts'
import { failureOf } from '../support/provisioning.ts'

const roles = {
  'base.yaml': 'securityGroups: []\nrecipes: []\n',
  'web.yaml': 'securityGroups: [web, "web-*"]\nrecipes: []\n',
  'worker.yaml': 'recipes: []\n',
}

for (const [pattern, group, answer] of [
  ['web', 'web', true],
  ['web', 'web-1', false],
  ['web-*', 'web-', true],
  ['web-*', 'web-a.b', true],
  ['web-*', 'xweb-1', false],
  ['*', '', true],
  ['a*a', 'a', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['*bc*bc', 'abc', false],
  ['w.b', 'web', false],
] as const) {
  t.test(`the pattern ${pattern} ${answer ? 'answers' : 'does not answer'} to ${group || 'nothing'}`, async t => {
    t.equal(answers(pattern, group), answer)
  })
}

t.test('the role that answers to one of the groups is picked', async t => {
  const source = t.testdir({ roles })
  t.match(pickRole(source, ['default', 'web-blue']), { role: { name: 'web' }, candidates: ['web'] })
  t.match(pickRole(source, ['worker']), { role: { name: 'worker' } })
})

t.test('without a role that answers, the groups and the roles are told', async t => {
  const failure = await failureOf(() => pickRole(t.testdir({ roles }), ['wrker', 'default']))
  t.equal(failure.code, 'role.none')
  t.match(failure.message, "no role answers to the instance's security groups wrker, default; there is: base (never), web (web, web-*), worker (worker)")
  t.match(failure.hint, 'Is "wrker" meant to be "worker"?')
})

t.test('an instance without groups is told so', async t => {
  t.match(await failureOf(() => pickRole(t.testdir({ roles }), [])), { code: 'role.none', message: /has no security groups/ })
})

t.test('several roles that answer are told with the reason', async t => {
  const failure = await failureOf(() => pickRole(t.testdir({ roles }), ['web', 'worker', 'other']))
  t.match(failure, { code: 'role.several', message: /web, worker, other: web \(web\), worker \(worker\)$/ })
})

t.test('a fault in a role of others does not stop an instance', async t => {
  const source = t.testdir({ roles: { ...roles, 'worker.yaml': 'recipes: []\nunknown: 1\n' } })
  t.equal(pickRole(source, ['web']).role.name, 'web')
})

t.test('a file that hides whose role it is stops every instance', async t => {
  t.match(await failureOf(() => pickRole(t.testdir({ roles: { ...roles, 'worker.yaml': 'recipes: [\n' } }), ['web'])), { code: 'role.invalid', message: /^roles\/worker\.yaml:/ })
  t.match(await failureOf(() => pickRole(t.testdir({ roles: { ...roles, 'worker.yaml': 'recipes: []\nsecurityGroups: web\n' } }), ['web'])), { message: /^roles\/worker\.yaml:2:/ })
})

t.test('a role file that would be overlooked is refused', async t => {
  t.match(await failureOf(() => pickRole(t.testdir({ roles: { ...roles, 'db.yml': '' } }), ['web'])), { code: 'role.invalid', hint: 'Call it db.yaml.' })
  t.match(await failureOf(() => pickRole(t.testdir({ roles: { ...roles, '#db.yaml': '' } }), ['web'])), { code: 'role.invalid', message: /can't be a role's name/ })
})

t.test('two patterns can meet exactly where one name answers to both', async t => {
  for (const [a, b] of [['web', 'web'], ['web-*', 'web*'], ['*-a', 'web-*'], ['*', 'x'], ['a*c*e', '*bcd*'], ['**', ''], ['a*', '*a']] as const) t.ok(canMeet(a, b) && canMeet(b, a), `${a} ${b}`)
  for (const [a, b] of [['web', 'db'], ['web-*', 'web'], ['web-*', 'db-*'], ['a*b', 'a*c'], ['', 'a']] as const) t.notOk(canMeet(a, b) || canMeet(b, a), `${a} ${b}`)
})
