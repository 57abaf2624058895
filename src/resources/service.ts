import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import { checkProps, oneOf } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CheckContext, type CommonProps, type Resource, type ResourceRef } from '../core/resource.ts'
import { begin, isRunning, isSettled, isStopped, reload, type Deed } from './transition.ts'
import { isEnabled, unit, unitName, type Unit } from './unit.ts'

export interface ServiceProps extends CommonProps {
  /** A unit of systemd; without a suffix it is a service. */
  readonly name: string
  /** Default: running. */
  readonly state?: 'running' | 'stopped' | undefined
  /** Whether systemd starts it at boot. Default: as it is. */
  readonly enabled?: boolean | undefined
  /** Restarts when one of these changed. */
  readonly restartOn?: readonly ResourceRef[] | undefined
  /** Reloads when one of these changed; what can't reload, restarts. */
  readonly reloadOn?: readonly ResourceRef[] | undefined
}

/** A service of systemd. One question to it a look. A restart beats a reload when both are owed, and a start beats both.
 *  Running means active, with no restart by systemd itself since this run looked first: a unit that crashes after its start is not settled.
 *  A unit that is not there is as stopped as can be, unless it is to be enabled.
 *  @throws Failure in check: `absent.unit`, `service.failed` (masked, or a broken unit file); in apply: `service.failed` with the last
 *  lines of its journal, `service.stuck` when systemd has not even begun, naming what it waits for */
export function service(props: ServiceProps): Resource {
  checkProps('service', props, { name: 'string', state: 'string?', enabled: 'boolean?', restartOn: 'refs?', reloadOn: 'refs?', ...COMMON_PROPS })
  const { enabled, restartOn, reloadOn } = props
  const label = `service[${props.name}]`
  const state = oneOf(label, 'state', props.state ?? 'running', ['running', 'stopped'])
  if (!/^[\w:.\\@-]+$/.test(props.name)) throw new Failure('resource.invalid', `${label}: "${props.name}" is no name of a unit`)
  const name = unitName(props.name)
  const base = resourceBase({ kind: 'service', key: props.name, props, triggers: { restart: restartOn, reload: reloadOn } })

  return {
    ...base,
    hostOnly: 'services belong to a host, not to a staging root',
    async check(context) {
      const now = await unit(name, context.observer, context.signal)
      if (now.load === 'not-found' && state === 'stopped' && enabled !== true) return []
      refuseBroken(label, now, state)
      const mark = await restartsSeen(name, now, context)
      const changes: Change[] = []
      if (enabled !== undefined && isEnabled(now) !== enabled && !(now.file === 'masked' && !enabled)) {
        changes.push({ type: 'update', field: 'enabled', from: isEnabled(now), to: enabled })
      }
      if (state === 'stopped') {
        if (!isStopped(now)) changes.push({ type: 'update', field: 'state', from: now.active, to: 'inactive' })
      } else if (!isSettled(now)) {
        changes.push({ type: 'update', field: 'state', from: now.active === 'active' ? `active, after ${now.restarts} restarts` : now.active, to: 'active' })
      } else if (now.restarts > mark.restarts) {
        changes.push({ type: 'update', field: 'restarts', from: now.restarts, to: mark.restarts, reason: 'it crashed, and systemd started it again' })
      }
      return changes
    },
    async apply(changes, context) {
      const { machine, signal, output } = context
      const fields = new Set(changes.map(change => change.field))
      if (fields.has('enabled')) await machine.run(['systemctl', '--quiet', enabled ? 'enable' : 'disable', '--', name], { signal, onLine: output })
      const before = await unit(name, machine, signal)
      const deed = deedFor(fields, state, before)
      if (deed === undefined) return
      const mark = await restartsSeen(name, before, context)
      const now = deed === 'reload' ? await reload(before, context, base.timeoutMs) : await begin(deed, before, context, base.timeoutMs)
      mark.restarts = now.restarts
    },
  }
}

/** Of all that is missing or owed, the one thing to do: a start takes a new configuration up, and a restart starts. */
function deedFor(fields: ReadonlySet<string | undefined>, state: 'running' | 'stopped', before: Unit): Deed | 'reload' | undefined {
  if (state === 'stopped') return fields.has('state') ? 'stop' : undefined
  if (fields.has('restart')) return 'restart'
  if (fields.has('state') || fields.has('restarts')) return 'start'
  if (fields.has('reload')) return isRunning(before) ? 'reload' : 'start'
  return undefined
}

/** How often systemd itself had restarted the unit when this run knew it last to be well: pinned, so that verify compares with it. */
function restartsSeen(name: string, now: Unit, context: CheckContext): Promise<{ restarts: number }> {
  return context.pinned(`restarts of ${name}`, async () => ({ restarts: now.restarts }))
}

function refuseBroken(label: string, now: Unit, state: 'running' | 'stopped'): void {
  if (now.load === 'not-found') throw new Failure('absent.unit', `${label}: there is no unit ${now.name}`, { subject: now.name, hint: 'Declare it before, with a systemdUnit or the package that brings it.' })
  if (now.load === 'masked' && state === 'running') throw new Failure('service.failed', `${label}: ${now.name} is masked`, { hint: `systemctl unmask ${now.name}` })
  if (now.load !== 'loaded' && now.load !== 'masked') throw new Failure('service.failed', `${label}: systemd can't load ${now.name} (${now.load})`, { hint: `systemctl status ${now.name} says what is wrong in its file.` })
}
