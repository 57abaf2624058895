import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import type { Account, Machine, Observer } from '../core/machine.ts'
import { checkProps, oneOf } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import { checkAccountName, HOST_ONLY } from './accounts.ts'

export interface UserProps extends CommonProps {
  readonly name: string
  /** Default: the next free one. */
  readonly uid?: number | undefined
  /** Exactly these, besides the user's own primary group. Default: whichever there are. */
  readonly groups?: readonly string[] | undefined
  /** Made when the user is; another one later moves the files. Default: /home/<name>. */
  readonly home?: string | undefined
  /** Default: useradd's own. */
  readonly shell?: string | undefined
  /** Exactly these lines stand in ~/.ssh/authorized_keys. Default: whichever there are. */
  readonly keys?: readonly string[] | undefined
  /** Default: present. absent: the account goes, the home directory stays. */
  readonly state?: 'present' | 'absent' | undefined
}

/** A user of the machine's own /etc/passwd, with a primary group of the same name and no password.
 *  @throws Failure in check: `absent.group` for a group that is not there */
export function user(props: UserProps): Resource {
  checkProps('user', props, {
    name: 'string', uid: 'count?', groups: 'strings?', home: 'path?', shell: 'path?', keys: 'strings?', state: 'string?', ...COMMON_PROPS,
  })
  const { name, uid, groups, home, shell, keys } = props
  const label = `user[${name}]`
  const state = oneOf(label, 'state', props.state ?? 'present', ['present', 'absent'])
  checkAccountName(label, name)
  if (/[:\n]/.test(`${home ?? ''}${shell ?? ''}`)) throw new Failure('resource.invalid', `${label}: "home" and "shell" are fields of /etc/passwd: no colon and no new line`)
  if (keys?.some(key => /[\n\r\0]/.test(key) || key.trim() === '')) throw new Failure('resource.invalid', `${label}: each of "keys" must be one line`)
  const wanted = groups && [...new Set(groups)].sort()
  const authorized = keys?.map(key => `${key.trim()}\n`).join('')

  return {
    ...resourceBase({ kind: 'user', key: name, props }),
    hostOnly: HOST_ONLY,
    check({ observer }) {
      const found = observer.account(name)
      if (state === 'absent') return found ? [{ type: 'remove', field: 'user', from: name }] : []
      for (const one of wanted ?? []) {
        if (observer.group(one) === undefined) throw new Failure('absent.group', `${label}: there is no group ${one}`, { subject: one, hint: 'Declare it before, with a group resource or the package that brings it.' })
      }
      const changes: Change[] = []
      const compare = (field: 'uid' | 'home' | 'shell', to: number | string | undefined): void => {
        if (to === undefined || found?.[field] === to) return
        changes.push(found ? { type: 'update', field, from: found[field], to } : { type: 'create', field, to })
      }
      if (found === undefined) changes.push({ type: 'create', field: 'user', to: name })
      compare('uid', uid)
      compare('home', home)
      compare('shell', shell)
      const now = found ? groupsOf(name, found, observer) : []
      if (wanted && now.join() !== wanted.join()) changes.push(found ? { type: 'update', field: 'groups', from: now, to: wanted } : { type: 'create', field: 'groups', to: wanted })
      if (authorized !== undefined) changes.push(...missingKeys(found?.home ?? home ?? `/home/${name}`, authorized, found, observer))
      return changes
    },
    async apply(changes, { machine, signal, output }) {
      const run = (...argv: string[]): Promise<unknown> => machine.run(argv, { signal, onLine: output })
      const fields = new Map(changes.map(change => [change.field, change]))
      if (fields.get('user')?.type === 'remove') {
        await run('userdel', name)
        return
      }
      const options = [
        ...(fields.has('uid') ? ['--uid', String(uid)] : []),
        ...(fields.has('home') ? ['--home-dir', home as string] : []),
        ...(fields.has('shell') ? ['--shell', shell as string] : []),
        ...(fields.has('groups') ? ['--groups', (wanted as string[]).join(',')] : []),
      ]
      if (fields.has('user')) {
        // A group of that name may be there already, from a package or a crash in between.
        const primary = machine.group(name) ? ['--no-user-group', '--gid', name] : ['--user-group']
        await run('useradd', '--create-home', ...primary, ...options, name)
      } else if (options.length > 0) {
        await run('usermod', ...options.map(option => (option === '--home-dir' ? '--home' : option)), ...(fields.has('home') ? ['--move-home'] : []), name)
      }
      if (fields.has('keys')) authorize(name, authorized as string, machine)
    },
  }
}

/** Supplementary groups, sorted. */
function groupsOf(name: string, account: Account, observer: Observer): string[] {
  const lines = observer.readText('/etc/group')?.split('\n').map(line => line.split(':')) ?? []
  return lines
    .filter(([, , gid, members]) => Number(gid) !== account.gid && members?.split(',').includes(name))
    .map(([group]) => group as string)
    .sort()
}

function missingKeys(home: string, authorized: string, account: Account | undefined, observer: Observer): Change[] {
  const path = `${home}/.ssh/authorized_keys`
  const file = observer.stat(path)
  const content = file?.kind === 'file' ? observer.readText(path) : undefined
  if (content === undefined && authorized === '') return []
  if (content !== authorized) return [{ type: content === undefined ? 'create' : 'update', field: 'keys', ...(content !== undefined && { from: content }), to: authorized }]
  // sshd passes over keys that others could have written.
  const directory = observer.stat(`${home}/.ssh`)
  const isOwn = file?.uid === account?.uid && file?.mode === '0600' && directory?.uid === account?.uid && directory?.mode === '0700'
  return isOwn ? [] : [{ type: 'update', field: 'keys', reason: 'owner or mode of ~/.ssh are not as sshd wants them' }]
}

function authorize(name: string, authorized: string, machine: Machine): void {
  const account = machine.account(name)
  if (account === undefined) throw new Failure('absent.user', `there is no user ${name} to give keys to`, { subject: name })
  const directory = `${account.home}/.ssh`
  const owner = String(account.uid)
  const group = String(account.gid)
  // The user may write in the home directory: a link there must not lead root elsewhere.
  const kind = machine.stat(directory)?.kind
  if (kind !== undefined && kind !== 'directory') throw new Failure('file.kind', `${directory} is no directory`, { hint: 'Remove it: keys are not written through a link.' })
  if (machine.stat(account.home) === undefined) machine.makeDirectory(account.home, { mode: '0700', owner, group })
  if (kind === undefined) machine.makeDirectory(directory, { mode: '0700', owner, group })
  machine.setOwner(directory, owner, group)
  machine.setMode(directory, '0700')
  machine.write(`${directory}/authorized_keys`, authorized, { mode: '0600', owner, group })
}
