export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** It ended well, and ran all that it had planned. */
  readonly isComplete: boolean
}

/** Counts the tests of a file by its TAP: top-level points, and the plan that says how many there should have been.
 *  @param code the file's exit code */
export function tapCount(tap: string, code: number | null): Count {
  const points = [...tap.matchAll(/^(not )?ok \d+.*$/gm)]
  const skipped = points.filter(([line]) => line.includes('# SKIP')).length
  const failed = points.filter(([, not]) => not !== undefined).length
  const planned = /^1\.\.(\d+)/m.exec(tap)?.[1]
  return { passed: points.length - failed - skipped, failed, skipped, isComplete: code === 0 && points.length > 0 && planned === String(points.length) }
}
