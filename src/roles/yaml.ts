import { errnoOf, Failure, messageOf, type FailureCode } from '../core/failure.ts'
import { failureAt } from '../core/faults.ts'
import { lineOfNoText, readRegular, WRITTEN_BYTES } from '../core/regular-file.ts'
import { parseYaml, type Tell, type YamlFile } from '../core/yaml.ts'

/** Reads a YAML file, as parseYaml does its text.
 *  @param name how complaints call the file
 *  @param code the failure that a fault in it is
 *  @param tell as parseYaml has it
 *  @throws Failure `code` with file and line; `file.denied` when it can't be read */
export function loadYaml(path: string, name: string, code: FailureCode, tell?: Tell): YamlFile {
  let bytes: Buffer
  try {
    bytes = readRegular(path, WRITTEN_BYTES)
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') throw new Failure(code, `${name} is a directory, and should be a file`)
    if (error instanceof Failure) throw new Failure(code, `${name} can't be read: ${error.message}`, { cause: error })
    throw new Failure('file.denied', `${name} can't be read: ${messageOf(error)}`, { cause: error })
  }
  const line = lineOfNoText(bytes)
  if (line === undefined) return parseYaml(bytes.toString('utf8'), name, code, tell)
  throw failureAt({ place: { file: name, line }, message: 'bytes that are no UTF-8 text', hint: 'Save the file as UTF-8.', code })
}
