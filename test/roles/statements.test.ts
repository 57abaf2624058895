import t, { type Test } from 'tap'
import type { RecipeStatements } from '../../src/core/needs.ts'
import { standInCloud } from '../../src/roles/stand-in.ts'
import { planStatements } from '../../src/roles/statements.ts'
import { inspectRunList } from '../../src/roles/steps.ts'
import { failureOf, host, instance, provisioning, recipeText } from '../support/provisioning.ts'

/** What a recipe's iam() comes to. @param iam the text of the method */
async function statementsOf(t: Test, iam: string, limitMs?: number): Promise<readonly RecipeStatements[]> {
  const { source, role, book } = provisioning(t, '- packages: { install: [git] }\n- app: { bucket: logs }\n', { recipes: { app: recipeText('[]', `params: z.object({ bucket: z.string() }), ${iam},`) } })
  const { steps } = await inspectRunList(role, book)
  return planStatements({ steps, role, source, run: '/run/sunup', state: '/var/lib/sunup', instance, host, cloud: standInCloud('aws'), bootId: '0', limitMs })
}

t.test('a recipe says what it needs beside, by its params', async t => {
  const found = await statementsOf(t, `iam: ({ params, role }) => [{ Effect: 'Allow', Action: 's3:PutObject', Resource: 'arn:aws:s3:::' + params.bucket + '/' + role.name + '/*' }]`)
  t.strictSame(found, [{ recipe: 'app', statements: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: 'arn:aws:s3:::logs/web/*' }] }])
})

t.test('what is no statement is refused, with its place', async t => {
  const allow = `Effect: 'Allow', Action: 's3:*', Resource: '*'`
  for (const [said, message] of [
    [`'nothing'`, /iam\(\) must return a list of IAM policy statements, found string/],
    [`['s3:*']`, /\[0\] is no map/],
    [`[{ ${allow} }, { Action: 's3:*', Resource: '*' }]`, /\[1\] has an Effect that is neither/],
    [`[{ Effect: 'Allow', Resource: '*' }]`, /needs one of Action and NotAction/],
    [`[{ Effect: 'Allow', Action: 's3:*' }]`, /needs one of Resource and NotResource/],
    [`[{ ${allow}, NotAction: 's3:*' }]`, /needs one of Action/],
    [`[{ Effect: 'Allow', Action: [], Resource: '*' }]`, /has an Action that is neither/],
    [`[{ ${allow}, Principal: '*' }]`, /has the key Principal/],
    [`[{ ${allow}, Sid: 'my-own' }]`, /Sid that is not of letters/],
    [`[{ ${allow}, Condition: { StringEquals: 'x' } }]`, /has a Condition/],
  ] as const) {
    await t.test(said, async t => {
      const failure = await failureOf(() => statementsOf(t, `iam: () => (${said}) as never`))
      t.equal(failure.code, 'recipe.invalid')
      t.match(failure.message, message)
      t.match(failure.message, /^recipes\/app\/recipe\.ts:\d+: recipe app: .*roles\/web\.yaml:3/)
    })
  }
})

t.test('one that throws is named', async t => {
  t.match(await failureOf(() => statementsOf(t, `iam: () => { throw new Error('no') }`)), { code: 'recipe.threw', message: /threw in iam\(\): no/ })
})

t.test('one that never returns is stopped, and named', async t => {
  t.match(await failureOf(() => statementsOf(t, `iam: () => { for (;;); }`, 100)), { code: 'recipe.stuck', message: /recipe app: iam\(\) did not return/ })
})
