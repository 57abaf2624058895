import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROGRAM } from '../support/program.ts'
import { application, premises } from '../support/repository.ts'

t.setTimeout(60_000)

t.test('a process that can have no more files ends its run in order', t => {
  const where = premises(t, { role: `securityGroups: [demo]\nrecipes:\n  - git-sync: { path: /srv/app, repository: "${application(t).url}", ref: main }\n` })
  for (const files of [24, 26, 28, 30, 32]) {
    const argv = [process.execPath, PROGRAM, 'boot', '--config', join(where.infra, 'sunup.yaml'), '--root', where.root]
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `ulimit -n ${files}; exec "$@"`, 'sh', ...argv], { encoding: 'utf8', cwd: where.dir, env: { PATH: process.env.PATH, HOME: where.dir } })
    t.ok([0, 1, 70].includes(status ?? -1), `${files}: ${status} ${stdout} ${stderr}`)
    if (status !== 0) t.match(stdout + stderr, /EMFILE|too many open files/i, 'it says why')
    if (status !== 0) t.notOk(existsSync(where.health), 'the gate is closed')
    t.notMatch(stdout + stderr, /Unhandled|^\s+at /m, 'without a stack')
  }
  t.end()
})
