import { Failure, type Fault } from './failure.ts'
import { showPlace, type Place } from './role.ts'

/** A single fault as a Failure. */
export function failureAt(fault: Fault, cause?: unknown): Failure {
  return failureOf([fault], cause)
}

/** All faults of a file as one Failure: one a line, the code and hint of the first. */
export function failureOf(faults: readonly Fault[], cause?: unknown): Failure {
  const first = faults[0] as Fault
  const lines = faults.map((fault, index) => `${showPlace(fault.place)}: ${fault.message}${index > 0 && fault.hint ? ` (${fault.hint})` : ''}`)
  return new Failure(first.code, lines.join('\n'), { hint: first.hint, faults, cause })
}

/** A Failure's faults; of one that has none, itself, at the place where it was met. */
export function faultsOf(failure: Failure, place: Place): readonly Fault[] {
  return failure.faults.length > 0 ? failure.faults : [{ place, message: failure.message, hint: failure.hint, code: failure.code }]
}
