import type { Failure } from './failure.ts'
import type { Instance } from './instance.ts'
import type { Plain } from './plain.ts'
import type { Secret } from './secret.ts'

/** What sunup asks of the place it runs in. Ports speak of what we mean; each cloud is one folder that fills them. */
export interface Cloud {
  readonly name: 'aws' | 'local'
  readonly metadata: Metadata
  readonly addresses: Addresses
  readonly registry: Registry
  readonly revisions: Revisions
  readonly lifecycle: Lifecycle
  readonly secrets: Secrets
  /** What it was asked so far, by API, e.g. 'dynamodb:PutItem'; undefined where asking is free. */
  readonly calls?: ReadonlyMap<string, CallCount>
}

/** What a cloud may know of the run that uses it. */
export interface CloudUser {
  /** This boot's mark, the registry's `bootId`. */
  bootId(): string
  /** The role whose registry the run is in: then a claim in its table goes before every association of an address. undefined: in none. */
  registeredAs(): string | undefined
  /** Nobody is waiting at a terminal: a metadata service that is away is waited for. */
  readonly isPatient: boolean
  /** What is not as usual, and no failure, in a sentence. */
  warn(text: string): void
  /** What was fetched may be kept beside the machine's own, where its owner asked for that. Default false. */
  readonly mayKeep?: boolean
}

/** What one API cost. */
export interface CallCount {
  /** Requests sent, those that were tried again included. */
  readonly count: number
  /** Of them, those after the first of an ask. */
  readonly retries: number
  /** Of them, those that were throttled. */
  readonly throttles: number
}

export interface Metadata {
  /** Read anew at each call: an address taken in between shows. @throws Failure `instance.missing`, `instance.invalid`, `cloud.unreachable` */
  identity(signal: AbortSignal): Promise<Instance>
  /** Of the identity this alone, now: what is cheap enough to be asked again and again. @throws as identity */
  publicIp(signal: AbortSignal): Promise<string | null>
  /** Where the metadata service does not list tags (reading one throws `instance.tags`): asks for them another way; identity has them then. */
  learnTags?(signal: AbortSignal): Promise<void>
}

export interface Secrets {
  /** The text behind `path` in the cloud's parameter store. @throws Failure `secret.missing`, `cloud.denied` */
  read(path: string, signal: AbortSignal): Promise<Secret>
}

/** A public address that outlives the instances that hold it. */
export interface Address {
  readonly allocationId: string
  readonly publicIp: string
  readonly tags: Readonly<Record<string, string>>
  /** The instance id that holds it now. */
  readonly holder: string | null
}

export type HolderState = 'alive' | 'draining' | 'dead'

