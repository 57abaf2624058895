import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { extract } from 'tar'
import { programOf, type Program } from './elf.ts'

export const ARCHITECTURES = { x64: 'x86_64', arm64: 'aarch64' } as const
export type Arch = keyof typeof ARCHITECTURES

export interface Runtime extends Program {
  readonly version: string
  readonly license: string
}

/** Node for an architecture, whichever this machine has: of the version that this checkout's is, from the npm package that carries it. npm checks it
 *  by the registry's digest, and has it from its cache where it can.
 *  @param home the checkout
 *  @throws Error when npm can't have it, or it is not what it should be */
export async function nodeFor(arch: Arch, home: string): Promise<Runtime> {
  const { version } = JSON.parse(readFileSync(join(home, 'node_modules/node/package.json'), 'utf8')) as { version: string }
  const name = `node-linux-${arch}@${version}`
  const directory = mkdtempSync(join(tmpdir(), 'sunup-node-'))
  try {
    const { status, stderr, error } = spawnSync('npm', ['pack', name, '--prefer-offline', '--loglevel=error', '--pack-destination', directory], { cwd: directory, encoding: 'utf8' })
    const packed = readdirSync(directory).find(file => file.endsWith('.tgz'))
    if (status !== 0 || packed === undefined) throw new Error(`npm can't have ${name}, which carries Node for ${arch}:\n${error?.message ?? stderr.trim()}`)
    await extract({ file: join(directory, packed), cwd: directory, strip: 1, filter: path => ['package/bin/node', 'package/LICENSE'].includes(path) })
    const program = asProgram(readFileSync(join(directory, 'bin/node')), name)
    if (program.machine !== ARCHITECTURES[arch]) throw new Error(`${name} carries a Node for ${program.machine}`)
    return { ...program, version, license: readFileSync(join(directory, 'LICENSE'), 'utf8') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function asProgram(file: Buffer, name: string): Program {
  try {
    return programOf(file)
  } catch (error) {
    throw new Error(`the Node of ${name} can't be taken: ${(error as Error).message}`, { cause: error })
  }
}
