import { distance } from 'fastest-levenshtein'

/** The candidate that was most likely meant, or undefined when none is near. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 2)) + 1
  for (const candidate of candidates) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase())
    if (d < least) [best, least] = [candidate, d]
  }
  return best
}

/** A hint that names the nearest candidate, else all of them. */
export function didYouMean(name: string, candidates: readonly string[]): string | undefined {
  const near = nearest(name, candidates)
  if (near !== undefined) return `Did you mean ${near}?`
  return candidates.length === 0 ? undefined : `There is: ${[...candidates].sort().join(', ')}.`
}
