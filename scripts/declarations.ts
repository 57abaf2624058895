import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Declarations for recipe authors, complete in themselves: zod's are carried along, so that installing sunup brings nothing else.
 *  @throws when the compiler refuses */
export function bundleTypes(home: string, out: string): void {
  const tsc = join(home, 'node_modules', '.bin', 'tsc')
  const args = ['-p', join(home, 'tsconfig.types.json'), '--outDir', out]
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, ...args], { cwd: home, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the declarations can't be made:\n${stdout}${stderr}`)
  const zod = join(out, 'zod')
  cpSync(join(home, 'node_modules', 'zod'), zod, { recursive: true, filter: path => !/\.(?:c?js|mjs|cts|ts)$/.test(path) || path.endsWith('.d.ts') })
  for (const file of filesBelow(out).filter(path => path.endsWith('.d.ts') && !path.startsWith(zod))) {
    const text = readFileSync(file, 'utf8')
    const toZod = relative(dirname(file), join(zod, 'index.d.ts')).replace(/\.d\.ts$/, '.js')
    const changed = text
      .replace(/(from |import\()(['"])zod\2/g, `$1$2${toZod.startsWith('.') ? toZod : `./${toZod}`}$2`)
      // Every Buffer is one, and a recipe author has not installed Node's types.
      .replace(/\bBuffer\b/g, 'Uint8Array')
    if (changed !== text) writeFileSync(file, changed)
  }
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}
