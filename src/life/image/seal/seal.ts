import { closeSync, constants, ftruncateSync, openSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asFailure, errnoOf, Failure, messageOf } from '../../../core/failure.ts'
import type { Clock } from '../../../core/clock.ts'
import type { Machine } from '../../../core/machine.ts'
import type { Lock } from '../../../machine/lock.ts'
import { possess } from '../../possession.ts'
import { runDirectoryOf, type Settings } from '../../settings.ts'
import type { Finding, Ground, Kind } from './finding.ts'
import { isLock, OF_SUNUP } from './of-sunup.ts'
import { isListed } from './places.ts'
import { SECRETS } from './secrets.ts'
import { TRACES } from './traces.ts'

/** All that an image must not carry. */
export const KINDS: readonly Kind[] = [...OF_SUNUP, ...SECRETS, ...TRACES]

export interface SealParts {
  readonly machine: Machine
  readonly settings: Pick<Settings, 'state' | 'run'>
  /** Paths that are meant to be in the image; * matches any run of characters. */
  readonly keep: readonly string[]
  readonly fix: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface Sealed {
  /** Whether an image may be made of the machine as it is now. */
  readonly sealed: boolean
  /** What is there now. */
  readonly findings: readonly Finding[]
  /** What was there, and was removed or emptied. */
  readonly fixed: readonly Finding[]
  /** What was found and is meant to be there. */
  readonly kept: readonly Finding[]
}

/** Looks for what an image must not carry, and with `fix` removes what may be removed; what it says then is what it found when it looked again.
 *  @throws Failure `file.denied` where it can't look everywhere, `lock.held` before anything is removed while another run is at work */
export async function seal(parts: SealParts): Promise<Sealed> {
  const { machine, settings, clock, signal } = parts
  if (!machine.privileged && !machine.staging) throw new Failure('file.denied', 'seal needs root: what it can’t read it can’t vouch for', { hint: 'Run it with sudo, or on a staging root with --root.' })
  if (machine.staging && !statSync(machine.root, { throwIfNoEntry: false })?.isDirectory()) throw new Failure('file.kind', `${machine.root} is no directory: there is nothing in it to vouch for`)
  const ground = groundOf(machine, settings)
  if (!parts.fix) return judged(look(ground, parts.keep), [])
  // A run that is at work makes anew what is removed under it.
  const take = (): Promise<Lock> => possess(join(runDirectoryOf(machine, settings as Settings), 'lock'), 'seal', clock, signal)
  const lock = await take().catch((error: unknown) => {
    // In its place lies what no run can have taken.
    if (asFailure(error).code !== 'file.kind') throw error
    machine.remove(`${ground.run}/lock`)
    return take()
  })
  try {
    const before = look(ground, parts.keep)
    const fixed: Finding[] = []
    const unfixed = new Map<string, string>()
    for (const finding of before.found) {
      signal.throwIfAborted()
      if (finding.fix === 'none') continue
      try {
        fix(finding, machine)
        fixed.push(finding)
      } catch (error) {
        // One that is mounted, say, keeps nothing else from being removed.
        unfixed.set(finding.path, `It could not be ${finding.fix === 'empty' ? 'emptied' : 'removed'}: ${asFailure(error).message}`)
      }
    }
    const after = look(ground, parts.keep)
    return judged({ ...after, found: after.found.map(finding => (unfixed.has(finding.path) ? { ...finding, hint: unfixed.get(finding.path) } : finding)) }, fixed)
  } finally {
    lock.release()
    if (!ground.runIsMemory) for (const name of machine.list(ground.run) ?? []) if (isLock(name)) machine.remove(`${ground.run}/${name}`)
  }
}

interface Looked {
  readonly found: readonly Finding[]
  readonly kept: readonly Finding[]
}

function look(ground: Ground, keep: readonly string[]): Looked {
  const isKept = matcher(keep)
  const all = KINDS.flatMap(({ look, what, why, fix, hint, minor }) => look(ground).map((sighting): Finding => ({ what, why, fix, ...(hint !== undefined && { hint }), ...sighting, refused: minor === undefined })))
  return { found: all.filter(({ path }) => !isKept(path)), kept: all.filter(({ path }) => isKept(path)) }
}

function judged({ found, kept }: Looked, fixed: readonly Finding[]): Sealed {
  return { sealed: !found.some(({ refused }) => refused), findings: found, fixed, kept }
}

function matcher(patterns: readonly string[]): (path: string) => boolean {
  const all = patterns.map(pattern => new RegExp(`^${pattern.split('*').map(text => text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&')).join('.*')}$`, 's'))
  return path => all.some(one => one.test(path))
}

function groundOf(machine: Machine, { state, run }: SealParts['settings']): Ground {
  return { machine, state, run, homes: homesOf(machine), runIsMemory: isMemory(machine.hostPath(run)) }
}

/** Of those whom passwd names, and of those whom it has forgotten. */
function homesOf(machine: Machine): readonly string[] {
  const named = (machine.readText('/etc/passwd') ?? '').split('\n').flatMap(line => line.split(':')[5] ?? [])
  const lying = (machine.list('/home') ?? []).map(name => `/home/${name}`)
  const isOwn = (home: string): boolean => home.startsWith('/') && !/^\/(?:$|nonexistent|proc|sys|dev|run|usr|s?bin|etc)(?:\/|$)/.test(home)
  const tidy = ['/root', ...named, ...lying].map(home => home.replace(/(?<=.)\/+$/, '')).filter(isOwn)
  return [...new Set(tidy)].filter(home => isListed(machine, home))
}

/** Source: linux/magic.h, TMPFS_MAGIC. */
const TMPFS = 0x01021994

function isMemory(directory: string): boolean {
  for (let at = directory; ; at = dirname(at)) {
    try {
      return statfsSync(at).type === TMPFS
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw asFailure(error)
    }
  }
}

function fix({ path, fix }: Finding, machine: Machine): void {
  if (fix === 'remove') return machine.remove(path)
  try {
    // In place: whoever writes a log has it open, and a machine id may be mounted.
    const file = openSync(machine.hostPath(path), constants.O_WRONLY | constants.O_NOFOLLOW)
    try {
      ftruncateSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    throw new Failure('file.denied', `${path} can't be emptied: ${messageOf(error)}`, { cause: error })
  }
}
