import type { Observer } from '../../core/machine.ts'
import type { Before, UnitTime } from '../../reporters/units.ts'

/** What systemd is asked: about itself, and about all units that it knows. Times are of the monotonic clock, in microseconds; 0: never. */
export const ASK_MANAGER = ['systemctl', 'show', '--no-pager', '--property=UserspaceTimestampMonotonic,Virtualization']
export const ASK_UNITS = ['systemctl', 'show', '--no-pager', '--property=Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,InactiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic,ExecMainPID,After', '*']

/** As systemd names what has the kernel of its host. Source: systemd-detect-virt(1). */
const CONTAINERS: readonly string[] = ['openvz', 'lxc', 'lxc-libvirt', 'systemd-nspawn', 'docker', 'podman', 'rkt', 'wsl', 'proot', 'pouch', 'container-other']
/** A program that is slower to start than this was not started then. */
const SLOWEST_START_MS = 60_000

export interface AskedRun {
  readonly pid: number
  /** When it told its beginning, on the monotonic clock; undefined: not known. */
  readonly toldMs: number | undefined
}

/** What this machine did before a run that a unit began with this boot of it.
 *  @returns undefined without systemd, and for a run of an earlier boot, or that somebody began by hand */
export async function unitsBefore(observer: Observer, run: { readonly pid: number; readonly startedAt: string }, signal: AbortSignal): Promise<Before | undefined> {
  try {
    const [manager, units] = await Promise.all([ASK_MANAGER, ASK_UNITS].map(argv => observer.probe(argv, { signal })))
    if (manager?.code !== 0 || units?.code !== 0) return undefined
    // The wall's clock may have been set since: then it is not believed.
    const toldMs = performance.timeOrigin + performance.now() - Date.parse(run.startedAt)
    return beforeOf(manager.stdout, units.stdout, { pid: run.pid, toldMs: Number(process.hrtime.bigint() / 1_000n) / 1_000 - toldMs })
  } catch {
    // It only adds to what is known of the run.
    signal.throwIfAborted()
    return undefined
  }
}

/** The same from what systemd has said.
 *  @param manager what ASK_MANAGER printed @param units what ASK_UNITS printed */
export function beforeOf(manager: string, units: string, { pid, toldMs }: AskedRun): Before | undefined {
  const own = said(manager)
  const systemdAtMs = micros(own, 'UserspaceTimestampMonotonic')
  const blocks = units.split(/\n\n+/).map(said)
  const unit = blocks.find(block => block.get('ExecMainPID') === String(pid) && micros(block, 'ExecMainStartTimestampMonotonic') > 0)
  if (unit === undefined || pid <= 0) return undefined
  const isContainer = CONTAINERS.includes(own.get('Virtualization') ?? '')
  const zeroMs = isContainer ? systemdAtMs : 0
  const startedMs = micros(unit, 'ExecMainStartTimestampMonotonic')
  const isToldThen = toldMs !== undefined && toldMs >= startedMs && toldMs <= startedMs + SLOWEST_START_MS
  return {
    from: isContainer ? 'systemd' : 'kernel',
    systemdMs: systemdAtMs - zeroMs,
    unit: unit.get('Id') ?? '',
    startedMs: startedMs - zeroMs,
    runMs: (isToldThen ? toldMs : startedMs) - zeroMs,
    units: blocks.flatMap(block => timesOf(block, zeroMs)),
  }
}

/** Of a unit that has no time of being up, as a oneshot that does not remain, the end counts. */
function timesOf(block: ReadonlyMap<string, string>, zeroMs: number): readonly UnitTime[] {
  const beganMs = micros(block, 'InactiveExitTimestampMonotonic')
  const upMs = ['ActiveEnterTimestampMonotonic', 'InactiveEnterTimestampMonotonic'].map(key => micros(block, key)).find(ms => ms >= beganMs)
  const name = block.get('Id')
  if (name === undefined || beganMs === 0) return []
  const after = (block.get('After') ?? '').split(' ').filter(one => one !== '')
  return [{ name, startMs: beganMs - zeroMs, upMs: upMs === undefined ? Infinity : upMs - zeroMs, after }]
}

function said(text: string): ReadonlyMap<string, string> {
  return new Map(text.split('\n').filter(line => line.includes('=')).map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

function micros(block: ReadonlyMap<string, string>, key: string): number {
  return (Number(block.get(key)) || 0) / 1_000
}
