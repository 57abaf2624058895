import { availableParallelism, loadavg, totalmem } from 'node:os'
import { readFileSync } from 'node:fs'
import type { Host } from '../core/instance.ts'
import type { Observer } from '../core/machine.ts'

/** What the machine is. The system is that of the root, where it says so (a staging root may be another distribution's tree), else the host's.
 *  Source: os-release(5). */
export function hostFacts(observer: Observer): Host {
  const release = osRelease(observer.readText('/etc/os-release') ?? observer.readText('/usr/lib/os-release') ?? hostRelease())
  const os = release.get('ID') ?? 'linux'
  return {
    os,
    family: familyOf([os, ...(release.get('ID_LIKE') ?? '').split(' ')]),
    version: release.get('VERSION_ID') ?? '',
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    cpus: availableParallelism(),
    memory: totalmem(),
  }
}

/** The 1-minute load per core, in thousandths at most. In a container it is that of the host. */
export function loadPerCore(): number {
  return Math.round(((loadavg()[0] as number) / availableParallelism()) * 1_000) / 1_000
}

/** Node's names, as Debian writes them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ia32: 'i386', arm: 'armhf', ppc64: 'ppc64el' }

function familyOf(names: readonly string[]): Host['family'] {
  if (names.some(name => name === 'debian' || name === 'ubuntu')) return 'debian'
  return names.some(name => ['rhel', 'fedora', 'centos', 'amzn'].includes(name)) ? 'redhat' : 'other'
}

function hostRelease(): string {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      // The next one; a system with neither is "linux".
    }
  }
  return ''
}

function osRelease(text: string): ReadonlyMap<string, string> {
  const pairs = text.split('\n').flatMap((line): [string, string][] => {
    const match = /^([A-Z0-9_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim())
    return match ? [[match[1] as string, match[2] ?? match[3] ?? match[4] ?? '']] : []
  })
  return new Map(pairs)
}
