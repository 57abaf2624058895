import { join } from 'node:path'
import type { Cloud } from '../../core/cloud.ts'
import { Failure, messageOf } from '../../core/failure.ts'
import type { Instance } from '../../core/instance.ts'
import { lastGood, shouldLeave } from '../../core/revisions.ts'
import { pickRole } from '../../roles/match.ts'
import { loadRole } from '../../roles/role.ts'
import { readDecision } from '../decision.ts'
import type { Reading } from './repository.ts'

export interface BreakerParts {
  readonly cloud: Cloud
  readonly instance: Instance
  /** So many; undefined: there is no breaker. */
  readonly failures: number | undefined
  /** --role */
  readonly named: string | undefined
  /** `<state>` on the host. */
  readonly state: string
  readonly warn: (text: string) => void
}

export interface Breaker {
  readonly instead: NonNullable<Reading['instead']>
  /** In whose history a boot counts that failed before it came to a row of its own; undefined: in nobody's. */
  role(signal: AbortSignal): Promise<string | undefined>
}

/** Leaves a revision that failed on so many boots of the role and never succeeded, for the last good one. All instances read the same
 *  history, strongly consistent, so that they decide the same. A source in which no role can be read is left, too: the role is then the one that
 *  this instance had, or that others with its security groups were healthy in. */
export function breaker({ cloud, instance, failures, named, state, warn }: BreakerParts): Breaker {
  const { securityGroups } = instance
  let found: string | undefined

  async function supposed(signal: AbortSignal): Promise<string | undefined> {
    const before = named ?? roleBefore(join(state, instance.id), securityGroups)
    if (before !== undefined) return before
    try {
      return await cloud.revisions.roleWith(securityGroups, signal)
    } catch (error) {
      signal.throwIfAborted()
      // What is wrong with the source says why the boot fails, and this does not.
      warn(`which role instances with the security groups ${securityGroups.join(', ')} had could not be found out: ${messageOf(error)}`)
      return undefined
    }
  }

  return {
    async instead({ directory, revision }, signal) {
      if (failures === undefined) return undefined
      found = (directory === undefined ? undefined : roleIn(directory, securityGroups, named)) ?? (await supposed(signal))
      if (found === undefined) return undefined
      const history = await cloud.revisions.history(found, signal)
      const good = lastGood(history)
      if (good === undefined || !shouldLeave(history, revision, failures)) return undefined
      const failed = history.revisions.find(one => one.revision === revision)
      const last = failed?.failed[0]
      const why = last ? `; the last, on ${last.instanceId}: ${last.failure.split('\n')[0]}` : ''
      return { commit: good.revision, reason: `${failed?.failures} boots of ${found} failed on ${revision} and none succeeded, so the last good revision ${good.revision} is taken${why}` }
    },

    async role(signal) {
      if (failures === undefined) return undefined
      const role = found ?? (await supposed(signal))
      // Of a role without a registry nobody was ever healthy, as far as the fleet knows.
      return role !== undefined && lastGood(await cloud.revisions.history(role, signal)) !== undefined ? role : undefined
    },
  }
}

/** A source in which no role can be found fails for that reason, and not here. */
function roleIn(directory: string, groups: readonly string[], named: string | undefined): string | undefined {
  try {
    return named === undefined ? pickRole(directory, groups).role.name : loadRole(directory, named).name
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** What the last boot decided here, by these very groups. */
function roleBefore(own: string, groups: readonly string[]): string | undefined {
  try {
    const decision = readDecision(own)
    return decision && [...decision.groups].sort().join('\n') === [...groups].sort().join('\n') ? decision.role : undefined
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}
