import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../core/failure.ts'
import type { Observer } from '../core/machine.ts'
import type { ApplyContext } from '../core/resource.ts'
import { journalOf, unit, waitsFor, type Unit } from './unit.ts'

export type Deed = 'start' | 'restart' | 'stop'

/** systemd calls these active as soon as they are forked, before they could say that they can't serve: they must stay so for a while.
 *  All other types are active when they said so themselves. Source: systemd.service(5), Type=. */
const ACTIVE_UNPROVEN = ['simple', 'exec', 'idle']
const PROOF_MS = 1_000
/** After so many restarts by systemd it is no slow neighbour any more that a unit waits for. */
const RESTARTS_FORGIVEN = 2
const POLL_MS = 100
/** How long a job may not even have begun: systemd's own DefaultTimeoutStartSec. */
const QUEUED_MS = 90_000
const USUAL_TIMEOUT_MS = 5 * 60_000
/** How long after a reload new workers are waited for. nginx itself tries to bind for 2.5 s. */
const WORKERS_MS = 10_000

/** Programs that take up a new configuration by starting new workers, and say nothing by their exit codes when they can't: their main
 *  process keeps the old ones. With the log in which they say it. Others (sshd, PostgreSQL) keep their children, and are believed. */
const WORKER_LOGS: Readonly<Record<string, string>> = {
  nginx: '/var/log/nginx/error.log',
  apache2: '/var/log/apache2/error.log',
  httpd: '/var/log/httpd/error_log',
  haproxy: '/var/log/haproxy.log',
}

export function isRunning(now: Unit): boolean {
  return now.active === 'active' || now.active === 'reloading'
}

export function isStopped(now: Unit): boolean {
  return now.active === 'inactive' || now.active === 'failed'
}

/** Whether it runs, nothing is about to change that, and it is not in the middle of crashing again and again. */
export function isSettled(now: Unit): boolean {
  return isRunning(now) && now.job === undefined && (now.restarts === 0 || isProven(now))
}

/** Starts, restarts or stops, and waits until it is so. Never blocks on systemd: a job that waits for the very unit that sunup
 *  runs in would wait for ever.
 *  @returns the unit as it then is
 *  @throws Failure `service.failed`, `service.stuck` */
