import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, parseDocument, visit, type Pair, type ParsedNode, type YAMLError } from 'yaml'
import { Failure, messageOf, type FailureCode, type Fault } from './failure.ts'
import type { Place } from './role.ts'
import { withoutPasswords } from './secret.ts'
import { failureAt, failureOf } from './faults.ts'

/** A YAML file as a plain value, and where in the file its parts stand. */
export interface YamlFile {
  /** As complaints name it. */
  readonly name: string
  /** null for an empty file. */
  readonly value: unknown
  /** The line of the key, or list entry, at the path; of the nearest one around it, where the path leads to nothing. */
  placeOf(path: readonly PropertyKey[]): Place
  /** The characters that stand for the scalar at the path, e.g. '1.10' where the value is 1.1. */
  written(path: readonly PropertyKey[]): string | undefined
}

/** More than this is no file that a person wrote, but aliases of aliases. */
const MOST_VALUES = 100_000

/** Reads a YAML 1.2 text. Aliases are followed; tags, merge keys, duplicate keys and numbers that would lose digits are refused.
 *  @param name how complaints call the file
 *  @param code the failure that a fault in it is
 *  @param tell is told of the traps that lie in single keys and scalars, which are left out, or taken as the text that was written, and of which the caller
 *  then has to complain; default: all of them are thrown as one
 *  @throws Failure `code` with file and line */
export function parseYaml(text: string, name: string, code: FailureCode, tell: Tell = faults => throwAll(faults)): YamlFile {
  try {
    return read(text, name, code, tell)
  } catch (error) {
    if (error instanceof Failure) throw error
    // The parser recurses; what it can't hold nobody meant.
    const what = error instanceof RangeError ? 'nested too deeply to be read' : `can't be read as YAML: ${messageOf(error)}`
    throw failureAt({ place: { file: name, line: 1 }, message: what, code })
  }
}

/** The keys and values that are texts, with escapes and folds resolved; of what is no sound YAML as much as the parser makes of it. To look
 *  for something in it, not to use it. */
export function textsIn(text: string): readonly string[] {
  const texts: string[] = []
  try {
    const documents = parseAllDocuments(text, { version: '1.2', resolveKnownTags: false, prettyErrors: false, logLevel: 'silent' })
    for (const document of documents) visit(document, { Scalar: (_key, { value }) => void (typeof value === 'string' && texts.push(value)) })
  } catch (error) {
    // Nested too deeply for a parser that recurses.
    if (!(error instanceof RangeError)) throw error
  }
  return texts
}

export type Tell = (faults: readonly Fault[]) => void

function throwAll(faults: readonly Fault[]): never {
  throw failureOf(faults)
}

function read(text: string, name: string, code: FailureCode, tell: Tell): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', stringKeys: true, resolveKnownTags: false, prettyErrors: false, logLevel: 'error' })
  const at = (offset: number): Place => ({ file: name, line: lines.linePos(offset).line })
  const wrong = document.errors[0] ?? document.warnings[0]
  if (wrong) throw syntaxFault(wrong, text, at(wrong.pos[0]), code)

  const anchors = new Map<string, ParsedNode>()
  const root = document.contents as ParsedNode | null
  const traps: Fault[] = []
  const value = plainOf(root, anchors, text, {
    trap: (node, message, hint) => void traps.push({ place: at(node.range[0]), message, hint, code }),
    refuse: (node, message, hint) => failureOf([...traps, { place: at(node.range[0]), message, hint, code }]),
  })
  if (traps.length > 0) tell(traps)

  /** Where the path leads: the node, and the offset of the key or entry that holds it. */
  function find(path: readonly PropertyKey[]): { node: ParsedNode | null; offset: number; whole: boolean } {
    let node = root
    let offset = root?.range[0] ?? 0
    for (const key of path) {
      if (isAlias(node)) node = anchors.get(node.source) ?? null
      if (isMap(node)) {
        const pair: Pair<ParsedNode, ParsedNode | null> | undefined = node.items.find(item => isScalar(item.key) && item.key.value === String(key))
        if (!pair) return { node, offset, whole: false }
        offset = pair.key.range[0]
        node = pair.value
      } else if (isSeq(node) && typeof key === 'number' && node.items[key]) {
        node = node.items[key]
        offset = node.range[0]
      } else return { node, offset, whole: false }
    }
    return { node, offset, whole: true }
  }

  return {
    name,
    value,
    placeOf: path => at(find(path).offset),
    written(path) {
      const { node, whole } = find(path)
      return whole && isScalar(node) ? text.slice(node.range[0], node.range[1]) : undefined
    },
  }
}

