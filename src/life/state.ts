import { dirname } from 'node:path'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { makeDirectory, makeOpenDirectory } from '../core/make-directory.ts'

/** Makes `<state>`, which is its owner's alone; what it lies in is everybody's to pass through.
 *  @throws Failure `file.denied`, `disk.full` */
export function makeState(directory: string): void {
  try {
    makeOpenDirectory(dirname(directory))
    makeDirectory(directory, 0o700)
  } catch (error) {
    const code = errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied'
    throw new Failure(code, `the state directory ${directory} can't be made: ${messageOf(error)}`, { cause: error, hint: 'Run as a user who may write there, or name another `state` in sunup.yaml.' })
  }
}
