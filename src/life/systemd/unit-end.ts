import { constants } from 'node:os'
import { asFailure, Failure } from '../../core/failure.ts'
import type { Observer } from '../../core/machine.ts'

/** How the last run of a service ended, in systemd's words. */
export interface UnitEnd {
  /** e.g. 'sunup.service'. */
  readonly unit: string
  /** success, exit-code, signal, core-dump, timeout, oom-kill, watchdog, resources, …: what came first. Source: systemd.exec(5), $SERVICE_RESULT. */
  readonly result: string
  /** Of its main process; undefined where that was ended by a signal, or never began. */
  readonly exitCode: number | undefined
  /** e.g. 'SIGKILL'. */
  readonly signal: string | undefined
  /** Of its main process; 0: none is known. */
  readonly pid: number
  /** It was started again since, or still runs. */
  readonly isAtWork: boolean
}

const USUAL_UNIT = 'sunup.service'
const PROPERTIES = ['LoadState', 'ActiveState', 'Result', 'ExecMainCode', 'ExecMainStatus', 'ExecMainPID', 'InvocationID'].join(',')
/** waitid(2): CLD_EXITED. */
const EXITED = 1

/** What systemd gave whom it started for that ($MONITOR_…, since 251; in an ExecStopPost= $SERVICE_RESULT), else what it says when asked.
 *  @throws Failure `service.failed` where systemd does not answer */
export async function unitEnd(env: Readonly<Record<string, string | undefined>>, observer: Observer, signal: AbortSignal): Promise<UnitEnd> {
  const unit = env.MONITOR_UNIT || USUAL_UNIT
  const { code, stdout, stderr } = await observer.probe(['systemctl', 'show', '--no-pager', `--property=${PROPERTIES}`, '--', unit], { signal }).catch((error: unknown) => {
    throw asFailure(error).code === 'absent.command' ? silent(unit, error) : error
  })
  if (code !== 0) throw silent(unit, undefined, stderr.trim())
  const said = new Map(stdout.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
  const text = (key: string): string => said.get(key) ?? ''
  const pid = Number(text('ExecMainPID')) || 0
  const given = env.MONITOR_SERVICE_RESULT ? { result: env.MONITOR_SERVICE_RESULT, code: env.MONITOR_EXIT_CODE, status: env.MONITOR_EXIT_STATUS, invocation: env.MONITOR_INVOCATION_ID }
    : env.SERVICE_RESULT ? { result: env.SERVICE_RESULT, code: env.EXIT_CODE, status: env.EXIT_STATUS, invocation: env.INVOCATION_ID } : undefined
  if (given === undefined) {
    const isAtWork = ['activating', 'reloading', 'deactivating'].includes(text('ActiveState'))
    const status = Number(text('ExecMainStatus'))
    return { unit, result: text('Result'), pid, isAtWork, ...(Number(text('ExecMainCode')) === EXITED ? ended(status) : killed(pid === 0 ? undefined : status)) }
  }
  const isAnother = given.invocation !== undefined && text('InvocationID') !== '' && given.invocation !== text('InvocationID')
  const how = given.code === 'exited' ? ended(Number(given.status)) : killed(given.status)
  return { unit, result: given.result, pid: isAnother ? 0 : pid, isAtWork: isAnother, ...how }
}

function silent(unit: string, cause: unknown, output?: string): Failure {
  return new Failure('service.failed', `systemd does not answer for ${unit}`, { cause, output, hint: 'The gate is closed. Whether a run was cut off only systemd knows.' })
}

function ended(exitCode: number): Pick<UnitEnd, 'exitCode' | 'signal'> {
  return { exitCode, signal: undefined }
}

/** @param signal its number, or its name without SIG */
function killed(signal: number | string | undefined): Pick<UnitEnd, 'exitCode' | 'signal'> {
  const name = typeof signal === 'number' ? Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] : signal && `SIG${signal.replace(/^SIG/, '')}`
  return { exitCode: undefined, signal: name || undefined }
}
