import type { LifecycleHook } from '@aws-sdk/client-auto-scaling'
import { Failure } from '../../core/failure.ts'
import type { AutoScaling } from './auto-scaling.ts'
import type { Transition } from './lifecycle-state.ts'

/** A hook of a group that waits for sunup's answer. */
export interface Hook {
  readonly group: string
  readonly name: string
  /** How long it waits without a heartbeat. */
  readonly timeoutMs: number
  /** Others of this transition hold the instance in the same state, whatever becomes of this one. */
  readonly isAlone: boolean
}

export interface Hooks {
  /** undefined: the group has none for this transition. Asked once a process; `forget` when one is not what it was.
   *  @throws Failure `cloud.invalid` when it can't be told which is sunup's */
  of(group: string, transition: Transition, signal: AbortSignal): Promise<Hook | undefined>
  forget(): void
}

/** @param named the one to answer, where the configuration names it */
export function hooks(autoScaling: AutoScaling, named: string | undefined): Hooks {
  const known = new Map<string, readonly LifecycleHook[]>()
  return {
    async of(group, transition, signal) {
      const all = known.get(group) ?? (await described(autoScaling, group, signal))
      known.set(group, all)
      const these = all.filter(one => one.LifecycleTransition === TRANSITIONS[transition])
      const hook = pick(these, named, group, transition)
      return hook && { group, name: hook.LifecycleHookName ?? '', timeoutMs: (hook.HeartbeatTimeout ?? DEFAULT_TIMEOUT_S) * 1_000, isAlone: these.length === 1 }
    },
    forget: () => known.clear(),
  }
}

const TRANSITIONS = { launch: 'autoscaling:EC2_INSTANCE_LAUNCHING', termination: 'autoscaling:EC2_INSTANCE_TERMINATING' } as const
const DEFAULT_TIMEOUT_S = 3_600

async function described(autoScaling: AutoScaling, group: string, signal: AbortSignal): Promise<readonly LifecycleHook[]> {
  const { LifecycleHooks = [] } = await autoScaling.ask(
    'DescribeLifecycleHooks',
    (client, sdk, options) => client.send(new sdk.DescribeLifecycleHooksCommand({ AutoScalingGroupName: group }), options),
    { signal, on: group },
  )
  return LifecycleHooks
}

/** Another's hook must not be answered: behind it traffic may come before its owner is ready, or a machine may go before its data is saved. */
function pick(these: readonly LifecycleHook[], named: string | undefined, group: string, transition: Transition): LifecycleHook | undefined {
  if (named !== undefined && these.some(one => one.LifecycleHookName === named)) return these.find(one => one.LifecycleHookName === named)
  if (these.length < 2) return these[0]
  const ours = these.filter(one => /^sunup(\b|_)/i.test(one.LifecycleHookName ?? ''))
  if (ours.length === 1) return ours[0]
  throw new Failure('cloud.invalid', `the group ${group} has ${these.length} ${transition} hooks (${these.map(one => one.LifecycleHookName).join(', ')}): which is sunup's can't be told`, {
    hint: `Let the name of one begin with "sunup", e.g. sunup-${transition}.`,
  })
}
