import type { Plain } from './plain.ts'

/** Where something was written: for complaints, never for logic. */
export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** One step of a run list. */
export interface RunListEntry {
  readonly recipe: string
  /** As written; checked against the recipe's schema when that is loaded. */
  readonly params: unknown
  readonly place: Place
  /** Where a value inside params was written, by its path. */
  placeOf(path: readonly PropertyKey[]): Place
  /** The characters that stand for it in the file, e.g. '0644' where `params` has 644. */
  written?(path: readonly PropertyKey[]): string | undefined
}

export interface Probe {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly status: number
  readonly contains: string | undefined
  readonly withinMs: number
}

export interface Health {
  readonly file: string
  /** Mustache; sees instance, run, role. */
  readonly content: string
  /** Where a line of the content, from 1, was written. */
  placeOf(line: number): Place
  readonly mode: string
  readonly probe: Probe | undefined
  readonly url: string | undefined
}

export type OnFailure = 'abandon' | 'hold' | 'none'

/** What an instance is for: roles/<name>.yaml with its includes joined. */
export interface Role {
  readonly name: string
  readonly description: string | undefined
  /** Patterns; `*` matches any run of characters. */
  readonly securityGroups: readonly string[]
  readonly runList: readonly RunListEntry[]
  readonly health: Health
  readonly deadlineMs: number
  readonly onFailure: OnFailure
  readonly drain: { readonly settleMs: number; readonly deadlineMs: number }
  readonly scaling: Readonly<Record<string, Plain>> | undefined
  readonly place: Place
}

export function showPlace(place: Place): string {
  return `${place.file}:${place.line}`
}
