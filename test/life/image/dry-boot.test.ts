import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { dryBoot } from '../../../src/life/image/dry-boot.ts'
import { hostMachine } from '../../../src/machine/machine.ts'

const signal = new AbortController().signal

t.test('a dry boot boots, with this very program, and leaves nothing behind', async t => {
  const home = fileURLToPath(new URL('../../../', import.meta.url))
  const directory = join(t.testdir(), 'dry')
  t.ok(Array.isArray(await dryBoot(directory, { home, node: process.execPath, bundled: true }, hostMachine(), signal)))
  t.notOk(existsSync(directory))
})

t.test('it tells which compiled code was not kept before', async t => {
  const home = t.testdir()
  put(join(home, 'dist/cache/old-boot'), '')
  put(join(home, 'bin/sunup.js'), "process.getBuiltinModule('fs').writeFileSync(process.argv[1].replace('bin/sunup.js', 'dist/cache/new-') + process.argv[2], '')")
  t.strictSame(await dryBoot(join(home, 'dry'), { home, node: process.execPath, bundled: true }, hostMachine(), signal), ['new-boot', 'new-close'])
})

t.test('a program that can’t boot dry is no fault, and says why', async t => {
  const home = t.testdir()
  put(join(home, 'bin/sunup.js'), "console.error('no'); process.exit(1)")
  t.match(await dryBoot(join(home, 'dry'), { home, node: process.execPath, bundled: true }, hostMachine(), signal), { reason: /bin\/sunup\.js/ })
  t.notOk(existsSync(join(home, 'dry')))
})

function put(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
