import type { AutoScalingClient } from '@aws-sdk/client-auto-scaling'
import type { Asked, SendOptions } from './calls.ts'
import type { Access } from './client.ts'
import { kept } from './kept.ts'
import { refuseForeignAnswers } from './own-answers.ts'

type Sdk = typeof import('./sdk/auto-scaling.ts')

/** An instance as its group sees it. */
export interface Member {
  readonly group: string
  /** e.g. `Pending:Wait`; a name that is not known today is possible. */
  readonly state: string
}

/** The one way to Auto Scaling. Its client is loaded by the first call. */
export interface AutoScaling {
  /** @param action as IAM names it, without `autoscaling:`. @throws Failure as `Calls.ask` */
  ask<T>(action: string, send: (client: AutoScalingClient, sdk: Sdk, options: SendOptions) => Promise<T>, asked: Asked): Promise<T>
  /** undefined: it is in no group. Every host that asks counts against the account's limit: only where nothing else can tell. */
  member(instanceId: string, signal: AbortSignal): Promise<Member | undefined>
}

export function autoScaling(access: Access): AutoScaling {
  const open = kept(async (signal: AbortSignal) => {
    const [settings, sdk] = await Promise.all([access.settings(signal), import('./sdk/auto-scaling.ts')])
    const client = new sdk.AutoScalingClient(settings)
    refuseForeignAnswers(client)
    return { client, sdk }
  })
  const ask: AutoScaling['ask'] = async (action, send, asked) => {
    const { client, sdk } = await open(asked.signal)
    return await access.calls.ask(`autoscaling:${action}`, options => send(client, sdk, options), asked)
  }
  return {
    ask,
    async member(instanceId, signal) {
      const { AutoScalingInstances = [] } = await ask(
        'DescribeAutoScalingInstances',
        (client, sdk, options) => client.send(new sdk.DescribeAutoScalingInstancesCommand({ InstanceIds: [instanceId] }), options),
        { signal, on: instanceId },
      )
      const found = AutoScalingInstances.find(one => one.InstanceId === instanceId)
      return found?.AutoScalingGroupName === undefined ? undefined : { group: found.AutoScalingGroupName, state: found.LifecycleState ?? '' }
    },
  }
}
