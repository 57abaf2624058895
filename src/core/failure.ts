import type { Place } from './role.ts'

/** How a failure is met: final fails at once, retry is tried again with backoff, wait is asked again until the timeout. */
export type Remedy = 'final' | 'retry' | 'wait'

interface Meaning {
  readonly exit: number
  readonly remedy: Remedy
}

const outside: Meaning = { exit: 1, remedy: 'final' }
const passing: Meaning = { exit: 1, remedy: 'retry' }
const held: Meaning = { exit: 1, remedy: 'wait' }
const fault: Meaning = { exit: 78, remedy: 'final' }

/** Every failure there is, with its exit code and remedy. Adding one here is all it takes. */
export const MEANINGS = {
  // wrong in what the user wrote: found before the first check
  'config.invalid': fault,
  'config.missing': fault,
  'instance.invalid': fault,
  'instance.missing': fault,
  'source.empty': fault,
  'role.invalid': fault,
  'role.missing': fault,
  'role.none': fault,
  'role.several': fault,
  'role.cycle': fault,
  'recipe.missing': fault,
  'recipe.invalid': fault,
  'recipe.params': fault,
  'recipe.threw': fault,
  'recipe.stuck': fault,
  'bake.nothing': fault,
  'resource.invalid': fault,
  'resource.conflict': fault,
  'resource.order': fault,
  'resource.unknown': fault,
  'template.missing': fault,
  'template.invalid': fault,
  'template.name': fault,
  'secret.misplaced': fault,
  // the machine and the outside
  'file.denied': outside,
  'file.kind': outside,
  'file.exists': outside,
  'file.escape': outside,
  'file.refused': outside,
  'file.locked': held,
  'disk.full': outside,
  'absent.command': outside,
  'absent.user': outside,
  'absent.group': outside,
  'absent.unit': outside,
  'command.failed': outside,
  'command.timeout': outside,
  'service.failed': outside,
  'service.stuck': outside,
  'package.missing': outside,
  'package.locked': held,
  'git.failed': outside,
  'git.missing': outside,
  'git.denied': outside,
  'git.changed': outside,
  'git.locked': held,
  'git.broken': passing,
  'network.failed': passing,
  'source.unreachable': outside,
  'source.unsigned': outside,
  'download.missing': outside,
  'download.denied': outside,
  'download.checksum': outside,
  'archive.invalid': outside,
  'secret.missing': outside,
  'instance.tags': outside,
  'cloud.denied': outside,
  'cloud.invalid': outside,
  'cloud.unreachable': passing,
  'cloud.throttled': passing,
  'address.missing': outside,
  'address.held': outside,
  'address.lost': outside,
  'lifecycle.refused': outside,
  'registry.lost': outside,
  'registry.unwritable': outside,
  'resource.timeout': outside,
  'probe.failed': outside,
  'gate.failed': outside,
  // how a run ends
  'run.unknown': outside,
  'run.killed': outside,
  'run.unsettled': { exit: 3, remedy: 'final' },
  'run.deadline': { exit: 4, remedy: 'final' },
  'lock.held': { exit: 5, remedy: 'final' },
  'usage': { exit: 64, remedy: 'final' },
  'bug': { exit: 70, remedy: 'final' },
  'signal.int': { exit: 130, remedy: 'final' },
  'signal.term': { exit: 143, remedy: 'final' },
} as const satisfies Record<string, Meaning>

export type FailureCode = keyof typeof MEANINGS

/** One thing that is wrong in what the user wrote, and where. */
export interface Fault {
  readonly place: Place
  readonly message: string
  readonly hint?: string | undefined
  readonly code: FailureCode
  /** Its line may hold what nobody should see: it is told, and not shown. */
  readonly sensitive?: true | undefined
}

export interface FailureDetails {
  /** What the reader may do about it: one sentence. */
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** The last lines of what a command said, oldest first. */
  readonly output?: string | undefined
  /** What was missing, for `absent.*`: the command, user, group or unit. */
  readonly subject?: string | undefined
  /** One by one, where the message joins several. */
  readonly faults?: readonly Fault[] | undefined
  /** Where it differs from the code's: what was retried already as often as it may be is final. */
  readonly remedy?: Remedy | undefined
}

/** What went wrong, to what, where, and what to do. The only error that sunup throws on purpose. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly hint: string | undefined
  readonly output: string | undefined
  readonly subject: string | undefined
  readonly faults: readonly Fault[]
  readonly remedy: Remedy

  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'Failure'
    this.code = code
    this.hint = details.hint ?? (code === 'disk.full' ? FREE_SPACE : undefined)
    this.output = details.output
    this.subject = details.subject
    this.faults = details.faults ?? []
    this.remedy = details.remedy ?? MEANINGS[code].remedy
  }
}

/** Whatever was to be written, it is the same to do. */
const FREE_SPACE = 'Free space on that file system (blocks or inodes) and run again.'

/** The exit code of a failure; one meaning each, see docs/exit-codes.md. */
export function exitCodeOf(failure: Failure): number {
  return MEANINGS[failure.code].exit
}

export function remedyOf(failure: Failure): Remedy {
  return failure.remedy
}

/** Anything thrown, as a Failure: what we do not know is a bug of ours and says so. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (errnoOf(error) === 'ENOSPC') return new Failure('disk.full', messageOf(error), { cause: error })
  return new Failure('bug', `a fault in sunup itself: ${messageOf(error)}`, {
    cause: error,
    hint: 'Run again with --verbose for the stack, and report it.',
  })
}

/** What others threw, or, where looking at it throws once more, an Error that says so: anything can be thrown. */
export function knowable(thrown: unknown): unknown {
  try {
    if (!(thrown instanceof Error)) return typeof thrown === 'object' || typeof thrown === 'function' ? (String(thrown), thrown) : thrown
    for (const text of [thrown.name, thrown.message, thrown.stack ?? '', (thrown as NodeJS.ErrnoException).code ?? '']) String(text)
    if (thrown.cause !== undefined && knowable(thrown.cause) !== thrown.cause) return new Error(String(thrown.message))
    return thrown
  } catch {
    return new Error('something that has no text')
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The errno name of a system error, e.g. 'ENOENT'. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : undefined
}

/** The error as events and reports carry it. */
export interface FailureRecord {
  readonly code: FailureCode
  readonly message: string
  readonly hint: string | null
  readonly output: string | null
}

export function failureRecord(failure: Failure): FailureRecord {
  return { code: failure.code, message: failure.message, hint: failure.hint ?? null, output: failure.output ?? null }
}
