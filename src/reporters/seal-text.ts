import { counted } from './counted.ts'
import { painter } from './paint.ts'
import { visible } from './visible.ts'

interface Finding {
  readonly what: string
  readonly path: string
  readonly detail?: string | undefined
  readonly why: string
  readonly fix: 'remove' | 'empty' | 'none'
  readonly hint?: string | undefined
  readonly refused: boolean
}

interface Sealed {
  readonly sealed: boolean
  readonly findings: readonly Finding[]
  readonly fixed: readonly Finding[]
  readonly kept: readonly Finding[]
}

const FIXES: Readonly<Record<Finding['fix'], string>> = { remove: '--fix removes it', empty: '--fix empties it', none: '' }
const FIXED: Readonly<Record<Finding['fix'], string>> = { remove: 'removed', empty: 'emptied', none: '' }

/** What an image must not carry, a line each: what it is, where, why not, and what to do. */
export function sealText({ sealed, findings, fixed, kept }: Sealed, { colour, fix }: { readonly colour: boolean; readonly fix: boolean }): string {
  const paint = painter(colour)
  const name = ({ what, path, detail }: Finding): string => `${what}: ${paint('strong', visible(path))}${detail === undefined ? '' : ` (${visible(detail)})`}`
  const todo = ({ fix: remedy, hint }: Finding): string => hint ?? (fix ? 'it is there again, or could not be removed' : FIXES[remedy])
  const refused = findings.filter(finding => finding.refused)
  const minor = findings.filter(finding => !finding.refused)
  const lines = [
    ...fixed.map(finding => `${paint('good', FIXED[finding.fix])} ${name(finding)}`),
    ...kept.map(finding => `${paint('faint', 'kept')} ${name(finding)}`),
    ...minor.map(finding => `${paint('faint', 'also')} ${name(finding)}: ${finding.why}; ${todo(finding)}`),
    ...refused.map(finding => `${paint('bad', 'refused')} ${name(finding)}: ${finding.why}. ${todo(finding)}`),
    sealed ? `${paint('good', 'sealed')}: nothing that an image must not carry` : `${paint('bad', 'not sealed')}: ${counted(refused.length, 'finding')}`,
  ]
  return lines.map(line => `${line}\n`).join('')
}
