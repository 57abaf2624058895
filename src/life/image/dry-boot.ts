import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asFailure } from '../../core/failure.ts'
import type { Machine } from '../../core/machine.ts'
import type { Installation } from '../systemd/units.ts'

/** A machine that is none: all of it lies in one directory. */
const FILES: Readonly<Record<string, string>> = {
  'infra/sunup.yaml': 'cloud: local\n',
  'infra/instance.yaml': 'id: i-0dry\ntype: none\nregion: none\nzone: none\nprivateIp: 192.0.2.1\nsecurityGroups: [dry]\n',
  'infra/.sunup/cloud/addresses.yaml': '- { allocationId: eipalloc-dry, publicIp: 192.0.2.2 }\n',
  'infra/templates/motd.mustache': 'this is {{role.name}}\n',
}

const ROLE = `recipes:
  - files:
      - { path: /etc/motd, content: "dry\\n" }
      - { path: /etc/issue, template: motd.mustache }
  - eip: { allocation: eipalloc-dry }
  - registry
`

/** Boots a machine that is none, in a directory, so that what V8 compiles of the program to boot is kept beside it: the first boot of an instance
 *  takes it up. It asks nobody, and touches nothing else.
 *  @param directory is made, and removed in the end
 *  @returns names of what is kept now and was not before; or why nothing could be, which is no fault */
export async function dryBoot(directory: string, { home, node }: Installation, machine: Machine, signal: AbortSignal): Promise<readonly string[] | { readonly reason: string }> {
  const cache = join(home, 'dist', 'cache')
  const before = new Set(names(cache))
  const program = [node, join(home, 'bin', 'sunup.js')]
  const given = ['--config', join(directory, 'infra/sunup.yaml'), '--root', join(directory, 'root')]
  try {
    rmSync(directory, { recursive: true, force: true })
    const role = (await hasRepository(join(directory, 'app'), machine, signal)) ? `${ROLE}  - git-sync: { repository: "${join(directory, 'app')}", path: /srv/app }\n` : ROLE
    for (const [name, text] of Object.entries({ ...FILES, 'infra/roles/dry.yaml': role })) write(join(directory, name), text)
    for (const verb of ['boot', 'close']) await machine.run([...program, verb, ...given], { signal })
    return names(cache).filter(name => !before.has(name))
  } catch (error) {
    signal.throwIfAborted()
    return { reason: asFailure(error).message }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Without git there is nothing to compile of it. */
async function hasRepository(directory: string, machine: Machine, signal: AbortSignal): Promise<boolean> {
  write(join(directory, 'index.html'), 'dry\n')
  const git = (...argv: string[]): Promise<unknown> => machine.run(['git', '-C', directory, '-c', 'user.name=dry', '-c', 'user.email=dry@localhost', '-c', 'commit.gpgSign=false', ...argv], { signal })
  try {
    await git('init', '--quiet')
    await git('add', '--all')
    await git('commit', '--quiet', '-m', 'dry')
    return true
  } catch {
    signal.throwIfAborted()
    return false
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, text)
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
