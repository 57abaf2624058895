import { Failure, messageOf } from '../core/failure.ts'
import type { Observer } from '../core/machine.ts'
import { nearest } from '../core/nearest.ts'
import type { ApplyContext, CheckContext } from '../core/resource.ts'
import { dpkgStatus } from './dpkg.ts'
import { isVersion, type PackageManager, type Wanted } from './package-manager.ts'

const DAY_MS = 24 * 60 * 60_000
const STATUS = '/var/lib/dpkg/status'
/** Where the time of the last refresh is kept; Ubuntu's own jobs and ansible's read and write it, too. */
const STAMP = '/var/lib/apt/periodic/update-success-stamp'
const LISTS = '/var/lib/apt/lists'

/** Nobody is there to answer, old configuration files stay, and needrestart restarts nothing behind sunup's back. */
const UNATTENDED = {
  DEBIAN_FRONTEND: 'noninteractive',
  DEBIAN_PRIORITY: 'critical',
  NEEDRESTART_SUSPEND: '1',
  NEEDRESTART_MODE: 'l',
  APT_LISTCHANGES_FRONTEND: 'none',
  UCF_FORCE_CONFFOLD: '1',
}
const KEEP = ['--force-confdef', '--force-confold']
const APT_GET = ['apt-get', '--yes', '--quiet', '--option=Dpkg::Use-Pty=0', ...KEEP.map(option => `--option=Dpkg::Options::=${option}`)]

/** Debian's packages. Source: apt-get(8), apt-cache(8), dpkg(1). */
export const apt: PackageManager = {
  installed: (_names, { observer }) => dpkgStatus(observer.readText(STATUS) ?? ''),

  async candidates(wanted, context) {
    const { observer, planning } = context
    if (isStale(observer)) return new Map()
    const { found, missing } = await look(wanted, context)
    const [first] = missing
    if (first && planning) throw await missingPackage(first, context)
    return found
  },

  async transact(install, remove, repair, context) {
    const { machine } = context
    // What a cut-off dpkg had not yet taken over lies there; apt refuses to work until it is.
    if (repair || (machine.list('/var/lib/dpkg/updates')?.length ?? 0) > 0) await finishInterrupted(context)
    if (install.length === 0 && remove.length === 0) return
    const versions = await resolve(install, context)
    const downgrade = install.some(one => one.version !== undefined) ? ['--allow-downgrades'] : []
    const argv = [
      ...APT_GET, '--no-install-recommends', '--fix-broken', ...downgrade, 'install',
      ...install.map(({ name, version }) => (version === undefined ? name : `${name}=${versions.get(name)}`)),
      ...remove.map(name => `${name}-`),
    ]
    try {
      await tried(argv, context)
    } catch (error) {
      // The mirror has moved on since the lists were made.
      if (!(error instanceof Failure) || error.code !== 'network.failed') throw error
      await refresh(context)
      await tried(argv, context)
    }
  },
}

async function finishInterrupted(context: ApplyContext): Promise<void> {
  await tried(['dpkg', ...KEEP, '--configure', '-a'], context)
  await tried([...APT_GET, '--no-install-recommends', '--fix-broken', 'install'], context)
}

/** Every package's version, after a refresh if that is what it takes. @throws Failure `package.missing` */
async function resolve(wanted: readonly Wanted[], context: ApplyContext): Promise<ReadonlyMap<string, string>> {
  if (wanted.length === 0) return new Map()
  const isFresh = !isStale(context.machine) && !(await triedThisRun(context)).failed
  if (!isFresh) await refresh(context)
  let looked = await look(wanted, context)
  if (looked.missing.length > 0 && isFresh) {
    await refresh(context)
    looked = await look(wanted, context)
  }
  const [first] = looked.missing
  if (first) throw await missingPackage(first, context)
  return looked.found
}

async function refresh(context: ApplyContext): Promise<void> {
  const refreshed = await triedThisRun(context)
  refreshed.failed = true
  // Without it a source that could not be reached is but a warning.
  await tried(['apt-get', '--quiet', '--option=APT::Update::Error-Mode=any', 'update'], context)
  context.machine.write(STAMP, '')
  refreshed.failed = false
}

/** A refresh that failed leaves new times on old lists: that it failed is kept here. */
function triedThisRun(context: ApplyContext): Promise<{ failed: boolean }> {
  return context.pinned('refresh of the package lists', async () => ({ failed: false }))
}