export async function begin(deed: Deed, before: Unit, context: ApplyContext, timeoutMs = USUAL_TIMEOUT_MS): Promise<Unit> {
  const { machine, signal, output } = context
  const { name } = before
  const systemctl = (...argv: string[]): Promise<unknown> => machine.run(['systemctl', '--quiet', ...argv, '--', name], { signal, onLine: output })
  // One that failed too often may else not be started again for a while.
  if (before.active === 'failed' && deed !== 'stop') await systemctl('reset-failed')
  await systemctl('--no-block', deed)
  // Ours must be over before the engine's, which knows no more than that time is up.
  const limitMs = timeoutMs * 0.9
  const startedAt = performance.now()
  let isAsked = false
  for (;;) {
    const now = await unit(name, machine, signal)
    if (isDone(deed, before, now)) return now
    const why = deed !== 'stop' && hasFailed(before, now)
    if (why) throw new Failure('service.failed', `${name} did not stay up: ${why}`, { output: await journalOf(name, machine, signal) })
    const waitedMs = performance.now() - startedAt
    if (isQueued(before, now) && waitedMs > PROOF_MS && (!isAsked || waitedMs > Math.min(QUEUED_MS, limitMs))) {
      await refuseEndless(deed, now, machine, signal, waitedMs > Math.min(QUEUED_MS, limitMs))
      isAsked = true
    }
    if (waitedMs > limitMs) {
      throw new Failure('service.failed', `${name} is still ${now.active} (${now.sub}) after ${Math.round(waitedMs / 1_000)} s of ${deed}`, {
        output: await journalOf(name, machine, signal),
        hint: 'Set the service\'s `timeout` if it needs more.',
      })
    }
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** Reloads, and waits for the new workers where a program works by them. What can't reload is restarted.
 *  @throws Failure `service.failed` when the reload failed, or brought no new worker */
export async function reload(before: Unit, context: ApplyContext, timeoutMs?: number): Promise<Unit> {
  const { machine, signal, output } = context
  const { name } = before
  if (!before.canReload) return begin('restart', before, context, timeoutMs)
  const program = machine.readText(`/proc/${before.mainPid}/comm`)?.trim() ?? ''
  const workers = program in WORKER_LOGS ? childrenOf(before.mainPid, machine) : []
  try {
    await machine.run(['systemctl', '--quiet', 'reload', '--', name], { signal, onLine: output })
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.code !== 'command.failed') throw cause
    throw new Failure('service.failed', `${name} could not be reloaded`, { cause, output: (await journalOf(name, machine, signal)) ?? cause.output })
  }
  const startedAt = performance.now()
  while (workers.length > 0 && !childrenOf(before.mainPid, machine).some(pid => !workers.includes(pid))) {
    if (performance.now() - startedAt > WORKERS_MS) {
      throw new Failure('service.failed', `${name} was reloaded, and ${program} started no new worker: it still runs with the old configuration`, {
        output: await lastOf(WORKER_LOGS[program] as string, machine, signal) ?? await journalOf(name, machine, signal),
        hint: 'A port that another program holds is the usual cause; the configuration\'s syntax was not.',
      })
    }
    await sleep(POLL_MS, undefined, { signal })
  }
  while (workers.some(pid => takesConnections(pid, before.mainPid, machine)) && performance.now() - startedAt < WORKERS_MS) await sleep(POLL_MS, undefined, { signal })
  const now = await unit(name, machine, signal)
  if (!isRunning(now)) throw new Failure('service.failed', `${name} is ${now.active} after its reload`, { output: await journalOf(name, machine, signal) })
  return now
}

function isDone(deed: Deed, before: Unit, now: Unit): boolean {
  if (now.job !== undefined) return false
  if (deed === 'stop') return isStopped(now)
  const isAnother = deed === 'start' || !isRunning(before) || now.invocation !== before.invocation
  return isAnother && isRunning(now) && isProven(now)
}

function isProven(now: Unit): boolean {
  return !ACTIVE_UNPROVEN.includes(now.type) || monotonicMs() - now.activeSinceMs >= PROOF_MS
}

/** The clock that systemd tells its times by: CLOCK_MONOTONIC, which performance.now() counts from the start of this process. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function hasFailed(before: Unit, now: Unit): string | undefined {
  if (now.job !== undefined) return undefined
  if (now.active === 'failed') return `it failed (${now.result})`
  // Not by its invocation: systemd forgets a unit that has ended and that nobody refers to.
  if (now.active === 'inactive') {
    return now.type === 'oneshot' ? 'it is a oneshot that has ended; such a command is an execute, or needs RemainAfterExit=yes' : `it ended at once (${now.result})`
  }
  const restarts = now.restarts < before.restarts ? now.restarts : now.restarts - before.restarts
  return restarts > RESTARTS_FORGIVEN ? `systemd had to restart it ${restarts} times (${now.result})` : undefined
}

/** Its job has not begun: the unit is as it was. */
function isQueued(before: Unit, now: Unit): boolean {
  return now.job !== undefined && now.active === before.active && now.invocation === before.invocation
}

/** @throws Failure `service.stuck` when the job has waited too long, or waits for the unit that this very run belongs to */
async function refuseEndless(deed: Deed, now: Unit, observer: Observer, signal: AbortSignal, isLate: boolean): Promise<void> {
  const { next, all } = await waitsFor(now.job as number, observer, signal)
  const own = observer.readText('/proc/self/cgroup')?.trim().split('/').at(-1)
  const through = own === undefined ? undefined : all.find(cause => cause.startsWith(`${own}/`))
  const isOwn = through !== undefined
  if (!isOwn && !isLate) return
  const causes = [...next, ...(through === undefined || next.includes(through) ? [] : [`in the end ${through}`])]
  throw new Failure('service.stuck', `the ${deed} of ${now.name} has not begun: it waits for ${causes.join(', ') || 'a job that systemd does not name'}`, {
    hint: isOwn ? `This run is part of ${own}: take "After=${own}" (or its target) out of ${now.name}, or it can be started by nobody in it.` : '`systemctl list-jobs --before` shows the whole chain.',
  })
}

function childrenOf(pid: number, observer: Observer): readonly string[] {
  return observer.readText(`/proc/${pid}/task/${pid}/children`)?.trim().split(' ').filter(Boolean) ?? []
}

/** Old workers serve by the old configuration until they are gone, or say in their title, as nginx's do, that they only finish what they began. */
function takesConnections(pid: string, parent: number, observer: Observer): boolean {
  if (!childrenOf(parent, observer).includes(pid)) return false
  const title = observer.readText(`/proc/${pid}/cmdline`) ?? ''
  return title.startsWith('nginx:') && !title.includes('is shutting down')
}

async function lastOf(log: string, observer: Observer, signal: AbortSignal): Promise<string | undefined> {
  const { code, stdout } = await observer.probe(['tail', '-n', '20', log], { signal })
  return code === 0 && stdout.trim() !== '' ? stdout.trimEnd() : undefined
}
