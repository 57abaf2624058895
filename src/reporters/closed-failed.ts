import { failureRecord, type Failure } from '../core/failure.ts'
import { painter } from './paint.ts'
import { visible } from './visible.ts'

interface ClosedFailed {
  readonly verdict: 'at work' | 'well' | 'on purpose' | 'told' | 'cut off'
  readonly end: { readonly unit: string; readonly result: string; readonly exitCode: number | undefined; readonly signal: string | undefined }
  readonly directory: string
  readonly wasOpen: boolean | undefined
  readonly cause: Failure | undefined
  readonly told: { readonly row: boolean; readonly group: boolean | undefined } | undefined
}

/** What `sunup close --failed` did, as one document. */
export function closedFailedDocument({ verdict, end, directory, wasOpen, cause, told }: ClosedFailed): Readonly<Record<string, unknown>> {
  const { unit, result, exitCode = null, signal = null } = end
  return {
    gate: wasOpen === undefined ? 'untouched' : 'closed',
    wasOpen: wasOpen ?? null,
    directory,
    run: verdict,
    unit: { name: unit, result, exitCode, signal },
    cause: cause ? failureRecord(cause) : null,
    told: told ? { row: told.row, group: told.group ?? null } : null,
  }
}

/** The same in words. */
export function closedFailedText({ verdict, end: { unit, exitCode }, directory, wasOpen, cause, told }: ClosedFailed, { colour }: { readonly colour: boolean }): string {
  const paint = painter(colour)
  const name = visible(unit)
  const why = cause && `${paint('bad', 'failed:')} ${visible(cause.message.split('\n', 1)[0] ?? '')}`
  const words: Readonly<Record<ClosedFailed['verdict'], string>> = {
    'at work': `a run is at work, and the gate is its own: nothing to do for ${name}`,
    'well': `${name} has not failed: the gate is left as it is`,
    'on purpose': `${name} was ended on purpose (exit code ${exitCode ?? '(none)'}): nobody is told`,
    'told': `${name} has told itself why it failed`,
    'cut off': `${name} could tell nobody`,
  }
  const lines = [
    ...(wasOpen === undefined ? [] : [`${paint('warn', 'gate closed')} (${wasOpen ? `${visible(directory)} emptied` : `it was: ${visible(directory)} is empty`})`]),
    why ?? words[verdict],
    ...(cause && !told ? ['nobody is told: this is attended'] : []),
    ...(told?.row ? ['the registry row says failed'] : []),
    ...(told?.group ? ['the group is told'] : []),
    ...(told && told.group === undefined ? ['the group is not told: the role says so (onFailure)'] : []),
  ]
  return lines.map(line => `${line}\n`).join('')
}
