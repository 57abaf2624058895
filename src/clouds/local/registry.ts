import { join } from 'node:path'
import { compareBoots } from '../../core/boot-id.ts'
import type { MemberState, Registry, Row, RowKey, RowPatch } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import { namePart, namesIn, notOurs, readObject, removeFile, writeObject, type Exclusively } from './files.ts'

export interface LocalRegistry extends Registry {
  /** The rows of one instance, in whatever roles. */
  rowsOf(instanceId: string): readonly Row[]
}

interface Options {
  readonly directory: string
  readonly leaseMs: number
  readonly clock: Clock
  readonly exclusively: Exclusively
}

/** Rows as files: `registry/<role>/<instance id>.json`. Conditions hold because whoever writes is alone. */
export function localRegistry({ directory, leaseMs, clock, exclusively }: Options): LocalRegistry {
  const root = join(directory, 'registry')
  const fileOf = (role: string, instanceId: string): string => join(root, namePart('a role', role), `${namePart('an instance id', instanceId)}.json`)

  function rowIn(role: string, instanceId: string): Row | undefined {
    const file = fileOf(role, instanceId)
    const row = readObject(file)
    return row && rowOf(row, { role, instanceId }, file)
  }

  function rolesIn(): readonly string[] {
    return namesIn(root).filter(role => /^[^.#]/.test(role))
  }

  function membersOf(role: string): readonly string[] {
    return namesIn(join(root, role))
      .filter(name => /^[^.].*\.json$/.test(name))
      .map(name => name.slice(0, -'.json'.length))
      .sort()
  }

  function put(key: RowKey, patch: RowPatch, old: Row | undefined): Row {
    const leaseUntil = clock.now() + leaseMs
    const { role, instanceId, bootId } = key
    // Another boot's attributes are not this one's.
    const kept = old?.bootId === bootId ? old : undefined
    const state = patch.state ?? kept?.state ?? 'booting'
    const merged = { ...kept, ...patch, role, instanceId, bootId, state, seq: (old?.seq ?? 0) + 1, leaseUntil, expiresAt: Math.floor(leaseUntil / 1_000) + KEPT_SECONDS }
    const row = Object.fromEntries(ATTRIBUTES.flatMap(name => (merged[name] === undefined ? [] : [[name, merged[name]]]))) as unknown as Row
    writeObject(fileOf(role, instanceId), row)
    return row
  }

  return {
    leaseMs,

    async read(role, instanceId, signal) {
      signal.throwIfAborted()
      return rowIn(role, instanceId)
    },

    register: (key, patch, signal) =>
      exclusively(signal, () => {
        const old = rowIn(key.role, key.instanceId)
        if (old && compareBoots(key.bootId, old.bootId) === 'older') throw lost(key, old)
        return put(key, patch, old)
      }),

    update: (key, patch, signal) =>
      exclusively(signal, () => {
        const old = rowIn(key.role, key.instanceId)
        if (old?.bootId !== key.bootId) throw lost(key, old)
        return put(key, patch, old)
      }),

    remove: (key, signal) =>
      exclusively(signal, () => {
        if (rowIn(key.role, key.instanceId)?.bootId !== key.bootId) return false
        removeFile(fileOf(key.role, key.instanceId))
        return true
      }),

    async *list(role, signal) {
      for (const name of role === undefined ? rolesIn() : [role]) {
        for (const instanceId of membersOf(namePart('a role', name))) {
          signal.throwIfAborted()
          // Gone between the look at the directory and this one: gone.
          const row = rowIn(name, instanceId)
          if (row) yield row
        }
      }
    },

    rowsOf: instanceId => rolesIn().flatMap(role => rowIn(role, instanceId) ?? []),
  }
}

/** Seven days: long after any lease, and only for the collection of garbage. */
const KEPT_SECONDS = 7 * 24 * 3_600

/** The attributes of a row, in the order in which they are written. */
const ATTRIBUTES = [
  'role', 'instanceId', 'bootId', 'seq', 'state', 'leaseUntil', 'expiresAt', 'instanceType', 'availabilityZone', 'privateIp', 'publicIp', 'publicHostname',
  'revision', 'appRevision', 'load', 'bootedInMs', 'meta', 'failure',
] as const satisfies readonly (keyof Row)[]

const STATES: readonly MemberState[] = ['booting', 'in-service', 'draining', 'failed']

function rowOf(row: Record<string, unknown>, { role, instanceId }: { readonly role: string; readonly instanceId: string }, file: string): Row {
  if (row.role !== role || row.instanceId !== instanceId) throw notOurs(file, `it is about ${String(row.instanceId)} in ${String(row.role)}`)
  if (typeof row.bootId !== 'string' || row.bootId === '') throw notOurs(file, 'it has no bootId')
  if (!STATES.includes(row.state as MemberState)) throw notOurs(file, `"state" is none of ${STATES.join(', ')}`)
  for (const name of ['seq', 'leaseUntil', 'expiresAt']) if (!Number.isFinite(row[name])) throw notOurs(file, `"${name}" is no number`)
  return row as unknown as Row
}

function lost({ role, instanceId, bootId }: RowKey, owner: Row | undefined): Failure {
  const why = owner ? `belongs to boot ${owner.bootId} by now, and this is boot ${bootId}` : 'was removed'
  return new Failure('registry.lost', `the registry's row of ${instanceId} in ${role} ${why}`, {
    hint: owner ? 'This instance was started again since: only its latest boot speaks for it.' : 'Run `sunup boot` to register anew.',
  })
}
