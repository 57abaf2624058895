import { isUtf8 } from 'node:buffer'
import { errnoOf, Failure, messageOf, type FailureCode } from '../core/failure.ts'
import { failureAt } from '../core/faults.ts'
import { readRegular, WRITTEN_BYTES } from '../core/regular-file.ts'
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
  const text = bytes.toString('utf8')
  if (isUtf8(bytes)) return parseYaml(text, name, code, tell)
  throw failureAt({ place: { file: name, line: lineOf(text, text.indexOf('\uFFFD')) }, message: 'bytes that are no UTF-8 text', hint: 'Save the file as UTF-8.', code })
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
