import { join } from 'node:path'
import type { Registry, Row, RowKey, RowPatch } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { asFailure } from '../../core/failure.ts'
import { isMemberRole, mayRegister, mayUpdate, nextRow, rowFault } from '../../core/row.ts'
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
    return namesIn(root).filter(role => !role.startsWith('.') && isMemberRole(role))
  }

  function membersOf(role: string): readonly string[] {
    return namesIn(join(root, role))
      .filter(name => /^[^.].*\.json$/.test(name))
      .map(name => name.slice(0, -'.json'.length))
      .sort()
  }

  function put(key: RowKey, patch: RowPatch, old: Row | undefined): Row {
    const row = nextRow(key, patch, old, clock.now() + leaseMs)
    writeObject(fileOf(key.role, key.instanceId), row)
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
        mayRegister(key, old)
        return put(key, patch, old)
      }),

    update: (key, patch, signal) =>
      exclusively(signal, () => {
        const old = rowIn(key.role, key.instanceId)
        mayUpdate(key, old)
        return put(key, patch, old)
      }),

    remove: (key, signal) =>
      exclusively(signal, () => {
        if (rowIn(key.role, key.instanceId)?.bootId !== key.bootId) return false
        removeFile(fileOf(key.role, key.instanceId))
        return true
      }),

    async *list(role, signal, foreign) {
      for (const name of role === undefined ? rolesIn() : [role].filter(isMemberRole)) {
        for (const instanceId of membersOf(namePart('a role', name))) {
          signal.throwIfAborted()
          // Gone between the look at the directory and this one: gone.
          let row: Row | undefined
          try {
            row = rowIn(name, instanceId)
          } catch (error) {
            if (!foreign) throw error
            foreign(asFailure(error))
          }
          if (row) yield row
        }
      }
    },

    rowsOf: instanceId => rolesIn().flatMap(role => rowIn(role, instanceId) ?? []),
  }
}

function rowOf(row: Record<string, unknown>, { role, instanceId }: { readonly role: string; readonly instanceId: string }, file: string): Row {
  if (row.role !== role || row.instanceId !== instanceId) throw notOurs(file, `it is about ${String(row.instanceId)} in ${String(row.role)}`)
  const fault = rowFault(row)
  if (fault !== undefined) throw notOurs(file, fault)
  return row as unknown as Row
}
