import type { Cloud } from '../core/cloud.ts'
import { Failure } from '../core/failure.ts'
import type { Instance } from '../core/instance.ts'
import { lastGood, shouldLeave } from '../core/revisions.ts'
import { pickRole } from '../roles/match.ts'
import { loadRole } from '../roles/role.ts'
import type { Reading } from './repository.ts'

/** Leaves a revision that failed on so many boots of the role and never succeeded, for the last good one. All instances read the same
 *  history, strongly consistent, so that they decide the same.
 *  @param failures so many; undefined: never */
export function breaker(cloud: Cloud, { securityGroups }: Instance, failures: number | undefined, named: string | undefined, signal: AbortSignal): NonNullable<Reading['instead']> {
  return async ({ directory, revision }) => {
    if (failures === undefined) return undefined
    const role = roleIn(directory, securityGroups, named)
    if (role === undefined) return undefined
    const history = await cloud.revisions.history(role, signal)
    const good = lastGood(history)
    if (good === undefined || !shouldLeave(history, revision, failures)) return undefined
    const failed = history.revisions.find(one => one.revision === revision)
    const last = failed?.failed[0]
    const why = last ? `; the last, on ${last.instanceId}: ${last.failure.split('\n')[0]}` : ''
    return { commit: good.revision, reason: `${failed?.failures} boots of ${role} failed on ${revision} and none succeeded, so the last good revision ${good.revision} is taken${why}` }
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
