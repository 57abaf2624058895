import { fileURLToPath } from 'node:url'
import t from 'tap'
import { skeleton } from '../../../src/life/init/skeleton.ts'
import { Failure } from '../../../src/core/failure.ts'

const home = fileURLToPath(new URL('../../..', import.meta.url))

const made = (repository: string) => () => skeleton(home, '0.1.0', { repository, archive: undefined, sha256: undefined })

for (const login of ['me:S3cr3t', 'S3cr3t', 'S3cr3t:x-oauth-basic', 'me:S3cr3t!', 'S3cr3t!']) {
  t.test(`a repository's URL with ${login} is refused, and not shown`, async t => {
    const error = t.throws(made(`https://${login}@git.example.org/fleet.git`), { code: 'usage', message: /--repository/ }) as Failure
    t.notMatch(error.message, 'S3cr3t')
  })
}

t.test('the user of ssh is nobody’s secret', async t => {
  for (const url of ['ssh://git@git.example.org/fleet.git', 'git@git.example.org:fleet.git']) t.doesNotThrow(made(url))
})
