import { join } from 'node:path'
import type { Fault } from '../core/failure.ts'
import type { PlannedStep } from './planned.ts'

/** Where sunup keeps what is its own, as resources name it. */
export interface OwnPlaces {
  /** The run directory: the health directory is below. */
  readonly run: string
  /** The state directory. */
  readonly state: string
}

/** A recipe that wrote there could open the gate before anything is proven, or take the lock away from under its own run. */
export function intrusions(planned: readonly PlannedStep[], { run, state }: OwnPlaces): readonly Fault[] {
  const health = join(run, 'health')
  return planned.flatMap(({ step, resources }) => resources.flatMap(({ resource }): Fault[] => {
    const { path, purge } = resource.props as { path?: unknown; purge?: unknown }
    if (typeof path !== 'string') return []
    const place = [run, state].find(own => isIn(path, own) || (purge && isIn(own, path)))
    if (place === undefined) return []
    return [{
      place: step.entry.place,
      message: `${resource.id} ${isIn(path, place) ? 'lies in' : 'would be emptied with'} ${place}, which is sunup's own`,
      hint: isIn(path, health) ? 'The health file is written by sunup alone, when all else is proven: leave it out, and name it by `health` in the role.' : 'Give it another place.',
      code: 'resource.invalid',
    }]
  }))
}

function isIn(path: string, directory: string): boolean {
  return `${oneName(path)}/`.startsWith(`${oneName(directory)}/`)
}

/** The older name of /run is a link to it. */
function oneName(path: string): string {
  return path.replace(/^\/var\/run(?=\/|$)/, '/run')
}