export interface Addresses {
  /** How long it must look taken before that is believed; 0 where the cloud's word counts at once. */
  readonly settlesInMs: number
  /** @throws Failure `address.missing` */
  byAllocation(allocationId: string, signal: AbortSignal): Promise<Address>
  /** All that carry every one of the tags, in the order of their allocation ids. */
  byTags(tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly Address[]>
  /** A tag of the instance, asked of the cloud itself: for where the metadata service does not tell tags, or not yet. undefined: it has none such. */
  tag(instanceId: string, name: string, signal: AbortSignal): Promise<string | undefined>
  /** What is proven of an instance that holds an address; what can't be proven is alive. */
  holderState(instanceId: string, signal: AbortSignal): Promise<HolderState>
  /** Takes the address for `instanceId` if `from` holds it at that moment (null: nobody), as one step no other run can share.
   *  @throws Failure `address.held` when somebody else holds it by now */
  take(allocationId: string, instanceId: string, from: string | null, signal: AbortSignal): Promise<void>
  /** Gives it back if `instanceId` holds it; else does nothing. */
  release(allocationId: string, instanceId: string, signal: AbortSignal): Promise<void>
  /** What a person may do about an address whose holder is gone but can't be proven so: for hints. */
  howToFree(allocationId: string): string
}

export type MemberState = 'booting' | 'in-service' | 'draining' | 'failed'

/** A row of the registry: the attributes of the table, under their names there. */
export interface Row {
  readonly role: string
  readonly instanceId: string
  /** `<boot time, epoch ms, 13 digits>-<boot_id>`. */
  readonly bootId: string
  /** +1 with every write. */
  readonly seq: number
  readonly state: MemberState
  /** Epoch milliseconds. */
  readonly leaseUntil: number
  /** Epoch seconds; garbage collection only. */
  readonly expiresAt: number
  readonly instanceType?: string
  readonly availabilityZone?: string
  readonly privateIp?: string
  readonly publicIp?: string
  readonly publicHostname?: string
  /** The source's commit. */
  readonly revision?: string
  /** The first git resource's commit. */
  readonly appRevision?: string
  /** 1-minute load per core. */
  readonly load?: number
  readonly bootedInMs?: number
  readonly meta?: Readonly<Record<string, Plain>>
  readonly failure?: string
}

export interface RowKey {
  readonly role: string
  readonly instanceId: string
  readonly bootId: string
}

/** What a write sets; undefined takes the attribute away. seq, leaseUntil and expiresAt follow by themselves. */
export type RowPatch = { readonly [K in keyof Omit<Row, 'role' | 'instanceId' | 'bootId' | 'seq' | 'leaseUntil' | 'expiresAt'>]?: Row[K] | undefined }

export interface Registry {
  /** Strongly consistent. */
  read(role: string, instanceId: string, signal: AbortSignal): Promise<Row | undefined>
  /** Writes the row, making it where it is missing (then `state` is needed): there is none, or it is this boot's, or an older boot's
   *  (of which then only the identity stays). Renews the lease. One step that no other run can share.
   *  @throws Failure `registry.lost` when a newer boot of this instance owns it */
  register(key: RowKey, patch: RowPatch, signal: AbortSignal): Promise<Row>
  /** As register, but only on this boot's own row. @throws Failure `registry.lost` */
  update(key: RowKey, patch: RowPatch, signal: AbortSignal): Promise<Row>
  /** Removes this boot's row; gone already, or another boot's, is fine: `false`. */
  remove(key: RowKey, signal: AbortSignal): Promise<boolean>
  /** Rows of one role, in the order of their instance ids, or of all roles, in no promised order; never sunup's own (`#…`).
   *  Holds no more than a page of them at a time.
   *  @param foreign told of a row that something else wrote, and that is left out. Default: it is thrown, Failure `cloud.invalid` */
  list(role: string | undefined, signal: AbortSignal, foreign?: (failure: Failure) => void): AsyncIterable<Row>
  /** How long a row is believed without renewal. */
  readonly leaseMs: number
  /** Makes what the rows are kept in, where that has to be made: what was done, in words; empty: all was so already.
   *  @throws Failure `cloud.invalid` when something else is there */
  ensureTable?(signal: AbortSignal): Promise<readonly string[]>
}

/** A boot of a role, as the fleet is to know of it. */
export interface BootOfRevision {
  /** The source's commit. */
  readonly revision: string
  /** The first git resource's; null where there is none, or it came to none. */
  readonly appRevision: string | null
  readonly instanceId: string
  /** The run's id: a boot counts once. */
  readonly run: string
  /** The instance's security groups, where they picked the role. */
  readonly groups?: readonly string[] | undefined
}

/** How boots of a role went, revision by revision. See core/revisions.ts for what follows from it. */
export interface RevisionHistory {
  /** +1 with every write. */
  readonly seq: number
  /** The one that was heard of last comes first; a bounded number. */
  readonly revisions: readonly RevisionRecord[]
  /** Sets of security groups by which instances were picked for the role when their gates opened, each sorted; the last heard of first; a bounded number. */
  readonly groups?: readonly (readonly string[])[]
}

export interface RevisionRecord {
  readonly revision: string
  /** The application's commit it was last seen healthy with. */
  readonly appRevision: string | null
  /** The history's `seq` when a gate opened on it last as news; null: never. No clock is asked which was the later. */
  readonly goodAt: number | null
  /** Boots of it that failed; no more are counted than a breaker can ask for. */
  readonly failures: number
  /** The last of them, the newest first. */
  readonly failed: readonly { readonly run: string; readonly instanceId: string; readonly failure: string }[]
}

/** What all instances of a role know in common of its revisions. Strongly consistent; written only where it changes. */
export interface Revisions {
  /** A boot has opened its gate. */
  recordGood(role: string, boot: BootOfRevision, signal: AbortSignal): Promise<RevisionHistory>
  /** A boot has failed. @param failure what a person should read of it */
  recordFailed(role: string, boot: BootOfRevision, failure: string, signal: AbortSignal): Promise<RevisionHistory>
  /** Empty, with seq 0, where nothing was recorded. */
  history(role: string, signal: AbortSignal): Promise<RevisionHistory>
  /** The role that instances with exactly these security groups were healthy in: for who can't read it in the source. undefined: none, or several. */
  roleWith(groups: readonly string[], signal: AbortSignal): Promise<string | undefined>
}

/** What the group wants of this instance, e.g. InService, Terminated, Standby, Warmed:Stopped. */
export type TargetState = string

export interface Lifecycle {
  target(signal: AbortSignal): Promise<TargetState>
  /** The instance may take traffic: the launch hook, if there is one, is completed. */
  ready(signal: AbortSignal): Promise<void>
  /** The instance can't be had: it is to be replaced. */
  failed(reason: string, signal: AbortSignal): Promise<void>
  /** The instance has left service: the termination hook, if there is one, is completed. */
  left(signal: AbortSignal): Promise<void>
  /** The work that the group waits for goes on: it is asked to wait on. For who makes progress, and not before the first half minute is nearly over:
   *  a short run costs no call.
   *  @returns how long it waits from now, milliseconds; undefined: nobody waits, and it need not be called again */
  heartbeat(signal: AbortSignal): Promise<number | undefined>
}
