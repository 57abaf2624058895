import { Failure } from '../core/failure.ts'

export const HOST_ONLY = 'users and groups belong to a host, not to a staging root'

/** As useradd(8) takes names, and never one that could be taken for an option or break a line of /etc/passwd.
 *  @throws Failure `resource.invalid` */
export function checkAccountName(label: string, name: string): void {
  if (/^[a-z_][a-z0-9_.-]*\$?$/i.test(name) && name.length <= 32) return
  throw new Failure('resource.invalid', `${label}: "${name}" is no name for an account`, {
    hint: 'At most 32 letters, digits, "_", "." and "-", beginning with a letter or "_".',
  })
}
