import t from 'tap'
import type { Recipe, RecipeInput } from '../../src/core/recipe.ts'
import { installHooks } from '../../src/roles/hooks.ts'

installHooks(new URL('../../src/index.ts', import.meta.url).href)

async function named(name: string): Promise<Recipe> {
  return ((await import(`../../recipes/${name}/recipe.ts`)) as { default: Recipe }).default
}

function resourcesOf(recipe: Recipe, params: unknown, which: 'resources' | 'departed' = 'resources'): readonly { id: string; props: object }[] {
  return recipe[which]?.({ params: recipe.params?.parse(params) } as unknown as RecipeInput) ?? []
}

t.test('packages are one resource, and none where there is nothing to do', async t => {
  const packages = await named('packages')
  t.strictSame(resourcesOf(packages, { install: ['nginx=1.22*', 'git'], remove: ['apache2'] }).map(one => one.id), ['package[nginx git -apache2]'])
  t.strictSame(resourcesOf(packages, {}), [])
  t.throws(() => packages.params?.parse({ instal: ['git'] }))
})

t.test('each user is a resource, with what was said of it alone', async t => {
  const users = await named('users')
  t.strictSame(resourcesOf(users, [{ name: 'ann', groups: ['adm'], keys: ['ssh-ed25519 AAAA'], shell: '/bin/bash' }, { name: 'bob', state: 'absent' }]).map(({ id, props }) => ({ id, props })), [
    { id: 'user[ann]', props: { name: 'ann', groups: ['adm'], keys: ['ssh-ed25519 AAAA'], shell: '/bin/bash', state: 'present' } },
    { id: 'user[bob]', props: { name: 'bob', state: 'absent' } },
  ])
})

t.test('services are kept as they are asked for', async t => {
  const services = await named('services')
  t.match(resourcesOf(services, [{ name: 'app', restartOn: ['git[/srv/app]'] }, { name: 'old', state: 'stopped', enabled: false }]), [
    { id: 'service[app]', triggers: [{ act: 'restart', on: ['git[/srv/app]'] }], props: { state: 'running' } },
    { id: 'service[old]', props: { state: 'stopped', enabled: false } },
  ])
})

t.test('when the instance leaves, what services kept running is stopped, the last one first', async t => {
  const services = await named('services')
  t.match(resourcesOf(services, [{ name: 'db' }, { name: 'old', state: 'stopped' }, { name: 'app' }], 'departed'), [
    { id: 'service[app]', props: { state: 'stopped' } },
    { id: 'service[db]', props: { state: 'stopped' } },
  ])
})
