/** What a group does with its instances, by Auto Scaling's rules: Pending and Terminating wait for the hooks that the group had when they began;
 *  a hook waits for its timeout, longer with heartbeats, at most the global limit (48 h, or 100 timeouts), and then gives its default result. */
export interface GroupMachine {
  readonly hooks: Map<string, GroupHook>
  /** undefined: no instance of the group, or not any more. */
  state(id: string): string | undefined
  readonly ids: readonly string[]
  /** To `Pending`, or where `warm` says so to the warm pool's. */
  launch(id: string, warm?: 'Stopped' | 'Running' | 'Hibernated'): void
  /** From where it is to where it waits, or on: what Auto Scaling does in its own time. */
  arrive(id: string): void
  /** From the warm pool into service. */
  wake(id: string): void
  terminate(id: string): void
  /** No hooks run for these. */
  standby(id: string): void
  detach(id: string): void
  /** Sets a state, whatever it is. */
  be(id: string, state: string): void
  complete(id: string, hook: string, result: string): Done
  beat(id: string, hook: string): Done
  setHealth(id: string, status: string): boolean
  /** By id: all that was said of them. */
  readonly health: Map<string, string>
}

export interface GroupHook {
  readonly transition: 'launch' | 'termination'
  readonly timeoutMs: number
  readonly defaultResult: 'CONTINUE' | 'ABANDON'
}

/** false: no action is active. */
type Done = boolean

export interface GroupRules {
  readonly now: () => number
  /** For how long an action that began is not yet known to those who are asked to complete it. */
  readonly lagMs: () => number
  /** What becomes of a termination that was abandoned. */
  readonly retains?: boolean
}

interface Action {
  readonly startedAt: number
  readonly limitAt: number
  readonly hook: GroupHook
  until: number
}

interface Member {
  state: string
  warm: 'Stopped' | 'Running' | 'Hibernated' | undefined
  readonly actions: Map<string, Action>
}

const DAY_MS = 24 * 3_600_000

export function groupMachine({ now, lagMs, retains = false }: GroupRules): GroupMachine {
  const members = new Map<string, Member>()
  const hooks = new Map<string, GroupHook>()
  const health = new Map<string, string>()

  const member = (id: string): Member => {
    const found = members.get(id)
    if (found === undefined) throw new Error(`${id} is in no group`)
    return found
  }

  function begin(one: Member, transition: GroupHook['transition']): void {
    const at = now()
    one.actions.clear()
    for (const [name, hook] of hooks) {
      if (hook.transition === transition) one.actions.set(name, { startedAt: at, limitAt: at + Math.min(2 * DAY_MS, 100 * hook.timeoutMs), hook, until: at + hook.timeoutMs })
    }
    if (one.actions.size > 0) one.state += ':Wait'
    else proceed(one)
  }

  function proceed(one: Member): void {
    one.actions.clear()
    one.state = one.state.replace(/(:Wait)?$/, ':Proceed')
  }

  function settle(one: Member, name: string, result: string): void {
    const isLaunch = /Pending/.test(one.state)
    one.actions.delete(name)
    if (result === 'CONTINUE') {
      if (one.actions.size === 0) proceed(one)
      return
    }
    // The other hooks are not waited for.
    if (isLaunch) {
      one.actions.clear()
      one.state = one.state.replace(/Pending.*/, 'Terminating:Proceed')
    } else if (retains) {
      one.actions.clear()
      one.state = one.state.replace(':Wait', ':Retained')
    } else proceed(one)
  }

  /** What timed out meanwhile, in its order. */
  function elapse(one: Member): void {
    for (;;) {
      const [first] = [...one.actions].filter(([, action]) => action.until <= now()).sort(([, a], [, b]) => a.until - b.until)
      if (first === undefined) return
      settle(one, first[0], first[1].hook.defaultResult)
    }
  }

  function active(id: string, name: string): { readonly one: Member; readonly action: Action } | undefined {
    const one = members.get(id)
    if (one === undefined) return undefined
    elapse(one)
    const action = one.actions.get(name)
    return action === undefined || now() - action.startedAt < lagMs() ? undefined : { one, action }
  }

  return {
    hooks,
    health,
    get ids() {
      return [...members.keys()]
    },
    state(id) {
      const one = members.get(id)
      if (one) elapse(one)
      return one?.state
    },
    launch: (id, warm) => void members.set(id, { state: warm ? 'Warmed:Pending' : 'Pending', warm, actions: new Map() }),
    arrive(id) {
      const one = member(id)
      elapse(one)
      if (/Pending$/.test(one.state)) return begin(one, 'launch')
      if (/Terminating$/.test(one.state)) return begin(one, 'termination')
      if (one.state === 'Pending:Proceed') one.state = 'InService'
      else if (one.state === 'Warmed:Pending:Proceed') one.state = `Warmed:${one.warm}`
      else if (/Terminating:Proceed$/.test(one.state)) members.delete(id)
      else if (one.state === 'EnteringStandby') one.state = 'Standby'
      else if (one.state === 'Detaching') members.delete(id)
    },
    wake: id => void (member(id).state = 'Pending'),
    terminate(id) {
      const one = member(id)
      one.actions.clear()
      one.state = one.state.startsWith('Warmed:') ? 'Warmed:Terminating' : 'Terminating'
    },
    standby: id => void (member(id).state = 'EnteringStandby'),
    detach: id => void (member(id).state = 'Detaching'),
    be(id, state) {
      members.set(id, { state, warm: undefined, actions: new Map() })
    },
    complete(id, name, result) {
      const found = active(id, name)
      if (found) settle(found.one, name, result)
      return found !== undefined
    },
    beat(id, name) {
      const found = active(id, name)
      if (found) found.action.until = Math.min(now() + found.action.hook.timeoutMs, found.action.limitAt)
      return found !== undefined
    },
    setHealth(id, status) {
      const one = members.get(id)
      if (one === undefined) return false
      health.set(id, status)
      if (status === 'Unhealthy' && !/Terminat/.test(one.state)) {
        one.actions.clear()
        one.state = 'Terminating'
      }
      return true
    },
  }
}
