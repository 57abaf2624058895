import type { Observer } from '../../../core/machine.ts'

/** Where something is that an image must not carry. */
export interface Sighting {
  /** Absolute, as resources name paths. */
  readonly path: string
  /** More than the kind can say of it, e.g. which debts. */
  readonly detail?: string | undefined
  /** Where it is not the kind's. */
  readonly fix?: Remedy
  readonly hint?: string
}

/** What --fix does: remove it, leave it there and empty, or nothing, because somebody has to decide. */
export type Remedy = 'remove' | 'empty' | 'none'

/** A kind of thing that an image must not carry. One more is one entry more of a table. */
export interface Kind {
  /** e.g. 'ssh host key' */
  readonly what: string
  /** What would come of it, as the end of a sentence. */
  readonly why: string
  readonly fix: Remedy
  /** For those that --fix does not remove: what to do. */
  readonly hint?: string
  /** Only weight and noise: it is told and removed, and refuses no image, for a machine that runs makes it again. */
  readonly minor?: true
  look(ground: Ground): readonly Sighting[]
}

/** Where the kinds look. */
export interface Ground {
  readonly machine: Observer
  /** `<state>` and `<run>`, as resources name paths. */
  readonly state: string
  readonly run: string
  /** Directories of people and services, as the machine's own passwd has them. */
  readonly homes: readonly string[]
  /** Whether `<run>` is gone when the machine is off: then an image has nothing of it. */
  readonly runIsMemory: boolean
}

export interface Finding extends Omit<Sighting, 'hint'> {
  readonly what: string
  readonly why: string
  readonly fix: Remedy
  readonly hint?: string | undefined
  readonly refused: boolean
}
