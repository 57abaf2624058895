import { Failure, messageOf } from '../../core/failure.ts'
import { regionIn, type Environment } from './conventions.ts'

/** The region, from AWS_REGION, AWS_DEFAULT_REGION, the profile, or else from the instance itself; found once.
 *  @param ofInstance as the metadata service knows it
 *  @throws Failure `cloud.invalid` when it can't be found */
export function awsRegion(env: Environment, ofInstance: (signal: AbortSignal) => Promise<string | null>): (signal: AbortSignal) => Promise<string> {
  let found: string | undefined
  return async signal => {
    if (found !== undefined) return found
    let cause: unknown
    found =
      (await regionIn(env)) ??
      (await ofInstance(signal).catch((error: unknown) => {
        signal.throwIfAborted()
        cause = error
        return null
      })) ??
      undefined
    if (found !== undefined) return found
    throw new Failure('cloud.invalid', `the region can't be found: neither environment nor profile names it${cause === undefined ? '' : `, and ${messageOf(cause)}`}`, {
      cause,
      hint: 'Set AWS_REGION, e.g. AWS_REGION=eu-west-1.',
    })
  }
}
