import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import { checkProps, oneOf } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import { checkAccountName, HOST_ONLY } from './accounts.ts'

export interface GroupProps extends CommonProps {
  readonly name: string
  /** Default: the next free one. */
  readonly gid?: number | undefined
  /** Exactly these, as supplementary members. Default: whoever is. */
  readonly members?: readonly string[] | undefined
  /** Default: present. */
  readonly state?: 'present' | 'absent' | undefined
}

/** A group of the machine's own /etc/group.
 *  @throws Failure in check: `absent.user` for a member that is no user */
export function group(props: GroupProps): Resource {
  checkProps('group', props, { name: 'string', gid: 'count?', members: 'strings?', state: 'string?', ...COMMON_PROPS })
  const { name, gid, members } = props
  const label = `group[${name}]`
  const state = oneOf(label, 'state', props.state ?? 'present', ['present', 'absent'])
  checkAccountName(label, name)
  if (state === 'absent' && (gid !== undefined || members !== undefined)) {
    throw new Failure('resource.invalid', `${label}: a group that is to be absent has neither "gid" nor "members"`)
  }
  const wanted = members && [...new Set(members)].sort()

  return {
    ...resourceBase({ kind: 'group', key: name, props }),
    hostOnly: HOST_ONLY,
    check({ observer }) {
      const found = observer.group(name)
      if (state === 'absent') return found ? [{ type: 'remove', field: 'group', from: name }] : []
      for (const member of wanted ?? []) {
        if (observer.account(member) === undefined) throw new Failure('absent.user', `${label}: there is no user ${member} to be its member`, { subject: member })
      }
      const changes: Change[] = []
      if (found === undefined) changes.push({ type: 'create', field: 'group', to: name })
      if (gid !== undefined && found?.gid !== gid) changes.push(found ? { type: 'update', field: 'gid', from: found.gid, to: gid } : { type: 'create', field: 'gid', to: gid })
      const now = [...(found?.members ?? [])].sort()
      if (wanted && now.join() !== wanted.join()) changes.push({ type: 'update', field: 'members', from: now, to: wanted })
      return changes
    },
    async apply(changes, { machine, signal, output }) {
      const run = (...argv: string[]): Promise<unknown> => machine.run(argv, { signal, onLine: output })
      const fields = new Map(changes.map(change => [change.field, change]))
      if (fields.get('group')?.type === 'remove') await run('groupdel', name)
      else if (fields.has('group')) await run('groupadd', ...(gid === undefined ? [] : ['--gid', String(gid)]), name)
      else if (fields.has('gid')) await run('groupmod', '--gid', String(gid), name)
      if (fields.has('members')) await run('gpasswd', '--members', (wanted ?? []).join(','), name)
    },
  }
}
