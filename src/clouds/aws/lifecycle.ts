import type { Lifecycle } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { showDuration } from '../../core/duration.ts'
import { Failure } from '../../core/failure.ts'
import type { AutoScaling, Member } from './auto-scaling.ts'
import { awsCode, awsMessage } from './errors.ts'
import { hooks, type Hook } from './lifecycle-hooks.ts'
import { stageOf, type Stage, type Transition } from './lifecycle-state.ts'

export interface AwsLifecycleOptions {
  readonly autoScaling: AutoScaling
  readonly clock: Clock
  readonly instanceId: (signal: AbortSignal) => Promise<string>
  /** What IMDS says the group wants; undefined: nothing, or no group. */
  readonly targetState: (signal: AbortSignal) => Promise<string | undefined>
  /** The hook to answer, where a group has several of one transition. Default: the one whose name begins with `sunup`. */
  readonly hook?: string | undefined
  /** Told in a sentence of what is not as usual, and no failure. */
  readonly warn?: ((text: string) => void) | undefined
}

/** How long an answer that finds nobody waiting is given again while the group says that it waits: its own parts learn of that minutes apart. */
const LAG_MS = 5 * 60_000
/** The same where another hook may be what the group waits for: then ours was answered before. */
const LAG_WITH_OTHERS_MS = 30_000
/** Answers of which nothing is heard; with the waits between, half a minute. */
const LOST_AT_MOST = 5
const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 15_000

/** How an answer ended: given, or there is nobody to give it to, because of what `Stage` says, or because there is no group or no hook. */
type Outcome = 'answered' | 'no group' | 'no hook' | Stage

/** The lifecycle hooks of the instance's Auto Scaling group. An instance in no group changes nothing anywhere, and all is well.
 *  Every answer begins with a look at the state: it alone tells whether one is waited for. */
