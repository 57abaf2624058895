import { Failure } from '../core/failure.ts'
import type { Observer } from '../core/machine.ts'

/** What systemd says of a unit. Source: systemctl(1), show; org.freedesktop.systemd1(5). */
export interface Unit {
  /** With its suffix, e.g. 'nginx.service'. */
  readonly name: string
  /** loaded, not-found, masked, bad-setting, error. */
  readonly load: string
  /** active, reloading, inactive, failed, activating, deactivating. */
  readonly active: string
  /** e.g. running, exited, dead, auto-restart. */
  readonly sub: string
  /** enabled, disabled, static, masked, … ; '' without a file. */
  readonly file: string
  /** simple, forking, notify, …; '' for units that are no services. */
  readonly type: string
  /** How its last run ended: success, exit-code, signal, … */
  readonly result: string
  /** Automatic restarts since somebody last started it. */
  readonly restarts: number
  readonly mainPid: number
  /** Another one with every start; '' when it never ran. */
  readonly invocation: string
  /** A job of it that is waiting or running. */
  readonly job: number | undefined
  readonly canReload: boolean
  readonly needsDaemonReload: boolean
  /** Since when it is active: milliseconds of the monotonic clock, as process.hrtime gives it. */
  readonly activeSinceMs: number
}

const PROPERTIES = [
  'LoadState', 'ActiveState', 'SubState', 'UnitFileState', 'Type', 'Result', 'NRestarts', 'MainPID', 'InvocationID', 'Job', 'CanReload',
  'NeedDaemonReload', 'ActiveEnterTimestampMonotonic',
].join(',')

/** 'nginx' is nginx.service, as systemctl has it. */
export function unitName(name: string): string {
  return /\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/.test(name) ? name : `${name}.service`
}

/** One question to systemd, which loads the unit for it. A unit that is not there is an answer: load is 'not-found'.
 *  @throws Failure `absent.command`; `service.failed` when systemd does not run */
export async function unit(name: string, observer: Observer, signal: AbortSignal): Promise<Unit> {
  const { code, stdout, stderr } = await observer.probe(['systemctl', 'show', '--no-pager', `--property=${PROPERTIES}`, '--', name], { signal })
  if (code !== 0) {
    throw new Failure('service.failed', `systemd does not answer for ${name}`, { output: stderr.trim(), hint: 'Services need a machine that was booted with systemd.' })
  }
  const said = new Map(stdout.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
  const text = (key: string): string => said.get(key) ?? ''
  return {
    name,
    load: text('LoadState'),
    active: text('ActiveState'),
    sub: text('SubState'),
    file: text('UnitFileState'),
    type: text('Type'),
    result: text('Result'),
    restarts: Number(text('NRestarts')),
    mainPid: Number(text('MainPID')),
    invocation: text('InvocationID'),
    job: Number(text('Job').split(' ')[0]) || undefined,
    canReload: text('CanReload') === 'yes',
    needsDaemonReload: text('NeedDaemonReload') === 'yes',
    activeSinceMs: Number(text('ActiveEnterTimestampMonotonic')) / 1_000,
  }
}

/** Whether `systemctl is-enabled` would say so: enabled itself, or nothing that enabling could add to. */
export function isEnabled(unit: Unit): boolean {
  return ['enabled', 'enabled-runtime', 'static', 'alias', 'indirect', 'generated', 'transient'].includes(unit.file)
}

/** What a job waits for, as `<unit>/<type>`, e.g. 'cloud-final.service/start': the next ones first, then what those wait for, and so on. With --before
 *  systemctl says "waiting for job"; with --after it says which jobs it blocks. */
export async function waitsFor(job: number, observer: Observer, signal: AbortSignal): Promise<{ readonly next: readonly string[]; readonly all: readonly string[] }> {
  const { stdout } = await observer.probe(['systemctl', 'list-jobs', '--before', '--no-legend', '--no-pager', '--full'], { signal })
  const waits = new Map<number, { readonly job: number; readonly name: string }[]>()
  let current: { readonly job: number; readonly name: string }[] = []
  for (const line of stdout.split('\n')) {
    const head = /^\s*(\d+)\s+\S+\s+\S+\s+\S+/.exec(line)
    if (head) waits.set(Number(head[1]), (current = []))
    const cause = /waiting for job (\d+) \((.+)\)/.exec(line)
    if (cause) current.push({ job: Number(cause[1]), name: cause[2] as string })
  }
  const found = new Map<number, string>()
  const follow = (from: number): void => {
    const fresh = (waits.get(from) ?? []).filter(cause => !found.has(cause.job))
    for (const cause of fresh) found.set(cause.job, cause.name)
    for (const cause of fresh) follow(cause.job)
  }
  follow(job)
  return { next: (waits.get(job) ?? []).map(({ name }) => name), all: [...found.values()] }
}

/** The unit's last lines in the journal; undefined where there is none to be had. */
export async function journalOf(name: string, observer: Observer, signal: AbortSignal): Promise<string | undefined> {
  try {
    await observer.probe(['journalctl', '--sync'], { signal })
    const { code, stdout } = await observer.probe(['journalctl', '--unit', name, '--lines=20', '--no-pager', '--output=cat', '--quiet'], { signal })
    return code === 0 && stdout.trim() !== '' ? stdout.trimEnd() : undefined
  } catch {
    return undefined
  }
}
