import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { aside } from './git-repository.ts'
import type { RunOptions } from './program.ts'

/** What a program started. */
export interface Start {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Sees every process that a program itself starts; those that its children start are not seen.
 *  @returns options to run it with, and what was seen */
export function startRecorder(t: Test): { readonly options: RunOptions; starts(): readonly Start[] } {
  const dir = aside(t, 'starts')
  const log = join(dir, 'starts.ndjson')
  writeFileSync(log, '')
  writeFileSync(
    join(dir, 'record.mjs'),
    `import processes from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const append = fs.appendFileSync
for (const name of ['execFile', 'execFileSync', 'spawn', 'spawnSync']) {
  const real = processes[name]
  processes[name] = (file, ...rest) => {
    const [args, options] = Array.isArray(rest[0]) ? rest : [[], rest[0]]
    append(${JSON.stringify(log)}, JSON.stringify({ argv: [file, ...args], env: { ...options?.env } }) + '\\n')
    return real(file, ...rest)
  }
}
syncBuiltinESMExports()
`,
  )
  return {
    options: { nodeArgs: ['--import', join(dir, 'record.mjs')] },
    starts: () => readFileSync(log, 'utf8').split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Start])),
  }
}