export function awsLifecycle({ autoScaling, clock, instanceId, targetState, hook: named, warn = () => {} }: AwsLifecycleOptions): Lifecycle {
  const known = hooks(autoScaling, named)
  const answered = new Set<Transition>()
  /** The hook that heartbeats go to; null: nobody waits. */
  let beating: Hook | null | undefined

  const membership = async (signal: AbortSignal): Promise<{ readonly id: string; readonly member: Member | undefined }> => {
    const id = await instanceId(signal)
    return { id, member: await autoScaling.member(id, signal) }
  }

  /** Answers the hook of a transition, as soon as it waits. */
  async function answer(transition: Transition, result: 'CONTINUE' | 'ABANDON', signal: AbortSignal): Promise<Outcome> {
    const startedAt = clock.monotonic()
    let refused: Failure | undefined
    let lost = 0
    for (let tries = 0; ; tries++) {
      const { id, member } = await membership(signal)
      if (member === undefined) return 'no group'
      const stage = await stageNow(member, transition, signal)
      // What nobody waits for any more, after an answer that was lost, was answered by that.
      if (stage === 'over' && refused && lost === 0) warn(`the ${transition} hook of ${member.group} was over before it was answered: ${awsMessage(refused)} (${id} is ${member.state})`)
      if (stage !== 'waiting' && stage !== 'before') return stage
      const hook = await known.of(member.group, transition, signal)
      if (hook === undefined) return 'no hook'
      if (stage === 'waiting') {
        try {
          refused = await complete(hook, id, result, signal)
          if (refused === undefined) return 'answered'
        } catch (error) {
          if (!(error instanceof Failure) || error.code !== 'cloud.unreachable' || ++lost > LOST_AT_MOST) throw error
        }
      }
      const waited = clock.monotonic() - startedAt
      if (refused && !hook.isAlone && waited >= LAG_WITH_OTHERS_MS) {
        warn(`the ${transition} hook ${hook.name} of ${hook.group} finds nobody waiting; what ${id} waits for (${member.state}) is another hook`)
        return 'over'
      }
      if (waited >= Math.max(LAG_MS, stage === 'before' ? hook.timeoutMs : 0)) throw neverReached(hook, id, member, waited, refused)
      await clock.sleep(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** tries), signal)
    }
  }

  /** The notice may come before the group's own word: IMDS says where it is going. */
  async function stageNow({ state }: Member, transition: Transition, signal: AbortSignal): Promise<Stage> {
    const stage = stageOf(state, transition)
    if (stage !== 'turned' || transition !== 'termination') return stage
    return /^(Warmed:)?Terminated$/.test((await targetState(signal)) ?? '') ? 'before' : stage
  }

  /** @returns why not, where nobody waits */
  async function complete(hook: Hook, id: string, result: 'CONTINUE' | 'ABANDON', signal: AbortSignal): Promise<Failure | undefined> {
    const input = { AutoScalingGroupName: hook.group, LifecycleHookName: hook.name, InstanceId: id, LifecycleActionResult: result }
    // Given once: whether one whose own answer is lost was heard, the group's state tells.
    return await nobodyWaiting(autoScaling.ask('CompleteLifecycleAction', (client, sdk, options) => client.send(new sdk.CompleteLifecycleActionCommand(input), options), { signal, on: id, retries: 0 }))
  }

  /** @returns undefined when it was done; else that no action is active. The hooks may be others by then. */
  async function nobodyWaiting(done: Promise<unknown>): Promise<Failure | undefined> {
    try {
      await done
      return undefined
    } catch (error) {
      if (!(error instanceof Failure) || awsCode(error) !== 'ValidationError' || !NOBODY_WAITS.test(awsMessage(error))) throw error
      known.forget()
      return error
    }
  }

  async function unhealthy(signal: AbortSignal): Promise<void> {
    const id = await instanceId(signal)
    const input = { InstanceId: id, HealthStatus: 'Unhealthy', ShouldRespectGracePeriod: false }
    await autoScaling.ask('SetInstanceHealth', (client, sdk, options) => client.send(new sdk.SetInstanceHealthCommand(input), options), { signal, on: id })
  }

  return {
    target: async signal => (await targetState(signal)) ?? 'InService',

    async ready(signal) {
      if (answered.has('launch')) return
      const outcome = await answer('launch', 'CONTINUE', signal)
      if (outcome === 'turned' || outcome === 'retained') {
        throw new Failure('lifecycle.refused', `the group is terminating this instance (${await instanceId(signal)}): its launch hook can't be answered any more`, {
          hint: 'Either it was scaled in, or the hook timed out: its timeout is to be longer than the boot, see the report.',
        })
      }
      answered.add('launch')
    },

    async failed(_reason, signal) {
      const outcome = await answer('launch', 'ABANDON', signal)
      // The launch is over: only the group's own health check replaces it now.
      if (outcome === 'over' || outcome === 'no hook') await unhealthy(signal)
    },

    async left(signal) {
      if (answered.has('termination')) return
      const outcome = await answer('termination', 'CONTINUE', signal)
      if (outcome === 'retained') warn('the group retains this instance for somebody to look at: its termination hook was abandoned, and is not answered again')
      if (outcome !== 'turned') answered.add('termination')
    },

    async heartbeat(signal) {
      if (beating === null) return undefined
      const id = await instanceId(signal)
      if (beating === undefined) {
        const { member } = await membership(signal)
        const transition: Transition = member && stageOf(member.state, 'launch') === 'turned' ? 'termination' : 'launch'
        const stage = member && stageOf(member.state, transition)
        const mayWait = member !== undefined && (stage === 'waiting' || stage === 'before')
        const hook = mayWait ? await known.of(member.group, transition, signal) : undefined
        // It has not begun to wait.
        if (hook && stage === 'before') return hook.timeoutMs
        beating = hook ?? null
        if (beating === null) return undefined
      }
      const { group, name, timeoutMs } = beating
      const input = { AutoScalingGroupName: group, LifecycleHookName: name, InstanceId: id }
      const refused = await nobodyWaiting(
        autoScaling.ask('RecordLifecycleActionHeartbeat', (client, sdk, options) => client.send(new sdk.RecordLifecycleActionHeartbeatCommand(input), options), { signal, on: id }),
      )
      // Over, or not yet known everywhere: the state is looked at before the next.
      if (refused) beating = undefined
      return timeoutMs
    },
  }
}

const NOBODY_WAITS = /No (active Lifecycle Action|Lifecycle Hook) found/i

function neverReached(hook: Hook, id: string, { state }: Member, waitedMs: number, refused: Failure | undefined): Failure {
  const why = refused ? `says ${awsMessage(refused)}` : 'has not come to it'
  return new Failure('lifecycle.refused', `the hook ${hook.name} of the group ${hook.group} can't be answered for ${id}: for ${showDuration(waitedMs)} it is ${state}, and Auto Scaling ${why}`, {
    cause: refused,
    hint: 'Look at the group: aws autoscaling describe-auto-scaling-instances, and describe-lifecycle-hooks.',
  })
}
