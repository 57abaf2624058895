import type { Cloud } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { noCounts, type Counts, type EventBody, type Outcome } from '../../core/events.ts'
import type { Instance } from '../../core/instance.ts'
import { lastGood } from '../../core/revisions.ts'
import type { RunControl } from '../../engine/run.ts'
import type { BuiltIn } from '../../roles/recipes.ts'

/** Roles, recipes and templates, where they lie, and who decides the role. */
export interface Repository {
  /** Absolute, on the host. */
  readonly directory: string
  /** The commit checked out there; undefined where it is no git checkout. */
  readonly revision: string | undefined
  readonly builtIn: BuiltIn
  /** --role */
  readonly role: string | undefined
  /** How bringing it went, which was told like a resource; undefined: it is a directory of the user's own. */
  readonly outcome?: Outcome | undefined
  /** A gate has opened on it: what `onUnreachable: last-good` goes back to. Writes nothing where that is known already.
   *  @throws Failure `file.denied`, `disk.full` */
  opened?(role: string, groups: readonly string[]): void
  /** Lets go of what was made only to read it. */
  end?(): void
}

/** What reading a remote source needs of the run that it is read for. */
export interface Reading {
  readonly signal: AbortSignal
  readonly clock: Clock
  tell(event: EventBody): void
  /** Nothing may be written that outlives the run. */
  readonly planning: boolean
  /** The instance's security groups; undefined where nobody asks whose it is. */
  readonly groups: readonly string[] | undefined
  /** The commit that the fleet last saw this role healthy with. */
  fleetsGood?(role: string): Promise<string | undefined>
  /** Told the commit that the ref stands for, once that is known. */
  asked?(commit: string): void
  /** Asked once a source is there, before anything of it is loaded, and where it could not be made ready (then without a directory): the commit to take
   *  instead of it, and why; undefined: this one. */
  instead?(source: { readonly directory: string | undefined; readonly revision: string }, signal: AbortSignal): Promise<{ readonly commit: string; readonly reason: string } | undefined>
}

/** Reading on behalf of a run: it tells, and the source counts among its resources. */
export function readingFor(control: RunControl, cloud: Cloud, instance: Instance, planning: boolean, instead?: Reading['instead']): Reading {
  return {
    signal: control.signal,
    clock: control.clock,
    planning,
    groups: instance.securityGroups,
    tell(event) {
      control.story.tell(event)
      if (event.type === 'resource.finished') control.counts({ ...noCounts(), [event.outcome]: 1 })
    },
    ...(instead && { instead }),
    fleetsGood: async role => lastGood(await cloud.revisions.history(role, control.signal))?.revision,
  }
}

/** The counts of a run's resources, with its source among them. */
export function withSource(counts: Counts, { outcome }: Repository): Counts {
  return outcome === undefined ? counts : { ...counts, [outcome]: counts[outcome] + 1 }
}
