import { Failure } from '../core/failure.ts'
import type { ApplyContext, CheckContext } from '../core/resource.ts'
import type { Installed, PackageManager, Wanted } from './package-manager.ts'

/** Red Hat's packages. dnf keeps its lists fresh and waits for its lock by itself. Source: dnf(8), rpm(8). */
export const dnf: PackageManager = {
  async installed(names, context) {
    const found = await query(['--query', ...names], context)
    // What another package provides under that name is asked for only when it is not there itself.
    for (const name of names.filter(name => !found.has(name))) {
      const [provider] = (await query(['--query', '--whatprovides', name], context)).values()
      if (provider) found.set(name, provider)
    }
    return name => found.get(name)
  },

  /** To know it dnf would go to the network: a plan names what was asked for. */
  async candidates() {
    return new Map()
  },

  async transact(install, remove, _repair, context) {
    const specs = install.map(specOf)
    const isBoth = specs.length > 0 && remove.length > 0
    const argv = ['dnf', '--assumeyes', '--quiet', '--setopt=install_weak_deps=False', '--setopt=clean_requirements_on_remove=False']
    if (isBoth) {
      // Its shell passes over what it can't find, and removes the rest all the same.
      for (const one of install) await refuseMissing(one, context)
      await tried([...argv, 'shell'], context, `install ${specs.join(' ')}\nremove ${remove.join(' ')}\nrun\n`)
    } else if (specs.length > 0) await tried([...argv, 'install', ...specs], context)
    else if (remove.length > 0) await tried([...argv, 'remove', ...remove], context)
  },
}

async function query(argv: readonly string[], { observer, signal }: CheckContext): Promise<Map<string, Installed>> {
  const { stdout } = await observer.probe(['rpm', '--queryformat', '%{NAME}\\t%{VERSION}-%{RELEASE}\\n', ...argv], { signal })
  const found = new Map<string, Installed>()
  for (const line of stdout.split('\n')) {
    const [name, version] = line.split('\t')
    if (name && version) found.set(name, { version, status: 'installed' })
  }
  return found
}

/** @throws Failure `package.missing` */
async function refuseMissing(wanted: Wanted, { machine, signal }: ApplyContext): Promise<void> {
  for (const way of [[specOf(wanted)], ['--whatprovides', wanted.name]]) {
    const { stdout } = await machine.probe(['dnf', '--quiet', 'repoquery', ...way], { signal })
    if (stdout.trim() !== '') return
  }
  throw missingPackage(specOf(wanted))
}

function missingPackage(name: string, cause?: Failure): Failure {
  return new Failure('package.missing', `there is no package ${name} in any of the machine's sources`, { cause, subject: name, output: cause?.output })
}

/** 'nginx=1.22*' is nginx-1.22* to dnf. */
function specOf({ name, version }: Wanted): string {
  return version === undefined ? name : `${name}-${version}`
}

async function tried(argv: readonly string[], { machine, signal, output }: ApplyContext, input?: string): Promise<void> {
  try {
    await machine.run(argv, { input, signal, onLine: output })
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.code !== 'command.failed') throw cause
    const said = cause.output ?? ''
    const missing = /(?:No match for argument|Unable to find a match): (\S+)/.exec(said)?.[1]
    if (missing !== undefined) throw missingPackage(missing, cause)
    if (/This command has to be run with superuser privileges|Permission denied/.test(said)) throw new Failure('file.denied', 'packages can be changed by root alone', { cause, hint: 'Run sunup as root.' })
    if (/Failed to download metadata|Curl error|Cannot download|Could not resolve/.test(said)) throw new Failure('network.failed', 'a package source could not be had', { cause, output: cause.output })
    throw cause
  }
}
