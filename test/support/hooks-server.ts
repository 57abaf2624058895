import type { Test } from 'tap'
import { groupMachine, type GroupHook, type GroupMachine } from './group-machine.ts'
import { listed, queryApi, xml, type ApiError, type Params, type QueryApi } from './query-api.ts'

export interface HooksServer extends QueryApi {
  readonly group: GroupMachine
  /** For how long an action that began is not yet known to those who are asked to complete it. Default 0. */
  lagMs: number
  /** Called after each request is done. */
  after: ((action: string) => void) | undefined
}

export interface HooksServerOptions {
  readonly clock?: { monotonic(): number }
  readonly hooks?: Readonly<Record<string, Partial<GroupHook>>>
  /** What becomes of a termination that was abandoned. Default: it terminates. */
  readonly retains?: boolean
}

export const GROUP = 'web-asg'

/** Auto Scaling on the wire, with one group and its lifecycle hooks. */
export async function hooksServer(t: Test, { clock = { monotonic: () => performance.now() }, hooks = {}, retains = false }: HooksServerOptions = {}): Promise<HooksServer> {
  const group = groupMachine({ now: () => clock.monotonic(), lagMs: () => server.lagMs, retains })
  for (const [name, hook] of Object.entries(hooks)) group.hooks.set(name, { transition: 'launch', timeoutMs: 300_000, defaultResult: 'ABANDON', ...hook })

  const actions: Record<string, (params: Params) => unknown> = {
    DescribeAutoScalingInstances(params) {
      const asked = listed(params, 'InstanceIds.member')
      const all = group.ids.filter(id => asked.length === 0 || asked.includes(id))
      const from = Number(params.NextToken ?? 0)
      const to = from + Math.min(50, Number(params.MaxRecords ?? 50))
      return {
        AutoScalingInstances: all.slice(from, to).map(id => ({
          InstanceId: id,
          AutoScalingGroupName: GROUP,
          AvailabilityZone: 'eu-west-1a',
          LifecycleState: group.state(id),
          HealthStatus: (group.health.get(id) ?? 'Healthy').toUpperCase(),
          ProtectedFromScaleIn: false,
        })),
        NextToken: to < all.length ? to : undefined,
      }
    },
    DescribeLifecycleHooks({ AutoScalingGroupName: name }) {
      if (name !== GROUP) throw invalid(`AutoScalingGroup name not found - null`)
      return {
        LifecycleHooks: [...group.hooks].map(([hook, { transition, timeoutMs, defaultResult }]) => ({
          LifecycleHookName: hook,
          AutoScalingGroupName: GROUP,
          LifecycleTransition: `autoscaling:EC2_INSTANCE_${transition === 'launch' ? 'LAUNCHING' : 'TERMINATING'}`,
          HeartbeatTimeout: timeoutMs / 1_000,
          GlobalTimeout: Math.min(172_800, timeoutMs / 10),
          DefaultResult: defaultResult,
        })),
      }
    },
    CompleteLifecycleAction(params) {
      const { LifecycleActionResult: result = '' } = params
      if (result !== 'CONTINUE' && result !== 'ABANDON') throw invalid(`1 validation error detected: Value '${result}' at 'lifecycleActionResult' failed to satisfy constraint`)
      if (!group.complete(...addressed(params), result)) throw none(params)
      return {}
    },
    RecordLifecycleActionHeartbeat(params) {
      if (!group.beat(...addressed(params))) throw none(params)
      return {}
    },
    SetInstanceHealth({ InstanceId: id = '', HealthStatus: status = '' }) {
      if (status !== 'Healthy' && status !== 'Unhealthy') throw invalid(`Valid instance health states are: [Healthy, Unhealthy].`)
      if (!group.setHealth(id, status)) throw invalid(`Instance Id not found - No managed instance found for instance ID: ${id}`)
      return undefined
    },
  }

  /** The hook is looked up first: one that is not there is an error of its own. */
  function addressed({ AutoScalingGroupName: name, LifecycleHookName: hook = '', InstanceId: id = '' }: Params): [string, string] {
    if (name !== GROUP || !group.hooks.has(hook)) throw invalid(`No Lifecycle Hook found with name ${hook} for AutoScalingGroup ${name}`)
    return [id, hook]
  }

  const target = ['AutoScalingGroupName', 'LifecycleHookName', 'InstanceId', 'LifecycleActionToken']
  const api = await queryApi(t, {
    service: 'autoscaling',
    version: '2011-01-01',
    actions: {
      DescribeAutoScalingInstances: ['InstanceIds.*', 'MaxRecords', 'NextToken'],
      DescribeLifecycleHooks: ['AutoScalingGroupName', 'LifecycleHookNames.*'],
      CompleteLifecycleAction: [...target, 'LifecycleActionResult'],
      RecordLifecycleActionHeartbeat: target,
      SetInstanceHealth: ['InstanceId', 'HealthStatus', 'ShouldRespectGracePeriod'],
    },
    perform({ action, params }) {
      const result = actions[action]?.(params)
      const body = { ...(result !== undefined && { [`${action}Result`]: result }), ResponseMetadata: { RequestId: '00000000-0000-4000-8000-000000000000' } }
      server.after?.(action)
      return `<${action}Response ${NAMESPACE}>${xml(body, 'member')}</${action}Response>`
    },
    errorXml: ({ code, message }) => `<ErrorResponse ${NAMESPACE}>${xml({ Error: { Type: 'Sender', Code: code, Message: message }, RequestId: '00000000-0000-4000-8000-000000000000' }, 'member')}</ErrorResponse>`,
    throttled: { code: 'Throttling', message: 'Rate exceeded' },
  })
  const server: HooksServer = Object.assign(api, { group, lagMs: 0, after: undefined })
  return server
}

const NAMESPACE = 'xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"'

function invalid(message: string): ApiError {
  return { code: 'ValidationError', message }
}

function none({ InstanceId: id }: Params): ApiError {
  return invalid(`No active Lifecycle Action found with instance ID ${id}`)
}
