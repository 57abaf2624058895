import { Failure, messageOf, type FailureCode } from '../../core/failure.ts'
import { readText } from './files.ts'

/** A YAML file that a person wrote, with where each value stands. */
export interface YamlFile {
  readonly value: unknown
  /** The complaint about the value (or key) at this path: file, line, what was found, what should be. */
  complaint(path: readonly (string | number)[], message: string, hint?: string): Failure
}

/** Reads and parses; undefined: there is no such file.
 *  @param code of every complaint
 *  @param isSecret the parser's own complaints may quote the text: they are left out
 *  @throws Failure `code` naming file and line, `file.denied` */
export async function readYaml(file: string, code: FailureCode, isSecret = false): Promise<YamlFile | undefined> {
  const text = readText(file)
  if (text === undefined) return undefined
  const { isCollection, isMap, isNode, isScalar, LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const wrong = document.errors[0]
  if (wrong) throw new Failure(code, `${file}:${lines.linePos(wrong.pos[0]).line}: not valid YAML${isSecret ? '' : `: ${wrong.message}`}`)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new Failure(code, `${file}:1: not valid YAML${isSecret ? '' : `: ${messageOf(error)}`}`)
  }

  function offsetOf(path: readonly (string | number)[]): number {
    let node: unknown = document.contents
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
    for (const step of path) {
      if (!isCollection(node)) break
      // A key's own line, where there is one: a nested value may begin on the next.
      const pair = isMap(node) ? node.items.find(item => isScalar(item.key) && item.key.value === step) : undefined
      node = pair ? pair.value : node.get(step, true)
      const here = pair && isNode(pair.key) ? pair.key.range : isNode(node) ? node.range : undefined
      if (here) offset = here[0]
    }
    return offset
  }

  return {
    value,
    complaint: (path, message, hint) => new Failure(code, `${file}:${lines.linePos(offsetOf(path)).line || 1}: ${message}`, { hint }),
  }
}

/** A value as complaints show it. */
export function found(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  const text = Array.isArray(value) ? `a list (${JSON.stringify(value)})` : (JSON.stringify(value) ?? String(value))
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
