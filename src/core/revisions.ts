import type { BootOfRevision, RevisionHistory, RevisionRecord } from './cloud.ts'

/** Enough for every revision between two that were good; the whole history stays below 16 KB. */
export const REVISIONS_KEPT = 12
const FAILED_KEPT = 3
const GROUPS_KEPT = 8
const FAILURE_LENGTH = 300
/** More failures than these teach nobody anything, and a group that fails all night must not write all night. */
export const FAILURES_COUNTED = 100

export const NO_HISTORY: RevisionHistory = { seq: 0, revisions: [] }

/** The revision this role was last seen healthy with; undefined: never yet. */
export function lastGood({ revisions }: RevisionHistory): RevisionRecord | undefined {
  return revisions.reduce<RevisionRecord | undefined>((best, one) => (one.goodAt !== null && one.goodAt > (best?.goodAt ?? -1) ? one : best), undefined)
}

/** Whether a boot that is about to take `revision` should take the last good one instead: so many boots of it failed, none succeeded, and
 *  there is a good one. It follows from the history alone: all who read the same decide the same. */
export function shouldLeave(history: RevisionHistory, revision: string, failures: number): boolean {
  const record = history.revisions.find(one => one.revision === revision)
  return record !== undefined && record.goodAt === null && record.failures >= Math.min(failures, FAILURES_COUNTED) && lastGood(history) !== undefined
}

/** @returns the history that was given, when it says so already */
export function withGood(history: RevisionHistory, { revision, appRevision, groups }: BootOfRevision): RevisionHistory {
  const latest = lastGood(history)
  const grouped = withGroups(history, groups)
  if (grouped === history && latest?.revision === revision && latest.appRevision === appRevision) return history
  return withRecord(grouped, { ...recordOf(history, revision), appRevision, goodAt: history.seq + 1 })
}

/** Whether instances with exactly these security groups were healthy in the role that the history is of. */
export function knowsGroups({ groups = [] }: RevisionHistory, asked: readonly string[]): boolean {
  const name = nameOf(asked)
  return groups.some(one => nameOf(one) === name)
}

function withGroups(history: RevisionHistory, groups: readonly string[] | undefined): RevisionHistory {
  if (groups === undefined || groups.length === 0 || knowsGroups(history, groups)) return history
  return { ...history, groups: [[...groups].sort(), ...(history.groups ?? [])].slice(0, GROUPS_KEPT) }
}

/** A group's name holds no line end. */
function nameOf(groups: readonly string[]): string {
  return [...groups].sort().join('\n')
}

/** @returns the history that was given, when this boot is in it, or enough others are */
export function withFailed(history: RevisionHistory, { revision, run, instanceId }: BootOfRevision, failure: string): RevisionHistory {
  const record = recordOf(history, revision)
  if (record.failures >= FAILURES_COUNTED || record.failed.some(one => one.run === run)) return history
  return withRecord(history, {
    ...record,
    failures: record.failures + 1,
    failed: [{ run, instanceId, failure: failure.slice(0, FAILURE_LENGTH) }, ...record.failed].slice(0, FAILED_KEPT),
  })
}

function recordOf({ revisions }: RevisionHistory, revision: string): RevisionRecord {
  return revisions.find(one => one.revision === revision) ?? { revision, appRevision: null, goodAt: null, failures: 0, failed: [] }
}

/** The last good one is never let go of, however many have failed since. */
function withRecord(history: RevisionHistory, record: RevisionRecord): RevisionHistory {
  const { seq, revisions } = history
  const all = [record, ...revisions.filter(one => one.revision !== record.revision)]
  const good = lastGood({ ...history, revisions: all })
  const kept = all.slice(0, REVISIONS_KEPT)
  return { ...history, seq: seq + 1, revisions: good === undefined || kept.includes(good) ? kept : [...kept.slice(0, -1), good] }
}

/** What is wrong with a history as it was read; undefined: nothing. */
export function historyFault({ seq, revisions, groups = [] }: Readonly<Record<string, unknown>>): string | undefined {
  if (!Number.isInteger(seq)) return '"seq" is no number'
  if (!Array.isArray(revisions)) return '"revisions" is no list'
  if (!Array.isArray(groups) || !groups.every(set => Array.isArray(set) && set.every(one => typeof one === 'string'))) return '"groups" lists what are no names'
  const isRecord = (one: Partial<RevisionRecord> | null): boolean =>
    typeof one?.revision === 'string' && (one.goodAt === null || Number.isInteger(one.goodAt)) && Number.isInteger(one.failures) && Array.isArray(one.failed)
  return revisions.every(isRecord) ? undefined : '"revisions" lists what is no revision'
}
