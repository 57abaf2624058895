import { Failure } from '../core/failure.ts'
import { nearest } from '../core/nearest.ts'
import { isRecord } from '../core/plain.ts'
import type { Role } from '../core/role.ts'
import { failureAt } from '../core/faults.ts'
import { roleFiles, type RoleFiles } from './files.ts'
import { loadRole } from './role.ts'

export interface Picked {
  readonly role: Role
  /** Names of the roles that answered; more than one never gets here. */
  readonly candidates: readonly string[]
}

/** The role of an instance with these security groups. Every role file is read, but only the chosen one judged as a whole:
 *  a fault in a role that is not this instance's does not stop it, unless it hides whose it is.
 *  @throws Failure `role.none`, `role.several`, `source.empty`, and as loadRole */
export function pickRole(source: string, groups: readonly string[]): Picked {
  const files = roleFiles(source)
  const patterns = files.names().map(name => ({ name, patterns: patternsOf(name, files) }))
  const candidates = patterns.filter(role => role.patterns.some(pattern => groups.some(group => answers(pattern, group))))
  const [only, ...others] = candidates
  if (only === undefined) throw none(groups, patterns)
  if (others.length > 0) throw several(groups, candidates)
  return { role: loadRole(source, only.name, files), candidates: [only.name] }
}

/** Whether the pattern, in which * is any run of characters, describes the whole name. */
export function answers(pattern: string, group: string): boolean {
  if (!pattern.includes('*')) return pattern === group
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop() ?? ''
  if (group.length < head.length + tail.length || !group.startsWith(head) || !group.endsWith(tail)) return false
  const end = group.length - tail.length
  let from = head.length
  for (const part of rest) {
    const at = group.indexOf(part, from)
    if (at < 0 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}

/** Whether some name is described by both patterns. */
export function canMeet(a: string, b: string): boolean {
  const known = new Map<number, boolean>()
  const meet = (i: number, j: number): boolean => {
    if (i === a.length && j === b.length) return true
    const key = i * (b.length + 1) + j
    const before = known.get(key)
    if (before !== undefined) return before
    const [one, other] = [a[i], b[j]]
    const result = one === '*'
      ? meet(i + 1, j) || (j < b.length && meet(i, j + 1))
      : other === '*' ? meet(i, j + 1) || (i < a.length && meet(i + 1, j)) : one === other && meet(i + 1, j + 1)
    known.set(key, result)
    return result
  }
  return meet(0, 0)
}

interface Patterns {
  readonly name: string
  readonly patterns: readonly string[]
}

function patternsOf(name: string, files: RoleFiles): readonly string[] {
  const file = files.read(name)
  const patterns = isRecord(file.value) ? file.value.securityGroups : undefined
  if (patterns === undefined) return [name]
  if (Array.isArray(patterns) && patterns.every(pattern => typeof pattern === 'string')) return patterns
  throw failureAt({ place: file.placeOf(['securityGroups']), message: 'securityGroups must be a list of texts', code: 'role.invalid' })
}

function none(groups: readonly string[], roles: readonly Patterns[]): Failure {
  const seen = groups.length === 0 ? 'the instance has no security groups' : `no role answers to the instance's security groups ${groups.join(', ')}`
  const there = roles.map(({ name, patterns }) => `${name} (${patterns.join(', ') || 'never'})`).join(', ')
  const known = roles.flatMap(role => role.patterns)
  const near = groups.map(group => [group, nearest(group, known)] as const).find(pair => pair[1] !== undefined)
  const hint = near ? `Is "${near[0]}" meant to be "${near[1]}"? Otherwise --role decides.` : "Add one of the groups to a role's securityGroups, or decide with --role."
  return new Failure('role.none', `${seen}; there is: ${there}`, { hint })
}

function several(groups: readonly string[], candidates: readonly Patterns[]): Failure {
  const why = candidates.map(({ name, patterns }) => `${name} (${patterns.filter(pattern => groups.some(group => answers(pattern, group))).join(', ')})`).join(', ')
  return new Failure('role.several', `several roles answer to the instance's security groups ${groups.join(', ')}: ${why}`, {
    hint: 'Give the instance a group that only one role answers to, or decide with --role.',
  })
}
