/** What one of the two transitions of an instance, its launch or its termination, still wants by the group's word. */
export type Stage =
  /** It is on its way to where a hook waits. */
  | 'before'
  /** A hook waits, or would. */
  | 'waiting'
  /** It is past the wait. */
  | 'over'
  /** The other way now: leaving where it was to launch, in service where it was to leave. */
  | 'turned'
  /** Kept for people to look at, because its termination hook was abandoned. */
  | 'retained'
  /** In standby, detached, in the warm pool, having its root volume replaced; or in a state that is not known today. */
  | 'aside'

export type Transition = 'launch' | 'termination'

/** @param state as Auto Scaling names it, e.g. `Warmed:Pending:Wait`. Source: the valid values of LifecycleState in DescribeAutoScalingInstances. */
export function stageOf(state: string, transition: Transition): Stage {
  const [, base = '', step] = /^(?:Warmed:)?([^:]+)(?::(.+))?$/.exec(state) ?? []
  const isWarm = state.startsWith('Warmed:')
  if (base === 'Pending' || base === 'Terminating') {
    if ((base === 'Pending') !== (transition === 'launch')) return 'turned'
    return (step === undefined ? 'before' : STEPS[step]) ?? 'aside'
  }
  if (base === 'Terminated') return transition === 'termination' ? 'over' : 'turned'
  if (base === 'InService' && !isWarm) return transition === 'launch' ? 'over' : 'turned'
  return 'aside'
}

const STEPS: Readonly<Record<string, Stage>> = { Wait: 'waiting', Proceed: 'over', Retained: 'retained' }
