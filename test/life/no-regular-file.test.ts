import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { abreast } from '../support/program.ts'
import { premises, recipeText, SMALL, type Premises } from '../support/repository.ts'

t.setTimeout(120_000)

/** Nobody writes to it: whoever opens it as if it were a file waits for ever. */
function pipe(path: string): void {
  rmSync(path, { recursive: true, force: true })
  mkdirSync(dirname(path), { recursive: true })
  execFileSync('mkfifo', [path])
}

const CASES: Readonly<Record<string, { readonly spoil: (where: Premises) => void; readonly code: number; readonly says?: RegExp }>> = {
  'sunup.yaml': { spoil: where => pipe(join(where.infra, 'sunup.yaml')), code: 78, says: /sunup\.yaml is a named pipe/ },
  'a role': { spoil: where => pipe(join(where.infra, 'roles/demo.yaml')), code: 78, says: /roles\/demo\.yaml is a named pipe/ },
  'a recipe': { spoil: where => pipe(join(where.infra, 'recipes/files/recipe.ts')), code: 78, says: /recipes\/files\/recipe\.ts:1: is no regular file/ },
  'instance.yaml': { spoil: where => pipe(join(where.infra, 'instance.yaml')), code: 78, says: /instance\.yaml is a named pipe/ },
  'a secret': {
    spoil(where) {
      pipe(join(where.dir, 'key'))
      where.write({ 'recipes/own/recipe.ts': recipeText('[]', 'z.object({ key: secret() })') })
      where.edit('roles/demo.yaml', '  - eip', `  - own: { key: { secret: "file:${join(where.dir, 'key')}" } }\n  - eip`)
    },
    code: 1,
    says: /key is a named pipe/,
  },
  'lifecycle.json': { spoil: where => pipe(join(where.cloud, 'lifecycle.json')), code: 1, says: /lifecycle\.json is a named pipe/ },
  'the journal': { spoil: where => pipe(join(where.state, 'journal.ndjson')), code: 1, says: /journal\.ndjson is a named pipe/ },
  'the boot mark': { spoil: where => pipe(join(where.run, 'boot')), code: 1, says: /boot is a named pipe/ },
  'the address that the agent watches, which is written anew': { spoil: where => pipe(join(where.run, 'address')), code: 0 },
  'the name of the lock’s holder': { spoil: where => pipe(join(where.run, 'lock.holder')), code: 0 },
  'a file whose name is no UTF-8, which is none of these': { spoil: where => writeFileSync(Buffer.from(`${where.infra}/templates/na\xefve`, 'latin1'), ''), code: 0 },
  'a managed file': { spoil: where => pipe(join(where.root, 'etc/motd')), code: 1, says: /etc\/motd/ },
}

t.test('a pipe where a file should be ends the boot instead of holding it for ever, and the gate is closed', async t => {
  await abreast(Object.entries(CASES), ([name, { spoil, code, says = /./ }]) =>
    t.test(name, async t => {
      const where = premises(t, { role: SMALL })
      t.equal((await where.sunup('boot')).code, 0, 'it served')
      spoil(where)
      const ran = await where.sunup('boot')
      t.equal(ran.code, code)
      t.match(ran.stdout + ran.stderr, says)
      t.equal(existsSync(where.health), code === 0, 'the gate')
    }),
  )
})
