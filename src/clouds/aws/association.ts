import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import type { Ec2 } from './ec2.ts'
import { awsCode, awsMessage, isOfCredentials } from './errors.ts'
import type { Target } from './interfaces.ts'

export interface Associating {
  readonly allocationId: string
  readonly instanceId: string
  readonly target: Target
  /** Who was just parted from it: EC2 may take them for the holder a little longer. */
  readonly from: string | null
  /** Who holds it by EC2's word, asked anew. */
  readonly holder: () => Promise<string | null>
  /** Throws when the right to associate it is gone. Called before each association. */
  readonly ensure: () => Promise<void>
}

/** How often an association is sent that was not done, for reasons that pass; with the waits between, half a minute. */
const SENDS = 8
const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 8_000

/** Associates an address that is free. Never with reassociation: then of two that are told of a free address one is refused, whatever was read before.
 *  An answer that is lost is looked after, not asked for again: what was done is not done twice.
 *  @throws Failure `address.held`, `address.missing`, `cloud.denied`, and as `Calls.ask` */
export async function associate(ec2: Ec2, clock: Clock, wanted: Associating, signal: AbortSignal): Promise<void> {
  const { allocationId, instanceId, target, from, holder, ensure } = wanted
  for (let sent = 1; ; sent++) {
    await ensure()
    let refusal: Failure
    try {
      await ec2.ask(
        'AssociateAddress',
        (client, sdk, options) => client.send(new sdk.AssociateAddressCommand({ AllocationId: allocationId, ...target, AllowReassociation: false }), options),
        { signal, on: allocationId, retries: 0 },
      )
      return
    } catch (error) {
      refusal = refusalOf(error, allocationId, instanceId)
    }
    if (refusal.code === 'address.held' || refusal.code === 'cloud.unreachable') {
      const now = await holder()
      if (now === instanceId) return
      if (now !== null && now !== from) throw new Failure('address.held', `${allocationId} is held by ${now} by now`, { cause: refusal })
      // Free, says EC2 here, and held, there: its views settle within seconds.
    }
    if (refusal.remedy !== 'retry' || sent >= SENDS) throw refusal
    await clock.sleep(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (sent - 1)), signal)
  }
}

/** What EC2 says to AssociateAddress and does not mean for good: the instance is not yet known, or not yet running, everywhere. */
const PASSING: ReadonlySet<string> = new Set(['InvalidInstanceID', 'InvalidInstanceID.NotFound', 'InvalidInstanceID.NotReady', 'IncorrectInstanceState', 'InvalidNetworkInterfaceID.NotFound'])

/** Source: "Error codes for the Amazon EC2 API". */
function refusalOf(error: unknown, allocationId: string, instanceId: string): Failure {
  if (!(error instanceof Failure)) throw error
  const code = awsCode(error) ?? ''
  const said = awsMessage(error)
  if (code === 'Resource.AlreadyAssociated') return new Failure('address.held', `${allocationId} is held already, says EC2: ${said}`, { cause: error, remedy: 'retry' })
  if (code.startsWith('InvalidAllocationID')) return missing(allocationId, error)
  if (code === 'AuthFailure' && !isOfCredentials(error)) {
    return new Failure('cloud.denied', `${allocationId} is another account's: ${said}`, { cause: error, hint: 'Name an address of the account that this instance runs in.' })
  }
  if (error.code === 'cloud.denied') {
    return new Failure('cloud.denied', error.message, { cause: error, hint: `${error.hint ?? ''} For \`tag\` and \`pool\` it goes by the tags of the address: see there which it is to carry.`.trim() })
  }
  if (PASSING.has(code)) return new Failure('cloud.unreachable', `${allocationId} can't be given to ${instanceId} yet: ${code}: ${said}`, { cause: error, remedy: 'retry' })
  // Its answer is lost: whether it was done is to be seen.
  if (error.code === 'cloud.unreachable') return new Failure('cloud.unreachable', error.message, { cause: error.cause, hint: error.hint, remedy: 'retry' })
  return error
}

export function missing(allocationId: string, cause?: unknown): Failure {
  return new Failure('address.missing', `there is no address ${allocationId} in this account and region`, {
    cause,
    hint: 'Look at the role (eip: allocation), or at the tag of the instance that names it: aws ec2 describe-addresses lists what there is.',
  })
}
