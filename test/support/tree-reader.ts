import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Run as a program: reads the tree at argv[2] again and again, each time through its link once, until standard input ends. Prints `reading`
 *  at first, and in the end, as JSON, how often it read and what was wrong with what it saw: files of two versions, or no tree at all. */
const link = process.argv[2] as string
const wrong: string[] = []
let reads = 0
let overtaken = 0
let done = false
process.stdin.on('end', () => (done = true)).resume()

function readOnce(): void {
  const generation = readlinkSync(link)
  const at = join(dirname(link), generation)
  try {
    const versions = readdirSync(at).map(name => readFileSync(join(at, name), 'utf8'))
    if (versions.length !== 3 || new Set(versions).size !== 1) throw new Error(`a mixture: ${versions.join(' ')}`)
    reads++
  } catch (error) {
    // Only the generation before the live one is kept: two swings during one reading outrun it, which is not an absence.
    if (Number(basename(readlinkSync(link))) < Number(basename(generation)) + 2) throw error
    overtaken++
  }
}

function read(): void {
  try {
    for (let i = 0; i < 20; i++) readOnce()
  } catch (error) {
    wrong.push(String(error))
  }
  if (done) console.log(JSON.stringify({ reads, overtaken, wrong: wrong.slice(0, 5) }))
  else setImmediate(read)
}

readOnce()
console.log('reading')
read()
