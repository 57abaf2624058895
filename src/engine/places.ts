import { dirname } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { Occupied, Resource } from '../core/resource.ts'
import type { Planned } from './planned.ts'

/** One path is one resource's: of two each would undo the other in every boot, or fail for it. One with a guard may be meant for another case.
 *  @throws Failure `resource.conflict` */
export function checkPlaces(planned: readonly Planned[]): void {
  const taken = new Map<string, { readonly one: Planned; readonly as: Occupied['as'] }>()
  for (const one of planned) {
    const place = placeOf(one.resource)
    if (place === undefined) continue
    const first = taken.get(place.path)
    if (first === undefined) taken.set(place.path, { one, as: place.as })
    else if (first.as !== 'directory' || place.as !== 'directory') {
      throw conflict(`${place.path} is the path of two resources: of ${named(first.one)}, and of ${named(one)}`, 'Leave it to one of them, or give one of them a guard (onlyIf, notIf).')
    }
  }
  const seen = new Set<string>()
  for (const [path, { one }] of taken) {
    for (let above = dirname(path); !seen.has(above); above = dirname(above)) {
      seen.add(above)
      const over = taken.get(above)
      if (over?.as === 'file') throw conflict(`${above} is a file, of ${named(over.one)}, and can’t hold that of ${named(one)}`, 'Give one of them another path.')
    }
  }
}

function placeOf({ occupies, onlyIf, notIf }: Resource): Occupied | undefined {
  return onlyIf === undefined && notIf === undefined ? occupies : undefined
}

function named({ resource, origin }: Planned): string {
  return `${resource.id} by ${origin}`
}

function conflict(message: string, hint: string): Failure {
  return new Failure('resource.conflict', message, { hint })
}
