import type { MemberState, Row } from '../core/cloud.ts'
import { isSuspect } from '../core/row.ts'
import type { Format, FormatOptions } from './format.ts'

/** Rows that are sorted and aligned together: all of most fleets. */
const ROWS_A_BLOCK = 1_000
const REVISION_LENGTH = 12
const NOTE_LENGTH = 60

/** For people. Columns in which nobody has anything are left out. */
const table: Format = async function* (rows, options) {
  const counts = { members: 0, states: new Map<MemberState, number>(), suspects: 0 }
  let widths: readonly number[] = []
  let block: Row[] = []
  const write = (): string => {
    const isFirst = counts.members === 0
    for (const { state } of block) counts.states.set(state, (counts.states.get(state) ?? 0) + 1)
    counts.members += block.length
    counts.suspects += block.filter(row => isSuspect(row, options.now)).length
    const cells = block.sort(byRoleAndId).map(row => COLUMNS.map(({ cell }) => cell(row, options)))
    // A later block never makes a column narrower: the eye follows it down.
    widths = COLUMNS.map(({ name }, at) => {
      const widest = Math.max(0, ...cells.map(one => one[at]?.text.length ?? 0))
      return Math.max(widths[at] ?? 0, widest === 0 ? 0 : Math.max(widest, name.length))
    })
    const heads = COLUMNS.map(({ name }) => ({ text: name, tone: 'faint' }) as const)
    block = []
    return [...(isFirst ? [heads] : []), ...cells].map(one => `${line(one, widths, options)}\n`).join('')
  }
  for await (const row of rows) {
    block.push(row)
    if (block.length === ROWS_A_BLOCK) yield write()
  }
  if (block.length > 0) yield write()
  yield summary(counts)
}

export default table

interface Cell {
  readonly text: string
  readonly tone?: 'good' | 'bad' | 'warn' | 'faint' | undefined
}

interface Column {
  readonly name: string
  cell(row: Row, options: FormatOptions): Cell
}

const STATE_TONES: Readonly<Record<MemberState, Cell['tone']>> = { 'in-service': 'good', booting: undefined, draining: 'warn', failed: 'bad' }

const COLUMNS: readonly Column[] = [
  { name: 'ROLE', cell: ({ role }, { visible }) => ({ text: visible(role) }) },
  { name: 'INSTANCE', cell: ({ instanceId }, { visible }) => ({ text: visible(instanceId) }) },
  { name: 'STATE', cell: ({ state }) => ({ text: state, tone: STATE_TONES[state] }) },
  { name: 'AGE', cell: ({ bootId }, { now }) => ({ text: age(bootId, now) }) },
  { name: 'LEASE', cell: lease },
  { name: 'LOAD', cell: ({ load }) => ({ text: load === undefined ? '' : load.toFixed(2) }) },
  { name: 'TYPE', cell: ({ instanceType }, { visible }) => ({ text: visible(instanceType ?? '') }) },
  { name: 'ZONE', cell: ({ availabilityZone }, { visible }) => ({ text: visible(availabilityZone ?? '') }) },
  { name: 'PRIVATE', cell: ({ privateIp }, { visible }) => ({ text: visible(privateIp ?? '') }) },
  { name: 'PUBLIC', cell: ({ publicIp }, { visible }) => ({ text: visible(publicIp ?? '') }) },
  { name: 'REVISION', cell: ({ revision }, { visible }) => ({ text: visible(revision ?? '').slice(0, REVISION_LENGTH) }) },
  { name: 'WHY', cell: ({ failure }, { visible }) => ({ text: visible((failure ?? '').split('\n', 1)[0] ?? '').slice(0, NOTE_LENGTH), tone: 'bad' }) },
]

/** Since the machine was started. A row that a person put has no boot. */
function age(bootId: string, now: number): string {
  const startedAt = Number.parseInt(bootId, 10)
  return startedAt > 0 && startedAt <= now ? short(now - startedAt) : ''
}

function lease(row: Row, { now }: FormatOptions): Cell {
  const left = row.leaseUntil - now
  if (left >= 0) return { text: short(left) }
  return isSuspect(row, now) ? { text: `suspect, past ${short(-left)}`, tone: 'warn' } : { text: `past ${short(-left)}` }
}

/** '40s', '3m', '5h', '12d'. */
function short(ms: number): string {
  const [unit, name] = ([[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'm']] as const).find(([unit]) => ms >= 2 * unit) ?? [1_000, 's']
  return `${Math.floor(ms / unit)}${name}`
}

function line(cells: readonly Cell[], widths: readonly number[], { paint }: FormatOptions): string {
  const shown = cells.flatMap((cell, at) => (widths[at] === 0 ? [] : [{ ...cell, width: widths[at] as number }]))
  const painted = shown.map(({ text, tone, width }, at) => (tone ? paint(tone, text) : text) + (at === shown.length - 1 ? '' : ' '.repeat(width - text.length)))
  return painted.join('  ').trimEnd()
}

function byRoleAndId(a: Row, b: Row): number {
  return compare(a.role, b.role) || compare(a.instanceId, b.instanceId)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function summary({ members, states, suspects }: { readonly members: number; readonly states: ReadonlyMap<MemberState, number>; readonly suspects: number }): string {
  if (members === 0) return 'no members\n'
  const parts = [...states].sort(([a], [b]) => compare(a, b)).map(([state, count]) => `${count} ${state}`)
  return `${members} ${members === 1 ? 'member' : 'members'}: ${[...parts, ...(suspects === 0 ? [] : [`${suspects} suspect`])].join(', ')}\n`
}
