import t from 'tap'
import type { Recipe, RecipeInput } from '../../src/core/recipe.ts'
import { makeSecret } from '../../src/core/secret.ts'
import { installHooks } from '../../src/roles/hooks.ts'
import { settles } from '../conformance/settles.ts'
import { repository } from '../support/git-repository.ts'
import { testMachine } from '../support/machine.ts'

installHooks(new URL('../../src/index.ts', import.meta.url).href)
const { default: gitSync } = (await import('../../recipes/git-sync/recipe.ts')) as { default: Recipe }

function inputOf(params: unknown): RecipeInput {
  return { params: gitSync.params?.parse(params) } as unknown as RecipeInput
}

t.test('it checks out the ref, and leaves it there when the instance leaves', async t => {
  const from = repository(t)
  const machine = testMachine(t)
  const input = inputOf({ repository: from.url, ref: 'main', path: '/srv/app', keep: 2 })
  const [app] = gitSync.resources(input)
  t.equal(app?.id, 'git[/srv/app]')
  if (app) await settles(t, machine, app, [{ type: 'create', field: 'revision', to: from.git('rev-parse', 'main'), reason: 'makes /srv, /srv/app' }])
  t.strictSame(gitSync.departed?.(input) ?? [], [])
})

t.test('the key is a path or a secret, the token a secret alone', async t => {
  const good = { repository: 'git@host:app', path: '/srv/app' }
  const accepts = (more: object): boolean | undefined => gitSync.params?.safeParse({ ...good, ...more }).success
  t.ok(accepts({}))
  t.ok(accepts({ key: '/etc/key' }))
  t.ok(accepts({ key: makeSecret('x') }) || accepts({ key: { secret: 'file:/etc/key' } }))
  t.notOk(accepts({ key: 'id_rsa' }))
  t.notOk(accepts({ token: 'plain' }))
  t.notOk(accepts({ layout: 'inplace' }))
  t.notOk(accepts({ branch: 'main' }))
})
