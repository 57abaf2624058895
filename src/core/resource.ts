import { parseDuration } from './duration.ts'
import { Failure } from './failure.ts'
import type { Change } from './change.ts'
import type { Machine, Observer } from './machine.ts'
import type { Awaitable } from './plain.ts'

/** `kind[path]` where there is a path, else `kind[name]`. */
export type ResourceId = string

/** Another resource, as value or as its id. */
export type ResourceRef = Resource | ResourceId

/** What any resource's props may carry besides its own. */
export interface CommonProps {
  /** Converge only if this command exits 0. An argv, no shell. Asked in plans too, and again when verifying. */
  readonly onlyIf?: readonly string[] | undefined
  /** Converge only if this command does not exit 0. */
  readonly notIf?: readonly string[] | undefined
  /** For one check or apply, its retries included; milliseconds or e.g. '90s', '5m'. Default 5m. */
  readonly timeout?: number | string | undefined
  /** Tries after the first, for what may pass (network, throttling). Default 4. */
  readonly retries?: number | undefined
}

export type Act = 'restart' | 'reload' | 'run'

/** An act that is owed when one of `on` changed. */
export interface Trigger {
  readonly act: Act
  readonly on: readonly ResourceId[]
}

export interface CheckContext {
  readonly observer: Observer
  /** Aborted on timeout, deadline and signals, with the Failure as its reason. */
  readonly signal: AbortSignal
  /** What the outside offers, asked once a run and kept: the second caller gets the first one's answer.
   *  An answer that failed is asked again. */
  pinned<T>(key: string, ask: () => Promise<T>): Promise<T>
  /** Whether an earlier run began this resource's apply and never ended it. Only for resources with `journaled`. */
  readonly interrupted: boolean
  /** Whether this is a plan: nothing will be applied. */
  readonly planning: boolean
}

export interface ApplyContext extends CheckContext {
  readonly machine: Machine
  /** For commands that must not run beside themselves. Of this apply in this run alone; only for resources with `journaled`. */
  readonly mark: string
  /** A line for the log, e.g. of a command that runs. Never a secret. */
  output(stream: 'stdout' | 'stderr', text: string): void
}

/** A directory may be the work of several resources, and holds that of others; a link may lead to one. */
export interface Occupied {
  /** Absolute, in its plain form. */
  readonly path: string
  readonly as: 'file' | 'link' | 'directory'
}

/** One thing that should be so. Made by a constructor of src/resources, checked and applied by the engine. */
export interface Resource {
  readonly id: ResourceId
  readonly kind: string
  /** All that makes it what it is: two of one id with equal props are one resource. Secrets are compared by value. */
  readonly props: object
  readonly onlyIf?: readonly string[] | undefined
  readonly notIf?: readonly string[] | undefined
  readonly timeoutMs?: number | undefined
  readonly retries?: number | undefined
  readonly triggers?: readonly Trigger[] | undefined
  /** Means the host itself, so a staging root skips it; the text is the reason shown. */
  readonly hostOnly?: string | undefined
  /** Its apply must be known to have been cut off: its beginning and end are put on disk. */
  readonly journaled?: boolean | undefined
  /** A path that its apply makes, where its id names none. */
  readonly creates?: string | undefined
  /** What stands at a path by its doing, for as long as it is asked for: no other resource can have that path. */
  readonly occupies?: Occupied | undefined
  /** Its check runs it in every boot: `check` warns. */
  readonly unguarded?: boolean | undefined
  /** Puts the questions that its check will put to the outside, and only those, by `pinned`: their answers come while others are checked.
   *  Neither throws nor waits. */
  ahead?(context: CheckContext): void
  /** The changes that are missing; empty means settled. Touches nothing. */
  check(context: CheckContext): Awaitable<readonly Change[]>
  /** Makes exactly these changes so. An owed restart, reload or run stands among them as an `act` whose field names it. */
  apply(changes: readonly Change[], context: ApplyContext): Awaitable<void>
  /** Takes the last apply back, when an act that it caused failed. */
  revert?(context: ApplyContext): Awaitable<void>
}

export function idOf(ref: ResourceRef): ResourceId {
  return typeof ref === 'string' ? ref : ref.id
}

/** The rules of the props that every resource has; spread them into a resource's own. */
export const COMMON_PROPS = { onlyIf: 'argv?', notIf: 'argv?', timeout: 'any?', retries: 'count?' } as const

interface Making<Props> {
  readonly kind: string
  /** The path or name that stands in the id. */
  readonly key: string
  readonly props: Props
  readonly triggers?: Readonly<Partial<Record<Act, readonly ResourceRef[] | undefined>>>
}

/** The part of a resource that is made the same way for all: id, guards, timeout, triggers, and props that can be compared. */
export function resourceBase<Props extends CommonProps>(
  making: Making<Props>,
): Pick<Resource, 'id' | 'kind' | 'props' | 'onlyIf' | 'notIf' | 'timeoutMs' | 'retries' | 'triggers'> {
  const { kind, key, props } = making
  const id = `${kind}[${key}]`
  return {
    id,
    kind,
    props: comparable(props),
    onlyIf: props.onlyIf,
    notIf: props.notIf,
    timeoutMs: props.timeout === undefined ? undefined : milliseconds(id, props.timeout),
    retries: props.retries,
    triggers: making.triggers && triggersOf(making.triggers),
  }
}

function milliseconds(id: ResourceId, timeout: number | string): number {
  const ms = parseDuration(timeout)
  if (ms === undefined || ms === 0) throw new Failure('resource.invalid', `${id}: "timeout" must be a duration such as "90s", found ${JSON.stringify(timeout)}`)
  return ms
}

function triggersOf(triggers: NonNullable<Making<unknown>['triggers']>): readonly Trigger[] {
  return Object.entries(triggers).flatMap(([act, refs]) => (refs?.length ? [{ act: act as Act, on: refs.map(idOf) }] : []))
}

/** Resources among the props are replaced by their ids: two services that watch equal files are equal. */
function comparable(props: object): object {
  const lists = Object.entries(props).filter(([, value]) => Array.isArray(value) && value.some(isResource))
  if (lists.length === 0) return props
  return { ...props, ...Object.fromEntries(lists.map(([key, value]) => [key, (value as ResourceRef[]).map(idOf)])) }
}

function isResource(value: unknown): value is Resource {
  return typeof value === 'object' && value !== null && 'check' in value && 'apply' in value
}
