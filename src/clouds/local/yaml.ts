import { Failure, type FailureCode } from '../../core/failure.ts'
import { failureAt } from '../../core/faults.ts'
import { lineOfNoText } from '../../core/regular-file.ts'
import { showPlace } from '../../core/role.ts'
import { readBytes } from './files.ts'

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
  const bytes = bytesOf(file, code)
  if (bytes === undefined) return undefined
  const line = lineOfNoText(bytes)
  if (line !== undefined) throw failureAt({ place: { file, line }, message: 'bytes that are no UTF-8 text', hint: 'Save the file as UTF-8.', code })
  const { parseYaml } = await import('../../core/yaml.ts')
  try {
    const { value, placeOf } = parseYaml(bytes.toString('utf8'), file, code)
    return { value, complaint: (path, message, hint) => failureAt({ place: placeOf(path), message, hint, code }) }
  } catch (error) {
    if (!isSecret || !(error instanceof Failure)) throw error
    throw new Failure(code, `${error.faults[0] ? showPlace(error.faults[0].place) : file}: not valid YAML`)
  }
}

/** What is no file is as wrong as what is wrong in one. */
function bytesOf(file: string, code: FailureCode): Buffer | undefined {
  try {
    return readBytes(file)
  } catch (error) {
    if (error instanceof Failure && error.cause instanceof Failure) throw failureAt({ place: { file, line: 1 }, message: error.cause.message, code }, error.cause)
    throw error
  }
}

/** A value as complaints show it. */
export function found(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  const text = Array.isArray(value) ? `a list (${JSON.stringify(value)})` : (JSON.stringify(value) ?? String(value))
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
