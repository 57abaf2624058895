import { isSuspect } from '../core/row.ts'
import type { Format } from './format.ts'

/** An array with a row a line: the table's attributes, and whether the member is suspect. */
const json: Format = async function* (rows, { now }) {
  let before = '['
  for await (const row of rows) {
    yield `${before}\n${JSON.stringify({ ...row, suspect: isSuspect(row, now) })}`
    before = ','
  }
  yield before === '[' ? '[]\n' : '\n]\n'
}

export default json
