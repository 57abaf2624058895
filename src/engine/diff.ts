import type { Change } from '../core/change.ts'

/** Past this many characters a text is counted, not compared. */
const LONGEST = 512 * 1024

/** Changes as events carry them: texts of several lines become unified diffs, secrets lose their values. */
export async function shown(changes: readonly Change[]): Promise<readonly Change[]> {
  if (!changes.some(change => change.secret || isText(change))) return changes
  const { createTwoFilesPatch } = await import('diff')
  return changes.map(change => {
    const { from, to, diff, ...rest } = change
    if (change.secret) return rest
    if (!isText(change)) return change
    const before = typeof from === 'string' ? from : ''
    const after = typeof to === 'string' ? to : ''
    if (before.length + after.length > LONGEST) return { ...rest, diff: `(${before.length} characters become ${after.length})` }
    const name = change.field ?? 'content'
    const patch = createTwoFilesPatch(name, name, before, after, 'is', 'should be', { context: 3 })
    return { ...rest, diff: patch.slice(patch.indexOf('---')) }
  })
}

function isText({ from, to }: Change): boolean {
  return (typeof from === 'string' && from.includes('\n')) || (typeof to === 'string' && to.includes('\n'))
}
