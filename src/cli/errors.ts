import { failureRecord, messageOf, type Failure, type Fault } from '../core/failure.ts'
import { showPlace } from '../core/role.ts'
import { showFailureRecord, showHint } from '../reporters/failures.ts'
import { painter, type Paint } from '../reporters/paint.ts'
import { visible, visibleLines } from '../reporters/visible.ts'

export interface ShowFailureOptions {
  readonly colour: boolean
  /** The stack too, and those of its causes. */
  readonly verbose: boolean
}

/** Past these a cause says no more than the one before it. */
const CAUSES = 3
const CAUSE_CHARACTERS = 300

/** A failure for people, ending in a line end: what happened, why, what was printed, what to do. A stack only when `verbose`. */
export function showFailure(failure: Failure, { colour, verbose }: ShowFailureOptions): string {
  const paint = painter(colour)
  if (failure.faults.length > 1) return `${[`${label(paint)} ${failure.faults.length} faults`, ...failure.faults.flatMap(fault => showFault(fault, paint)), ...(verbose ? stacks(failure, paint) : [])].join('\n')}\n`
  const { message, hint, output } = failureRecord(failure)
  const ours = failure.code === 'bug' && !message.includes('sunup itself') ? 'a fault in sunup itself: ' : ''
  const [first = '', ...rest] = showFailureRecord({ message: ours + (message || failure.code), hint: null, output: null }, paint)
  const said = showFailureRecord({ message: '', hint, output }, paint)
  const lines = [
    `${label(paint)} ${first}`,
    ...[...rest, ...causes(failure, paint), ...said].map(line => `  ${line}`),
    ...(verbose ? stacks(failure, paint) : []),
  ]
  return `${lines.join('\n')}\n`
}

function label(paint: Paint): string {
  return paint('strong', paint('bad', 'error:'))
}

/** As editors and terminals make links of it. The message of the whole says the same, with fewer hints. */
function showFault({ place, message, hint }: Fault, paint: Paint): string[] {
  const [first = '', ...rest] = visibleLines(message)
  return [
    `  ${paint('strong', visible(showPlace(place)))}: ${first}`,
    ...rest.map(line => `    ${line}`),
    ...(hint === undefined ? [] : showHint(hint, paint).map(line => `    ${line}`)),
  ]
}

/** Why, as far as the message does not say it already: most wraps repeat what they wrap. */
function causes(failure: Failure, paint: Paint): string[] {
  const lines: string[] = []
  let told = failure.message
  for (const cause of chain(failure).slice(1)) {
    const [first = ''] = visibleLines(messageOf(cause))
    if (first === '' || told.includes(messageOf(cause).split('\n', 1)[0] ?? '')) continue
    if (lines.length === CAUSES) break
    told += `\n${messageOf(cause)}`
    lines.push(`${paint('strong', 'because:')} ${first.length > CAUSE_CHARACTERS ? `${first.slice(0, CAUSE_CHARACTERS)}...` : first}`)
  }
  return lines
}

function stacks(failure: Failure, paint: Paint): string[] {
  const lines = chain(failure).flatMap((error, index) => {
    const [first = '', ...rest] = visibleLines(error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error))
    return [`${index === 0 ? '' : 'caused by '}${visible(first)}`, ...rest]
  })
  return lines.map(line => paint('faint', `  ${line}`))
}

/** The error and its causes; a circle ends where it closes. */
function chain(error: unknown): readonly unknown[] {
  const seen: unknown[] = []
  for (let at: unknown = error; at !== undefined && at !== null && !seen.includes(at); at = at instanceof Error ? at.cause : undefined) seen.push(at)
  return seen
}
