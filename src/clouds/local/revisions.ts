import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RevisionHistory, Revisions } from '../../core/cloud.ts'
import { errnoOf, Failure, messageOf } from '../../core/failure.ts'
import { historyFault, knowsGroups, NO_HISTORY, withFailed, withGood } from '../../core/revisions.ts'
import { namePart, notOurs, readObject, writeObject, type Exclusively } from './files.ts'

interface Options {
  readonly directory: string
  readonly exclusively: Exclusively
}

/** How boots went, as files: `revisions/<role>.json`. */
export function localRevisions({ directory, exclusively }: Options): Revisions {
  const fileOf = (role: string): string => join(directory, 'revisions', `${namePart('a role', role)}.json`)

  function read(role: string): RevisionHistory {
    const file = fileOf(role)
    const history = readObject(file)
    if (history === undefined) return NO_HISTORY
    const fault = historyFault(history)
    if (fault !== undefined) throw notOurs(file, fault)
    return history as unknown as RevisionHistory
  }

  const record = async (role: string, judge: (history: RevisionHistory) => RevisionHistory, signal: AbortSignal): Promise<RevisionHistory> => {
    signal.throwIfAborted()
    const history = read(role)
    // Nothing new: nothing is locked, nothing is written.
    if (judge(history) === history) return history
    return await exclusively(signal, () => {
      const history = read(role)
      const next = judge(history)
      if (next !== history) writeObject(fileOf(role), next)
      return next
    })
  }

  return {
    recordGood: (role, boot, signal) => record(role, history => withGood(history, boot), signal),
    recordFailed: (role, boot, failure, signal) => record(role, history => withFailed(history, boot, failure), signal),
    async history(role, signal) {
      signal.throwIfAborted()
      return read(role)
    },
    async roleWith(groups, signal) {
      signal.throwIfAborted()
      const roles = rolesIn(join(directory, 'revisions')).filter(role => knowsGroups(read(role), groups))
      return roles.length === 1 ? roles[0] : undefined
    },
  }
}

function rolesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).flatMap(name => /^(\w.*)\.json$/.exec(name)?.[1] ?? [])
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw new Failure('file.denied', `${directory} can't be read: ${messageOf(error)}`, { cause: error })
  }
}
