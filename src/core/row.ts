import { compareBoots } from './boot-id.ts'
import type { MemberState, Row, RowKey, RowPatch } from './cloud.ts'
import { Failure } from './failure.ts'

/** The attributes of a row, in the order in which they are written. */
export const ATTRIBUTES = [
  'role', 'instanceId', 'bootId', 'seq', 'state', 'leaseUntil', 'expiresAt', 'instanceType', 'availabilityZone', 'privateIp', 'publicIp', 'publicHostname',
  'revision', 'appRevision', 'load', 'bootedInMs', 'meta', 'failure',
] as const satisfies readonly (keyof Row)[]

export const MEMBER_STATES: readonly MemberState[] = ['booting', 'in-service', 'draining', 'failed']

/** Seven days: long after any lease, and only for the collection of garbage. */
const KEPT_SECONDS = 7 * 24 * 3_600
/** A cause is told in some lines; the output of a command that has run wild must not make a row that can't be written (DynamoDB: 400 KB). */
const FAILURE_LENGTH = 4_000
/** How far clocks of two machines may be apart: a lease is past for certain only then. */
const SKEW_MS = 30_000

/** What an instance is, from one boot to the next: a reboot that finds it so has nothing to write. */
const IDENTITY = ['instanceType', 'availabilityZone', 'privateIp', 'publicIp', 'publicHostname', 'meta'] as const satisfies readonly (keyof Row)[]

/** The row as a write of this boot leaves it. Of an earlier boot's it keeps who the instance is; what that boot had come to is not this one's.
 *  @param leaseUntil epoch milliseconds, by the writer's clock */
export function nextRow({ role, instanceId, bootId }: RowKey, patch: RowPatch, old: Row | undefined, leaseUntil: number): Row {
  const kept = old?.bootId === bootId ? old : undefined
  const merged = {
    ...(kept ?? (old && Object.fromEntries(IDENTITY.map(name => [name, old[name]])))),
    ...patch,
    role,
    instanceId,
    bootId,
    state: patch.state ?? kept?.state ?? 'booting',
    failure: (patch.failure ?? ('failure' in patch ? undefined : kept?.failure))?.slice(0, FAILURE_LENGTH),
    seq: (old?.seq ?? 0) + 1,
    leaseUntil,
    expiresAt: Math.floor(leaseUntil / 1_000) + KEPT_SECONDS,
  }
  return Object.fromEntries(ATTRIBUTES.flatMap(name => (merged[name] === undefined ? [] : [[name, merged[name]]]))) as unknown as Row
}

/** A row as it was read; what is wrong with it, where it is none. */
export function rowFault(row: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof row.bootId !== 'string' || row.bootId === '') return 'it has no bootId'
  if (!MEMBER_STATES.includes(row.state as MemberState)) return `"state" is none of ${MEMBER_STATES.join(', ')}`
  const name = ['seq', 'leaseUntil', 'expiresAt'].find(one => !Number.isFinite(row[one]))
  return name === undefined ? undefined : `"${name}" is no number`
}

/** The row of an instance may be registered by its own boot and by a later one. @throws Failure `registry.lost` */
export function mayRegister(key: RowKey, old: Row | undefined): void {
  if (old && compareBoots(key.bootId, old.bootId) === 'older') throw lost(key, old)
}

/** It may be updated by its own boot alone. @throws Failure `registry.lost` */
export function mayUpdate(key: RowKey, old: Row | undefined): void {
  if (old?.bootId !== key.bootId) throw lost(key, old)
}

/** Whether a member has let its lease pass, for one who looks once: it may be gone. */
export function isSuspect({ leaseUntil }: Row, now: number): boolean {
  return leaseUntil + SKEW_MS < now
}

/** Rows of sunup's own are no members. */
export function isMemberRole(role: string): boolean {
  return !role.startsWith('#')
}

function lost({ role, instanceId, bootId }: RowKey, owner: Row | undefined): Failure {
  const why = owner ? `belongs to boot ${owner.bootId} by now, and this is boot ${bootId}` : 'was removed'
  return new Failure('registry.lost', `the registry's row of ${instanceId} in ${role} ${why}`, {
    hint: owner ? 'This instance was started again since: only its latest boot speaks for it.' : 'Run `sunup boot` to register anew.',
  })
}