interface Complaints {
  /** Past it there is more to look at. */
  trap(node: ParsedNode, message: string, hint?: string): void
  refuse(node: ParsedNode, message: string, hint?: string): Failure
}

/** The library's own conversion knows no places: bounds and traps are told here with theirs. */
function plainOf(root: ParsedNode | null, anchors: Map<string, ParsedNode>, text: string, { trap, refuse }: Complaints): unknown {
  const known = new Map<string, { value: unknown; size: number }>()
  let size = 0

  function plain(node: ParsedNode | null): unknown {
    if (node === null) return null
    if (++size > MOST_VALUES) throw refuse(node, `more than ${MOST_VALUES} values`, 'Aliases of aliases multiply: write less of them.')
    if (isAlias(node)) {
      const anchored = known.get(node.source)
      if (anchored === undefined) throw refuse(node, `*${node.source} refers to ${anchors.has(node.source) ? 'what it is a part of' : 'an anchor that does not stand before it'}`)
      size += anchored.size
      if (size > MOST_VALUES) throw refuse(node, `more than ${MOST_VALUES} values`, 'Aliases of aliases multiply: write less of them.')
      return anchored.value
    }
    const before = size
    if (node.anchor) {
      anchors.set(node.anchor, node)
      known.delete(node.anchor)
    }
    const value = isMap(node) ? map(node.items) : isSeq(node) ? node.items.map(item => plain(item as ParsedNode)) : scalar(node)
    if (node.anchor) known.set(node.anchor, { value, size: size - before })
    return value
  }

  function map(items: readonly Pair<ParsedNode, ParsedNode | null>[]): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : undefined
      // Anchors are set in it, also where it is left out.
      const item = plain(value)
      if (name === undefined) trap(key, 'a key must be a text')
      else if (name === '<<' && isScalar(key) && key.type === 'PLAIN') trap(key, 'the merge key << is not of YAML 1.2', 'Write the keys out; roles share their parts with `include`.')
      else if (name === '__proto__') trap(key, 'a key must not be called __proto__')
      else result[name] = item
    }
    return result
  }

  function scalar(node: ParsedNode): unknown {
    const value: unknown = isScalar(node) ? node.value : null
    if (typeof value !== 'number') return value
    const written = text.slice(node.range[0], node.range[1])
    const isExact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
    if (/^[-+]?0\d/.test(written)) trap(node, `${written} is read as the number ${value}`, `Quote it, if it is a text or a file mode: "${written}".`)
    else if (!isExact) trap(node, `${written} is no number that can be kept exactly`, `Quote it: "${written}".`)
    else return value
    return written
  }

  return plain(root)
}

const SYNTAX_HINTS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'Indent with spaces.',
  DUPLICATE_KEY: 'Keep one of the two.',
  BLOCK_AS_IMPLICIT_KEY: 'Quote a text that contains ": ".',
  BAD_SCALAR_START: 'Quote a text that begins with this character.',
  MULTIPLE_DOCS: 'Keep one document: leave out the second ---.',
  TAG_RESOLVE_FAILED: 'Leave the tag out: plain values are all there is.',
  BAD_DQ_ESCAPE: "Write \\\\ for a backslash, or use '…'.",
  MISSING_CHAR: 'A quote, bracket or colon is missing.',
}

function syntaxFault(error: YAMLError, text: string, place: Place, code: FailureCode): Failure {
  const line = withoutPasswords(text.split(/\r?\n/)[place.line - 1]?.trim() ?? '')
  // The parser's own words for this one name a function of its library.
  const what = error.code === 'MULTIPLE_DOCS' ? 'a second document begins' : (error.message[0] as string).toLowerCase() + error.message.slice(1)
  const shown = line.length > 60 ? `${line.slice(0, 59)}…` : line
  return failureAt({ place, message: line === '' ? what : `${what}, at \`${shown}\``, hint: SYNTAX_HINTS[error.code], code })
}
