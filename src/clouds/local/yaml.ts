import { Failure, type FailureCode } from '../../core/failure.ts'
import { failureAt } from '../../core/faults.ts'
import { showPlace } from '../../core/role.ts'
import { readText } from './files.ts'

/** A YAML file that a person wrote, with where each value stands. */
export interface WrittenFile {
  readonly value: unknown
  /** The complaint about the value (or key) at this path: file, line, what was found, what should be. */
  complaint(path: readonly (string | number)[], message: string, hint?: string): Failure
}

/** Reads and parses; undefined: there is no such file.
 *  @param code of every complaint
 *  @param isSecret the parser's own complaints may quote the text: they are left out
 *  @throws Failure `code` naming file and line, `file.denied` */
export async function readYaml(file: string, code: FailureCode, isSecret = false): Promise<WrittenFile | undefined> {
  const text = readText(file)
  if (text === undefined) return undefined
  const { parseYaml } = await import('../../core/yaml.ts')
  try {
    const { value, placeOf } = parseYaml(text, file, code)
    return { value, complaint: (path, message, hint) => failureAt({ place: placeOf(path), message, hint, code }) }
  } catch (error) {
    if (!isSecret || !(error instanceof Failure)) throw error
    throw new Failure(code, `${error.faults[0] ? showPlace(error.faults[0].place) : file}: not valid YAML`)
  }
}

/** A value as complaints show it. */
export function found(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  const text = Array.isArray(value) ? `a list (${JSON.stringify(value)})` : (JSON.stringify(value) ?? String(value))
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
