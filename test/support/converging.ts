import type { Test } from 'tap'
import { join } from 'node:path'
import type { Change } from '../../src/core/change.ts'
import type { Event } from '../../src/core/events.ts'
import { resourceBase, type Act, type CommonProps, type Resource, type ResourceRef } from '../../src/core/resource.ts'
import { converge, type Converged, type Ground, type Work } from '../../src/engine/converge.ts'
import { journal } from '../../src/engine/journal.ts'
import { pins } from '../../src/engine/pins.ts'
import type { Planned } from '../../src/engine/planned.ts'
import { story } from '../../src/engine/story.ts'
import { systemClock } from '../../src/machine/clock.ts'
import type { TestMachine } from './machine.ts'

/** A flag: a file that says `up`. The smallest real resource, and what it does can be told it. */
export interface FlagProps extends CommonProps {
  readonly path: string
  readonly on?: Readonly<Partial<Record<Act, readonly ResourceRef[]>>>
  readonly journaled?: boolean
  readonly hostOnly?: string
  /** Instead of writing `up`. */
  readonly applies?: (machine: TestMachine, changes: readonly Change[], signal: AbortSignal) => Promise<void> | void
  readonly checks?: (machine: TestMachine) => readonly Change[] | undefined
  readonly reverts?: () => void
}

export function flag(machine: TestMachine, props: FlagProps): Resource {
  const { path, on, journaled, hostOnly, applies, checks, reverts, ...common } = props
  return {
    ...resourceBase({ kind: 'flag', key: path, props: { path, ...common }, ...(on && { triggers: on }) }),
    journaled,
    hostOnly,
    check: ({ observer }) => checks?.(machine) ?? (observer.readText(path) === 'up' ? [] : [{ type: 'create', field: 'flag', to: 'up' }]),
    apply: async (changes, { machine: given, signal }) => {
      if (applies) await applies(machine, changes, signal)
      else given.write(path, 'up')
    },
    ...(reverts && { revert: reverts }),
  }
}

export function planned(resource: Resource, more: Partial<Planned> = {}): Planned {
  return { resource, origin: `recipe of ${resource.id}`, phase: 'prepare', ...more }
}

/** Converges on that machine, with a real journal beside it; more of the ground, or of the work, may be given. */
export async function converging(
  t: Test,
  machine: TestMachine,
  resources: readonly Resource[],
  more: Partial<Work> & { readonly ground?: Partial<Ground> } = {},
): Promise<Converged & { readonly events: readonly Event[] }> {
  const events: Event[] = []
  const { ground, ...work } = more
  const kept = journal(join(machine.dir, 'journal.ndjson'))
  t.teardown(() => kept.close())
  const result = await converge(
    { stages: [() => resources.map(resource => planned(resource))], onFailure: 'stop', planning: false, ...work },
    {
      machine,
      journal: kept,
      story: story('run', systemClock, [event => void events.push(event)]),
      pins: pins(),
      clock: systemClock,
      signal: new AbortController().signal,
      ...ground,
    },
  )
  return { ...result, events }
}
