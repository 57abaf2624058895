import type { Span } from './timeline.ts'

/** A unit that came up before the run began. Times are milliseconds since zero. */
export interface UnitTime {
  readonly name: string
  readonly startMs: number
  /** When it was up: what is ordered after it could begin. */
  readonly upMs: number
  /** What it is ordered after. */
  readonly after: readonly string[]
}

/** What a machine did before a run began. */
export interface Before {
  /** What zero is: the kernel's start; in a container, whose kernel had started long before, that of its systemd. */
  readonly from: 'kernel' | 'systemd'
  /** When systemd began. */
  readonly systemdMs: number
  /** The unit that ran it, e.g. 'sunup.service'. */
  readonly unit: string
  /** When its process was started. */
  readonly startedMs: number
  /** When the run told its beginning. */
  readonly runMs: number
  readonly units: readonly UnitTime[]
}

/** Times of one moment that were taken by two. */
const SAME_MS = 2
/** What came up faster is of no interest where nobody waited for it. */
const NOTABLE_MS = 20

/** The units before a run: those that it waited for, as `systemd-analyze critical-chain` finds them, and what else took long beside them. */
export function criticalUnits(before: Before): readonly Span[] {
  const chain = chainTo(before)
  const spans: Span[] = []
  let since = 0
  const add = (name: string, startMs: number, untilMs: number, kind: Span['kind'] = 'run'): void => {
    if (untilMs - startMs >= SAME_MS) spans.push(spanOf(name, kind, startMs, untilMs, true))
    since = Math.max(since, untilMs)
  }
  if (before.from === 'kernel') add('kernel', 0, before.systemdMs)
  for (const unit of chain) {
    add('systemd', since, unit.startMs)
    add(unit.name, Math.max(since, unit.startMs), unit.upMs, 'unit')
  }
  add('systemd', since, before.startedMs)
  add('the program starts', since, before.runMs)
  const waitedFor = new Set(chain.map(({ name }) => name))
  const beside = before.units.filter(({ name, startMs, upMs }) => name !== before.unit && !waitedFor.has(name) && startMs < before.runMs && upMs - startMs >= NOTABLE_MS)
  return [...spans, ...beside.map(({ name, startMs, upMs }) => spanOf(name, 'unit', startMs, Math.min(upMs, before.runMs), false))].sort((a, b) => a.startMs - b.startMs)
}

/** From the unit back to whatever it was ordered after that came up last, and from there on. */
function chainTo({ unit, startedMs, units }: Before): readonly UnitTime[] {
  const known = new Map(units.map(one => [one.name, one]))
  const chain: UnitTime[] = []
  const seen = new Set([unit])
  let here = known.get(unit)
  let limitMs = startedMs
  while (here) {
    const earlier: UnitTime[] = here.after.flatMap(name => known.get(name) ?? []).filter(one => one.upMs <= limitMs + SAME_MS && !seen.has(one.name))
    // Of several that came up at once the one that took longest says most.
    here = earlier.reduce<UnitTime | undefined>((best, one) => (best === undefined || one.upMs > best.upMs || (one.upMs === best.upMs && one.startMs < best.startMs) ? one : best), undefined)
    if (here === undefined) break
    seen.add(here.name)
    chain.unshift(here)
    limitMs = here.upMs
  }
  return chain
}

function spanOf(name: string, kind: Span['kind'], startMs: number, untilMs: number, isCritical: boolean): Span {
  return { name, kind, phase: 'units', startMs, durationMs: untilMs - startMs, outcome: null, isCritical, isCutOff: false }
}
