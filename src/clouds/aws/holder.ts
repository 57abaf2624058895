import type { HolderState } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import type { AutoScaling } from './auto-scaling.ts'
import type { Ec2 } from './ec2.ts'
import { awsCode } from './errors.ts'

export interface HolderOptions {
  readonly ec2: Ec2
  readonly autoScaling: AutoScaling
  readonly clock: Clock
  /** Told that somebody can't be looked at, and counts as alive for that. */
  readonly warn?: ((text: string) => void) | undefined
  /** What an instance says of itself in the registry: that it drains. */
  readonly isDraining?: ((instanceId: string, signal: AbortSignal) => Promise<boolean>) | undefined
}

/** A place that did not know an instance is asked again after this: right after a launch EC2's answers differ from one another. */
const SECOND_LOOK_MS = 2_000

/** What is proven of whoever holds an address. Dead is only what EC2 says is terminated or shutting down, or does not find twice, or what Auto Scaling
 *  terminates; what can't be looked at is alive. An instance that is stopped keeps its address, and is alive.
 *  @throws Failure `cloud.denied`: a policy that lets nobody look would keep an address with the dead for ever */
export async function holderState(holder: string, { ec2, autoScaling, clock, isDraining, warn }: HolderOptions, signal: AbortSignal): Promise<HolderState> {
  // A network interface without an instance: a NAT gateway, a load balancer, one that is kept for later.
  if (!holder.startsWith('i-')) return 'alive'
  const doubt = (failure: Failure): void => warn?.(`whether ${holder} lives can't be looked at, so it counts as alive: ${failure.message}`)
  const state = (await unlessAway(instanceState(holder, ec2, signal), doubt)) ?? 'unknown'
  if (GONE.has(state)) return 'dead'
  if (state === 'missing') {
    await clock.sleep(SECOND_LOOK_MS, signal)
    return (await unlessAway(instanceState(holder, ec2, signal))) === 'missing' ? 'dead' : 'alive'
  }
  const member = await unlessAway(autoScaling.member(holder, signal))
  if (member && TERMINATING.test(member.state)) return 'dead'
  if (member && LEAVING.test(member.state)) return 'draining'
  return (await unlessAway(isDraining?.(holder, signal) ?? Promise.resolve(false))) ? 'draining' : 'alive'
}

const GONE: ReadonlySet<string> = new Set(['terminated', 'shutting-down'])
const TERMINATING = /^(Warmed:)?Terminat/
/** Out of service, by the group's will; it may come back. */
const LEAVING = /^(Warmed:|EnteringStandby|Standby|Detaching|Detached)/

/** As EC2 names it; 'missing': it knows of none. */
async function instanceState(instanceId: string, ec2: Ec2, signal: AbortSignal): Promise<string> {
  try {
    const { Reservations = [] } = await ec2.ask(
      'DescribeInstances',
      (client, sdk, options) => client.send(new sdk.DescribeInstancesCommand({ InstanceIds: [instanceId] }), options),
      { signal, on: instanceId },
    )
    const found = Reservations.flatMap(one => one.Instances ?? []).find(one => one.InstanceId === instanceId)
    return found?.State?.Name ?? 'missing'
  } catch (error) {
    if (awsCode(error) === 'InvalidInstanceID.NotFound') return 'missing'
    throw error
  }
}

/** undefined: there was no answer, which proves nothing. */
async function unlessAway<T>(answer: Promise<T>, doubt?: (failure: Failure) => void): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Failure && (error.code === 'cloud.unreachable' || error.code === 'cloud.throttled' || error.code === 'cloud.invalid')) {
      doubt?.(error)
      return undefined
    }
    throw error
  }
}
