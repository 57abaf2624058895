import type { Change } from '../core/change.ts'
import type { FileStat, Machine, Observer } from '../core/machine.ts'
import { gidOf, uidOf } from '../core/owner.ts'

/** What files and directories have beside what is in them. Absent: left as it is found. */
export interface Attributes {
  /** Octal, as chmod writes it, e.g. '0644'. */
  readonly mode?: string | undefined
  /** User name, or a uid as text. In a staging root owners are skipped when not run as root. */
  readonly owner?: string | undefined
  /** Group name, or a gid as text. */
  readonly group?: string | undefined
}

/** What differs. `found` undefined: nothing is there yet, and what is asked for is made so with the whole.
 *  @throws Failure `absent.user`, `absent.group` */
export function attributeChanges(found: FileStat | undefined, wanted: Attributes, observer: Observer): Change[] {
  const { owner, group } = wanted
  const changes: Change[] = []
  const uid = uidOf(owner, observer)
  const gid = gidOf(group, observer)
  if (found === undefined) {
    if (wanted.mode !== undefined) changes.push({ type: 'create', field: 'mode', to: fourDigits(wanted.mode) })
    if (uid !== undefined) changes.push({ type: 'create', field: 'owner', to: owner as string })
    if (gid !== undefined) changes.push({ type: 'create', field: 'group', to: group as string })
    return changes
  }
  const mode = wanted.mode === undefined ? found.mode : fourDigits(wanted.mode)
  if (mode !== found.mode) changes.push({ type: 'update', field: 'mode', from: found.mode, to: mode })
  if (uid !== undefined && uid !== found.uid) {
    changes.push({ type: 'update', field: 'owner', from: observer.accountOf(found.uid)?.name ?? String(found.uid), to: owner as string })
  }
  if (gid !== undefined && gid !== found.gid) {
    changes.push({ type: 'update', field: 'group', from: observer.groupOf(found.gid)?.name ?? String(found.gid), to: group as string })
  }
  return changes
}

/** The owner first: changing it clears the set-id bits of the mode. */
export function applyAttributes(path: string, wanted: Attributes, changes: readonly Change[], machine: Machine): void {
  const owns = changes.some(change => change.field === 'owner' || change.field === 'group')
  if (owns) machine.setOwner(path, wanted.owner, wanted.group)
  if (wanted.mode !== undefined && (owns || changes.some(change => change.field === 'mode'))) machine.setMode(path, wanted.mode)
}

/** '644' and '0644' are one mode. */
function fourDigits(mode: string): string {
  return mode.padStart(4, '0')
}
