import { errnoOf, Failure } from '../core/failure.ts'
import type { Account, AccountGroup, Observer } from '../core/machine.ts'
import type { FileObserver } from './files.ts'

export type Accounts = Pick<Observer, 'account' | 'accountOf' | 'group' | 'groupOf'>

type Entry = Account | AccountGroup

interface Database<T extends Entry> {
  named(name: string): T | undefined
  numbered(id: number): T | undefined
}

/** Users and groups, from the root's own passwd and group files: no process is forked for what stands there. What does not is asked of the
 *  name service, unless the root is a staging one, or nsswitch.conf knows no other place than the files. */
export function accounts(files: FileObserver, staging: boolean): Accounts {
  const ask = staging ? undefined : nameService(files)
  const users = database<Account>(files, '/etc/passwd', account, entry => entry.uid, key => ask?.('passwd', key))
  const groups = database<AccountGroup>(files, '/etc/group', accountGroup, entry => entry.gid, key => ask?.('group', key))
  return {
    account: users.named,
    accountOf: users.numbered,
    group: groups.named,
    groupOf: groups.numbered,
  }
}

/** Read once, and again when the file is another one: useradd replaces it in the middle of a run. */
function database<T extends Entry>(
  files: FileObserver,
  path: string,
  parse: (fields: readonly string[]) => T | undefined,
  idOf: (entry: T) => number,
  ask: (key: string) => string | undefined,
): Database<T> {
  let stamp = ''
  let byName = new Map<string, T>()
  let byId = new Map<number, T>()
  let asked = new Map<string, T | undefined>()

  function refresh(): void {
    const found = files.stat(path)
    const now = found ? `${found.ino} ${found.mtimeMs} ${found.size}` : 'none'
    if (now === stamp) return
    byName = new Map()
    byId = new Map()
    asked = new Map()
    for (const line of files.readText(path)?.split('\n') ?? []) {
      const entry = parse(line.split(':'))
      if (entry === undefined) continue
      // Of two lines the first counts, as in getpwnam(3).
      if (!byName.has(entry.name)) byName.set(entry.name, entry)
      if (!byId.has(idOf(entry))) byId.set(idOf(entry), entry)
    }
    stamp = now
  }

  function elsewhere(key: string, fits: (entry: T) => boolean): T | undefined {
    if (!asked.has(key)) {
      const line = ask(key)
      asked.set(key, line === undefined ? undefined : parse(line.split(':')))
    }
    const entry = asked.get(key)
    // getent takes digits for an id where we asked for a name.
    return entry && fits(entry) ? entry : undefined
  }

  return {
    named(name) {
      refresh()
      return byName.get(name) ?? elsewhere(name, entry => entry.name === name)
    },
    numbered(id) {
      refresh()
      return byId.get(id) ?? elsewhere(String(id), entry => idOf(entry) === id)
    },
  }
}

function account([name, , uid, gid, , home, shell]: readonly string[]): Account | undefined {
  if (!name || !uid || !gid) return undefined
  return { name, uid: Number(uid), gid: Number(gid), home: home ?? '', shell: shell ?? '' }
}

function accountGroup([name, , gid, members]: readonly string[]): AccountGroup | undefined {
  if (!name || !gid) return undefined
  return { name, gid: Number(gid), members: members ? members.split(',') : [] }
}

type Ask = (database: 'passwd' | 'group', key: string) => string | undefined

/** One line of getent, or undefined: no such entry. */
function nameService(files: FileObserver): Ask {
  return (database, key) => {
    if (onlyFiles(files, database)) return undefined
    const { spawnSync } = process.getBuiltinModule('node:child_process')
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }
    const { status, stdout, error } = spawnSync('getent', [database, key], { encoding: 'utf8', timeout: 10_000, env })
    // A C library without getent has no name service either.
    if (errnoOf(error) === 'ENOENT') return undefined
    if (status === 2) return undefined
    if (error || status !== 0) {
      throw new Failure('command.failed', `getent ${database} ${key} did not answer (${error?.message ?? `exit code ${status}`})`, { cause: error })
    }
    return stdout.trimEnd()
  }
}

/** Whether nsswitch.conf names no source but the files that were read already. Without it the C library reads files alone. */
function onlyFiles(files: FileObserver, database: string): boolean {
  const line = files.readText('/etc/nsswitch.conf')?.split('\n').find(one => one.trimStart().startsWith(`${database}:`))
  if (line === undefined) return true
  const sources = line.replace(/#.*/, '').replace(/\[.*?\]/g, ' ').trim().split(/\s+/).slice(1)
  return sources.every(source => source === 'files' || source === 'compat')
}
