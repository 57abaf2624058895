import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { premises, recipeText } from '../support/repository.ts'

t.setTimeout(60_000)

/** A daemon of its own, once; then a command that goes on until it is killed, the first time. */
const RECIPE = recipeText(`[
  execute({ name: 'daemon', argv: ['sh', '-c', 'setsid sleep 600 >/dev/null 2>&1 & echo $! > "$SUNUP_ROOT/../daemon"'], notIf: ['test', '-e', '../daemon'] }),
  execute({ name: 'long', argv: ['sh', '-c', 'trap "" TERM; echo $$ >> "$SUNUP_ROOT/../pids"; test -e "$SUNUP_ROOT/../again" || while :; do sleep 1; done'] }),
]`)

t.test('what a killed run was running is ended before the next boot runs it again; what it had started before is not', async t => {
  const where = premises(t, { role: 'securityGroups: [demo]\nrecipes: [own]\n', files: { 'recipes/own/recipe.ts': RECIPE } })
  const pids = (): number[] => (existsSync(join(where.dir, 'pids')) ? readFileSync(join(where.dir, 'pids'), 'utf8').trim().split('\n').map(Number) : [])
  const { process: program, end } = where.started({}, 'boot')
  while (pids().length === 0) await sleep(10)
  program.kill('SIGKILL')
  // The pipes of the program are not the command's.
  await end
  const daemon = Number(readFileSync(join(where.dir, 'daemon'), 'utf8'))
  t.teardown(() => process.kill(daemon, 'SIGKILL'))
  t.ok(isAlive(pids()[0] as number), 'it is left behind')
  where.write({ '../again': '' })
  t.match(await where.sunup('boot'), { code: 0, stderr: '' })
  t.equal(pids().length, 2, 'it ran again')
  t.notOk(isAlive(pids()[0] as number), 'the first is gone')
  t.ok(isAlive(daemon), 'the daemon is not')
})

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
