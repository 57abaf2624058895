// npm run package: one archive with the program and its own Node. Needs nothing on the machine it is unpacked on but the GNU C library and libstdc++.
//   --arch x64|arm64   default: this machine's
//   --out DIR          default: packages/
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pack, writeSums } from './package/archive.ts'
import { makeDirectory } from '../src/core/make-directory.ts'
import { launcherFor } from './package/launcher.ts'
import { ARCHITECTURES, nodeFor, type Arch } from './package/node.ts'

const home = dirname(import.meta.dirname)
/** What the program is besides dist: as in the npm package, without the pages. */
const HOME = ['bin', 'roles', 'templates', 'packer', 'cloud-init', 'skeleton', 'package.json']

try {
  const { values } = parseArgs({ options: { arch: { type: 'string', default: process.arch }, out: { type: 'string', default: join(home, 'packages') } } })
  if (!Object.hasOwn(ARCHITECTURES, values.arch)) throw new Error(`--arch is ${Object.keys(ARCHITECTURES).join(' or ')}, not ${values.arch}`)
  const file = await packageFor(values.arch as Arch, resolve(values.out))
  console.log(`${file} (${(statSync(file).size / 1e6).toFixed(1)} MB)`)
} catch (error) {
  console.error(`npm run package: ${(error as Error).message}`)
  process.exitCode = 1
}

async function packageFor(arch: Arch, out: string): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
  const runtime = await nodeFor(arch, home)
  makeDirectory(out)
  // Beside the archive, which is renamed from here: whole or not there.
  const staged = mkdtempSync(join(out, '.staged-'))
  try {
    const name = `sunup-${version}`
    const top = join(staged, name)
    for (const part of ['bin', 'runtime', 'program']) mkdirSync(join(top, part), { recursive: true })
    write(join(top, 'bin/sunup'), launcherFor(arch, runtime), 0o755)
    write(join(top, 'runtime/node'), runtime.bytes, 0o755)
    write(join(top, 'runtime/LICENSE'), runtime.license)
    build(join(top, 'program/dist'))
    for (const part of HOME.filter(part => existsSync(join(home, part)))) cpSync(join(home, part), join(top, 'program', part), { recursive: true })
    const install = join(home, 'packer/install.sh')
    if (existsSync(install)) write(join(top, 'install.sh'), readFileSync(install), 0o755)
    cpSync(join(home, 'LICENSE'), join(top, 'LICENSE'))
    const archive = `${name}-linux-${arch}.tar.gz`
    await pack(staged, name, join(staged, archive), epoch())
    renameSync(join(staged, archive), join(out, archive))
    writeSums(out, version)
    return join(out, archive)
  } finally {
    rmSync(staged, { recursive: true, force: true })
  }
}

/** Of the sources as they lie there, and not what an earlier build left in dist. */
function build(directory: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(home, 'scripts/build.ts'), directory], { cwd: home, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the program can't be built:\n${stdout}${stderr}`)
  // It is for a checkout, and has the times of its files.
  rmSync(join(directory, 'inputs.json'))
}

function epoch(): number | undefined {
  const { SOURCE_DATE_EPOCH: given } = process.env
  if (given === undefined || given === '') return undefined
  if (!/^\d{1,10}$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH is a number of seconds, not ${given}`)
  return Number(given)
}

/** @param mode as it is, whatever the umask */
function write(file: string, content: string | Buffer, mode = 0o644): void {
  writeFileSync(file, content)
  chmodSync(file, mode)
}
