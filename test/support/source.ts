import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { EventBody } from '../../src/core/events.ts'
import { Failure } from '../../src/core/failure.ts'
import type { Reading, Repository as Read } from '../../src/life/source/repository.ts'
import { readSource, type RemoteSource } from '../../src/life/source/source.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import { PATH } from '../../src/machine/path.ts'
import { hastyClock } from './fake-clock.ts'
import { aside, recorder, repository, type Recorder, type Repository } from './git-repository.ts'
import { builtIn } from './provisioning.ts'
import { SMALL } from './repository.ts'

/** A provisioning repository with the role demo, to be fetched. */
export function infrastructure(t: Test, files: Readonly<Record<string, string>> = {}): Repository {
  return repository(t, { 'roles/demo.yaml': SMALL, ...files })
}

export interface Asking {
  readonly source?: Partial<RemoteSource>
  readonly reading?: Partial<Reading>
  readonly role?: string
  /** git alone is on its PATH: neither npm nor ssh-keygen. */
  readonly bare?: boolean
}

/** How reading a source went. */
export interface Answer {
  readonly read: Read | undefined
  readonly failure: Failure | undefined
  readonly events: readonly EventBody[]
  /** The gits and npms that it started, each in a line. */
  readonly calls: readonly string[]
}

/** A machine that reads a source, in the process of the test; waiting takes no time. */
export interface SourceReader {
  /** What it keeps of sources. */
  readonly base: string
  /** Where the checkouts of its one source are. */
  checkouts(): string
  commits(): readonly string[]
  read(url: string, asking?: Asking): Promise<Answer>
  /** Its PATH. */
  readonly recorded: Recorder
}

export function sourceReader(t: Test): SourceReader {
  const base = join(aside(t, 'state'), 'cache/source')
  const recorded = recorder(t)
  const realNpm = spawnSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim()
  recorded.script('npm', `printf 'npm %s\\n' "$*" >> '${recorded.log}'\nexec '${realNpm}' "$@"`)
  const checkouts = (): string => join(base, readdirSync(base).find(name => /^[0-9a-f]{16}$/.test(name)) ?? 'none')
  return {
    base,
    recorded,
    checkouts,
    commits: () => readdirSync(checkouts()).filter(name => /^[0-9a-f]{40}$/.test(name)),
    async read(url, { source = {}, reading = {}, role, bare = false } = {}) {
      const events: EventBody[] = []
      const before = recorded.calls().length
      const own = recorded.path.split(':')[0] as string
      if (bare) rmSync(join(own, 'npm'))
      const network = { HOME: '/nonexistent', PATH: bare ? own : recorded.path }
      const asked: RemoteSource = { repository: url, ref: 'main', allowedSigners: undefined, onUnreachable: 'fail', breaker: undefined, ...source }
      let read: Read | undefined
      let failure: Failure | undefined
      try {
        read = await readSource(
          asked,
          { host: hostMachine({ network }), directory: base, network, builtIn, role },
          { signal: new AbortController().signal, clock: hastyClock(), tell: event => void events.push(event), planning: false, groups: ['demo'], ...reading },
        )
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        failure = error
      }
      return { read, failure, events, calls: recorded.calls().slice(before).map(shortened) }
    },
  }
}

/** Without the settings that stand before what git is to do. */
function shortened(call: string): string {
  return call.replace(/^(?:-c \S+ )+/, '')
}

/** Why commits can't be signed here. For `{ skip: noSshKeygen }`. */
export const noSshKeygen: string | false = spawnSync('ssh-keygen', ['-?']).error === undefined ? false : 'ssh-keygen is not installed'

/** Why a program of its own finds no npm here: it does not believe the PATH of whoever starts it. For `{ skip: npmElsewhere }`. */
export const npmElsewhere: string | false = PATH.split(':').some(directory => existsSync(join(directory, 'npm'))) ? false : 'npm is in no directory of the system'

export interface Signer {
  /** A file of allowed signers that has this one alone. */
  readonly allowed: string
  /** Its line there. */
  readonly line: string
  /** Signs the last commit. @returns it */
  sign(repository: Repository): string
}

/** Somebody with an ssh key of his own. */
export function signer(t: Test, name: string): Signer {
  const dir = aside(t, 'signer')
  const key = join(dir, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key])
  const line = `${name} ${execFileSync('ssh-keygen', ['-y', '-f', key], { encoding: 'utf8' }).trim()}\n`
  const allowed = join(dir, 'allowed')
  writeFileSync(allowed, line)
  return {
    allowed,
    line,
    sign(repository) {
      repository.git('-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`, 'commit', '--quiet', '--amend', '--no-edit', '-S')
      return repository.git('rev-parse', 'HEAD')
    },
  }
}
