import { Failure } from './failure.ts'
import type { Observer } from './machine.ts'

type Accounts = Pick<Observer, 'staging' | 'privileged' | 'account' | 'group'>

/** The uid that a user's name, or a number as text ('1000', '+1000'), stands for. undefined: the owner is left as it is, because none is
 *  asked for, or in a staging root, where an ordinary user can give nothing away and where users that the root lacks are skipped.
 *  @throws Failure `absent.user` */
export function uidOf(owner: string | undefined, accounts: Accounts): number | undefined {
  if (owner === undefined || !ownersCount(accounts)) return undefined
  const uid = accounts.account(owner)?.uid ?? numeric(owner)
  if (uid !== undefined || accounts.staging) return uid
  throw new Failure('absent.user', `there is no user "${owner}"`, { subject: owner, hint: 'Declare it before, with a user resource or the package that brings it.' })
}

/** As uidOf, for groups. @throws Failure `absent.group` */
export function gidOf(group: string | undefined, accounts: Accounts): number | undefined {
  if (group === undefined || !ownersCount(accounts)) return undefined
  const gid = accounts.group(group)?.gid ?? numeric(group)
  if (gid !== undefined || accounts.staging) return gid
  throw new Failure('absent.group', `there is no group "${group}"`, { subject: group, hint: 'Declare it before, with a group resource or the package that brings it.' })
}

/** Owners mean nothing in a tree that an ordinary user stages. */
export function ownersCount({ staging, privileged }: Pick<Observer, 'staging' | 'privileged'>): boolean {
  return !staging || privileged
}

/** As chown(1) takes it. A bare staging root knows no accounts, but every system has root. */
function numeric(text: string): number | undefined {
  if (text === 'root') return 0
  return /^\+?\d{1,10}$/.test(text) ? Number(text) : undefined
}