/** Whether the lists are missing, older than a day, or older than the sources they come from. */
function isStale(observer: Observer): boolean {
  const mtime = (path: string): number => observer.stat(path)?.mtimeMs ?? 0
  const lists = observer.list(LISTS)
  if (!lists?.some(name => name.includes('_'))) return true
  const refreshed = mtime(STAMP) || mtime(LISTS)
  const directory = '/etc/apt/sources.list.d'
  const sources = ['/etc/apt/sources.list', directory, ...(observer.list(directory) ?? []).map(name => `${directory}/${name}`)]
  return Date.now() - refreshed > DAY_MS || sources.some(path => mtime(path) > refreshed)
}

interface Looked {
  readonly found: ReadonlyMap<string, string>
  readonly missing: readonly Wanted[]
}

/** One question to apt's cache for all of them. */
async function look(wanted: readonly Wanted[], { observer, signal }: CheckContext): Promise<Looked> {
  const { stdout } = await observer.probe(['apt-cache', 'policy', ...wanted.map(one => one.name)], { signal })
  const policies = policiesOf(stdout)
  const found = new Map<string, string>()
  const missing: Wanted[] = []
  for (const one of wanted) {
    const policy = policies.get(one.name)
    const version = one.version === undefined ? policy?.candidate : policy?.versions.find(version => isVersion(version, one.version))
    if (version !== undefined) found.set(one.name, version)
    // A name that several packages provide has no version of its own: apt chooses, or says that it can't.
    else if (one.version !== undefined || policy === undefined || !(await isProvided(one.name, observer, signal))) missing.push(one)
  }
  return { found, missing }
}

interface Policy {
  candidate: string | undefined
  /** The newest first. */
  readonly versions: string[]
}

/** What `apt-cache policy` prints; a package that no list knows is not in it. */
export function policiesOf(text: string): ReadonlyMap<string, Policy> {
  const policies = new Map<string, Policy>()
  let policy: Policy | undefined
  for (const line of text.split('\n')) {
    const name = /^(\S+):$/.exec(line)?.[1]
    if (name !== undefined) policies.set(name, (policy = { candidate: undefined, versions: [] }))
    const candidate = /^ {2}Candidate: ([^(\s]\S*)$/.exec(line)?.[1]
    if (policy && candidate !== undefined) policy.candidate = candidate
    const version = /^ (?:\*{3}| {3}) (\S+) -?\d+$/.exec(line)?.[1]
    if (policy && version !== undefined) policy.versions.push(version)
  }
  return policies
}

async function isProvided(name: string, observer: Observer, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await observer.probe(['apt-cache', 'showpkg', name], { signal })
  return /^Reverse Provides: *\n\S/m.test(stdout)
}

async function missingPackage({ name, version }: Wanted, { observer, signal }: CheckContext): Promise<Failure> {
  const { stdout } = await observer.probe(['apt-cache', 'policy', name], { signal })
  const versions = policiesOf(stdout).get(name)?.versions ?? []
  if (version !== undefined && versions.length > 0) {
    return new Failure('package.missing', `there is no version ${version} of the package ${name}`, { subject: name, hint: `There is: ${versions.join(', ')}.` })
  }
  const known = await observer.probe(['apt-cache', 'pkgnames'], { signal })
  const near = nearest(name, known.stdout.split('\n').filter(Boolean))
  return new Failure('package.missing', `there is no package ${name} in any of the machine's sources`, {
    subject: name,
    hint: near === undefined ? 'A source that has it must come before, e.g. as a file of /etc/apt/sources.list.d.' : `Did you mean ${near}?`,
  })
}

/** Runs it, and gives what apt and dpkg say by words alone a meaning. */
async function tried(argv: readonly string[], { machine, signal, output }: ApplyContext): Promise<void> {
  try {
    await machine.run(argv, { env: UNATTENDED, signal, onLine: output })
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.code !== 'command.failed') throw cause
    const said = cause.output ?? ''
    const { output: lines } = cause
    if (/are you root\?|Permission denied/.test(said)) throw new Failure('file.denied', 'packages can be changed by root alone', { cause, output: lines, hint: 'Run sunup as root.' })
    if (/Could not get lock|frontend lock was locked|is another process using it|Unable to lock/.test(said)) {
      throw new Failure('package.locked', 'another program is changing packages', { cause, output: lines })
    }
    if (/Failed to fetch|Unable to fetch|Temporary failure resolving|Could not resolve|Could not connect/.test(said)) {
      throw new Failure('network.failed', `a package source could not be had: ${/^E: (.*)$/m.exec(said)?.[1] ?? messageOf(cause)}`, { cause, output: lines })
    }
    throw cause
  }
}
