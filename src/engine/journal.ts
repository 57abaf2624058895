import { closeSync, fdatasyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { isRecord } from '../core/plain.ts'
import type { Act, ResourceId } from '../core/resource.ts'
import { makeDirectory } from '../core/make-directory.ts'
import { readRegularText } from '../core/regular-file.ts'

/** An act that is still owed, and the change that made it so. */
export interface Debt {
  readonly id: ResourceId
  readonly act: Act
  readonly cause: ResourceId
}

type Line = ({ readonly t: 'owe' } & Debt) | { readonly t: 'paid'; readonly id: ResourceId } | { readonly t: 'begin'; readonly id: ResourceId; readonly run?: string } | { readonly t: 'end'; readonly id: ResourceId }

/** What must survive a crash: acts that are owed, and applies that were begun. Each line is on disk before its call returns. */
export interface Journal {
  owedBy(id: ResourceId): readonly Debt[]
  interrupted(id: ResourceId): boolean
  owe(debts: readonly Debt[]): void
  paid(id: ResourceId): void
  /** @param run the run that begins it */
  begin(id: ResourceId, run?: string): void
  /** The marks of applies that were begun and have not ended. */
  cutOff(): readonly string[]
  end(id: ResourceId): void
  /** Forgets everything: for the end of a run that settled all, and so owes nothing. */
  clear(): void
  close(): void
}

/** Opens the journal. The file is made with its first line: a settled run writes none.
 *  A torn last line, from a power cut, is ignored; any other line that can't be read is, too: it can only cost an extra restart
 *  if it were a payment, and a debt is written whole before its change is made.
 *  @throws Failure `file.denied` when it can't be read or written */
export function journal(file: string): Journal {
  const debts = new Map<string, Debt>()
  const begun = new Map<ResourceId, string | undefined>()
  let descriptor: number | undefined
  const before = read(file)
  // One that a run died over may be there, and empty.
  let used = before !== undefined
  before?.forEach(take)

  function take(line: Line): void {
    note(line, debts, begun)
  }

  function write(lines: readonly Line[]): void {
    if (lines.length === 0) return
    guarded(file, () => {
      if (descriptor === undefined) {
        makeDirectory(dirname(file), 0o700)
        descriptor = openSync(file, 'a', 0o600)
        syncDirectory(dirname(file))
        // A torn line of an earlier run must not swallow our first.
        if (used) writeSync(descriptor, '\n')
      }
      writeSync(descriptor, lines.map(line => `${JSON.stringify(line)}\n`).join(''))
      fdatasyncSync(descriptor)
    })
    used = true
    lines.forEach(take)
  }

  return {
    owedBy: id => (debts.size === 0 ? [] : [...debts.values()].filter(debt => debt.id === id)),
    interrupted: id => begun.has(id),
    owe: owed => write(owed.filter(debt => !debts.has(keyOf(debt))).map(debt => ({ t: 'owe', ...debt }))),
    paid: id => write([{ t: 'paid', id }]),
    begin: (id, run) => write([{ t: 'begin', id, ...(run !== undefined && { run }) }]),
    cutOff: () => [...begun].flatMap(([id, run]) => (run === undefined ? [] : [markOf(run, id)])),
    end: id => write([{ t: 'end', id }]),
    clear() {
      if (!used) return
      guarded(file, () => {
        if (descriptor === undefined) return rmSync(file, { force: true })
        ftruncateSync(descriptor)
        fdatasyncSync(descriptor)
        rmSync(file, { force: true })
      })
      debts.clear()
      begun.clear()
      used = false
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}

/** What an apply's commands are found by, once nobody knows of them any more. */
export function markOf(run: string, id: ResourceId): string {
  return `${run} ${id}`
}

/** What a run that died left undone, and one that goes on has not done yet. */
export interface Undone {
  readonly debts: readonly Debt[]
  /** Whose apply was begun and has not ended. */
  readonly begun: readonly ResourceId[]
}

/** Changes nothing. @throws Failure `file.denied` when it can't be read */
export function undoneIn(file: string): Undone {
  const debts = new Map<string, Debt>()
  const begun = new Map<ResourceId, string | undefined>()
  for (const line of read(file) ?? []) note(line, debts, begun)
  return { debts: [...debts.values()], begun: [...begun.keys()] }
}

function note(line: Line, debts: Map<string, Debt>, begun: Map<ResourceId, string | undefined>): void {
  if (line.t === 'begin') begun.set(line.id, line.run)
  if (line.t === 'end') begun.delete(line.id)
  if (line.t === 'owe') debts.set(keyOf(line), { id: line.id, act: line.act, cause: line.cause })
  else if (line.t === 'paid') for (const [key, debt] of debts) debt.id === line.id && debts.delete(key)
}

function keyOf({ id, act, cause }: Debt): string {
  return `${id}\n${act}\n${cause}`
}

/** undefined: there is no journal. */
function read(file: string): Line[] | undefined {
  let text: string
  try {
    text = readRegularText(file)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw new Failure('file.denied', `the journal ${file} can't be read: ${messageOf(error)}`, { cause: error })
  }
  return text.split('\n').flatMap(line => {
    try {
      const read: unknown = line === '' ? undefined : JSON.parse(line)
      return isRecord(read) ? [read as unknown as Line] : []
    } catch {
      return []
    }
  })
}

/** The name of a new file is safe only once its directory is. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fdatasyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function guarded(file: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    const code = errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied'
    throw new Failure(code, `the journal ${file} can't be written: ${messageOf(error)}`, { cause: error })
  }
}
