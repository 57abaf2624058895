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

/** A hint that names the nearest candidate: where the message lists them all. */
export function wasMeant(name: string, candidates: readonly string[]): string | undefined {
  const near = nearest(name, candidates)
  return near === undefined ? undefined : `Did you mean ${near}?`
}

/** The same; where none is near, it names all of them. */
export function didYouMean(name: string, candidates: readonly string[]): string | undefined {
  const meant = wasMeant(name, candidates)
  if (meant !== undefined) return meant
  return candidates.length === 0 ? undefined : `There is: ${[...candidates].sort().join(', ')}.`
}
