import { endings } from './endings.ts'
import { marked, tellMarked } from './git-processes.ts'

/** Stands in the environment of a command that can be told from all others while it runs, and after a sunup that was killed. */
export const MARK = 'SUNUP_APPLY'

/** Ends what has one of these marks: SIGTERM, and SIGKILL 5 s later. */
export async function endLeftovers(marks: readonly string[]): Promise<void> {
  const ends = endings()
  for (const setting of marks.map(mark => `${MARK}=${mark}`)) {
    if (marked(setting).length > 0) ends.end({ isThere: () => marked(setting).length > 0, tell: signal => tellMarked(setting, signal) })
  }
  await ends.ended()
}
