import { statSync, utimesSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { isFullSha, type Checkout, type GitRemote, type GitWorker } from '../core/git.ts'
import { reveal } from '../core/secret.ts'
import { makeDirectory } from '../core/make-directory.ts'
import { endings, type Endings } from './endings.ts'
import { accessTo } from './git-access.ts'
import { gitFailure, lockInTheWay, type GitEnd } from './git-failure.ts'
import { compareWithIndex } from './git-index.ts'
import { removeStaleLock } from './git-lock.ts'
import { marked, tellMarked } from './git-processes.ts'
import { CONFIG, ENVIRONMENT, PERMITTED } from './git-settings.ts'
import { signatureFault, SIGNATURES } from './git-signature.ts'

export interface GitOptions {
  /** The host's path for one that a resource names. */
  hostPath(path: string): string
  /** Added to git's small, fixed environment, e.g. proxies or SSH_AUTH_SOCK. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Keeps account of what is ended. Default: its own. */
  readonly endings?: Endings
}

/** Stands in the environment of one git and of whatever it starts. */
const MARK = 'SUNUP_GIT'

/** An index must be younger than the files it speaks of, by more than the kernel's clock tick, or none of them can be trusted unread. */
const TICK_MS = 10

interface Command {
  /** For complaints: what it does, to what. */
  readonly deed: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly remote?: GitRemote
  readonly config?: readonly string[]
}

/** git, by the git program; every call is one process, which its signal ends. */
export function gitWorker(options: GitOptions): GitWorker {
  const { hostPath, endings: ends = endings() } = options

  /** Starts a git; any exit code is an answer. */
  async function ask(command: Command, signal: AbortSignal): Promise<GitEnd> {
    const { simpleGit } = await import('simple-git')
    signal.throwIfAborted()
    const access = command.remote && accessTo(command.remote, hostPath)
    // Unique while the machine runs.
    const mark = `${process.pid}-${process.hrtime.bigint()}`
    const env = { ...ENVIRONMENT, HOME: homedir(), ...options.env, ...access?.env, ...command.env, [MARK]: mark }
    let end: GitEnd | undefined
    try {
      const git = simpleGit({
        baseDir: '/',
        abort: signal,
        completion: { onClose: true, onExit: false },
        config: [...CONFIG, ...(access?.config ?? []), ...(command.config ?? [])],
        allowEnvironment: Object.keys(env),
        unsafe: PERMITTED,
        // Its own rule calls a failure a success when nothing was said.
        errors(error, { exitCode, stdOut, stdErr }) {
          end = { code: exitCode, stdout: Buffer.concat(stdOut).toString(), stderr: hideToken(Buffer.concat(stdErr).toString(), command.remote) }
          return exitCode === 0 ? undefined : (error ?? Buffer.from('failed'))
        },
      })
      const stdout = await git.env(env).outputHandler((_name, stdout, stderr) => attend(stdout, stderr, `${MARK}=${mark}`, signal, ends)).raw([...command.args])
      return { code: 0, stdout, stderr: '' }
    } catch (error) {
      signal.throwIfAborted()
      if (end === undefined) throw error
      return end
    } finally {
      access?.end()
    }
  }

  /** Starts a git that must succeed. Locks that a killed git left are removed, each once. @returns what it printed */
  async function run(command: Command, signal: AbortSignal): Promise<string> {
    const removed = new Set<string>()
    for (;;) {
      const end = await ask(command, signal)
      if (end.code === 0) return end.stdout
      const lock = lockInTheWay(end)
      if (lock === undefined) throw gitFailure(command.deed, end)
      if (removed.has(lock) || !removeStaleLock(lock, command.env?.GIT_DIR ?? dirname(lock))) {
        throw new Failure('git.locked', `${command.deed} has to wait: another git holds ${lock}`, { hint: `See which with: fuser -v ${lock}` })
      }
      removed.add(lock)
    }
  }

  async function has(gitDirectory: string, commit: string, signal: AbortSignal): Promise<boolean> {
    const { code } = await ask({ deed: `looking into ${gitDirectory}`, args: ['cat-file', '-e', `${commit}^{tree}`], env: { GIT_DIR: hostPath(gitDirectory) } }, signal)
    return code === 0
  }

  return {
    has,

    async resolve(remote, ref, signal) {
      if (isFullSha(ref)) return ref.toLowerCase()
      const names = ref === 'HEAD' || ref.startsWith('refs/') ? [`${ref}^{}`, ref] : [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`]
      const text = await run({ deed: `asking ${remote.url} for ${ref}`, args: ['ls-remote', '--', remote.url, ...names], remote }, signal)
      const found = new Map(text.split('\n').map(line => line.split('\t').reverse() as [string, string]))
      return names.map(name => found.get(name)).find(commit => commit !== undefined)
    },

    async whyUnsigned(gitDirectory, commit, allowedSigners, signal) {
      const deed = `verifying the signature of ${commit}`
      const config = [...SIGNATURES, `gpg.ssh.allowedSignersFile=${hostPath(allowedSigners)}`]
      const end = await ask({ deed, args: ['verify-commit', commit], env: { GIT_DIR: hostPath(gitDirectory) }, config }, signal)
      return end.code === 0 ? undefined : signatureFault(deed, end)
    },

    async status(checkout, commit, signal) {
      const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE } = placesOf(checkout)
      const seen = compareWithIndex(GIT_INDEX_FILE, GIT_WORK_TREE, commit.length === 64 ? 32 : 20)
      if (seen?.length === 0) return seen
      const args = ['diff', '--name-status', '-z', '--no-ext-diff', '--no-renames', '--ignore-submodules=all', commit]
      const end = await ask({ deed: `comparing ${checkout.workTree} with ${commit}`, args, env: { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE } }, signal)
      if (end.code === 0) return pairs(end.stdout)
      // The repository may have lost the commit's objects since; the index still knows their hashes.
      if (seen !== undefined) return seen
      throw gitFailure(`comparing ${checkout.workTree} with ${commit}`, end)
    },

    async init(gitDirectory, { bare }, signal) {
      const directory = hostPath(gitDirectory)
      make(directory)
      const args = ['init', '--quiet', ...(bare ? ['--bare'] : [])]
      await run({ deed: `making the repository ${gitDirectory}`, args, env: { GIT_DIR: directory } }, signal)
    },

    async fetch(gitDirectory, remote, ref, commit, signal) {
      const fetch = (refs: readonly string[], ...more: string[]): Promise<string> =>
        run(
          {
            deed: `fetching ${remote.url}`,
            args: ['fetch', '--quiet', '--force', '--no-tags', ...more, '--', remote.url, ...refs],
            env: { GIT_DIR: hostPath(gitDirectory) },
            remote,
          },
          signal,
        )
      const isThere = (): Promise<boolean> => has(gitDirectory, commit, signal)
      // Only what a ref of ours reaches is known to the next fetch, and safe from a collection.
      if (!isFullSha(ref) && (await unlessMissing(fetch([`${ref}:refs/sunup/${encodeURIComponent(ref)}`]))) && (await isThere())) return
      // The ref has moved on since it was asked for, or there was none. Not every server hands out what no ref names.
      if ((await unlessRefused(fetch([`${commit}:refs/sunup/${commit}`]))) && (await isThere())) return
      // What is gone there goes here, too: a branch may have become a directory of branches.
      await fetch(['refs/heads/*:refs/sunup-all/heads/*', 'refs/tags/*:refs/sunup-all/tags/*'], '--prune')
      if (!(await isThere())) {
        throw new Failure('git.missing', `${remote.url} has no commit ${commit}`, { hint: 'No branch or tag leads to it: it was never pushed, or was rewritten.' })
      }
    },

    async checkout(checkout, commit, signal) {
      const env = placesOf(checkout)
      make(env.GIT_WORK_TREE)
      make(dirname(env.GIT_INDEX_FILE))
      await run({ deed: `checking out ${commit} to ${checkout.workTree}`, args: ['read-tree', '--reset', '-u', commit], env }, signal)
      const now = new Date(Date.now() + TICK_MS)
      utimesSync(env.GIT_INDEX_FILE, now, now)
      if (checkout.index !== undefined) return
      await run({ deed: `checking out ${commit} to ${checkout.workTree}`, args: ['update-ref', '--no-deref', 'HEAD', commit], env }, signal)
    },
  }

  function placesOf({ gitDirectory, workTree, index }: Checkout): Record<'GIT_DIR' | 'GIT_WORK_TREE' | 'GIT_INDEX_FILE', string> {
    const directory = hostPath(gitDirectory)
    return { GIT_DIR: directory, GIT_WORK_TREE: hostPath(workTree), GIT_INDEX_FILE: index === undefined ? join(directory, 'index') : hostPath(index) }
  }
}

/** simple-git waits 50 ms more for a git that printed nothing: an empty chunk at its end says that all was heard. And it ends git alone: what git
 *  had started (ssh, the https helper) would go on, and hold its output open. */
function attend(stdout: NodeJS.ReadableStream, stderr: NodeJS.ReadableStream, setting: string, signal: AbortSignal, ends: Endings): void {
  stdout.once('end', () => stdout.emit('data', Buffer.alloc(0)))
  const leave = (): void => {
    ends.end({ isThere: () => marked(setting).length > 0, tell: name => tellMarked(setting, name) })
    for (const stream of [stdout, stderr]) (stream as NodeJS.ReadableStream & { destroy(): void }).destroy()
  }
  signal.addEventListener('abort', leave, { once: true })
  stdout.once('close', () => signal.removeEventListener('abort', leave))
}

/** Whether the fetch went well; false when the remote does not have what was named. */
async function unlessMissing(fetch: Promise<string>): Promise<boolean> {
  return fetch.then(
    () => true,
    error => {
      if (error instanceof Failure && error.code === 'git.missing' && /couldn't find remote ref/i.test(error.message)) return false
      throw error
    },
  )
}

/** Servers refuse a commit that no ref names in many words, and some by hanging up; what is really wrong shows in the next fetch. */
async function unlessRefused(fetch: Promise<string>): Promise<boolean> {
  return fetch.then(
    () => true,
    error => {
      if (error instanceof Failure && ['git.missing', 'git.failed', 'network.failed'].includes(error.code)) return false
      throw error
    },
  )
}

function pairs(text: string): readonly string[] {
  const words = text.split('\0')
  return words.flatMap((word, index) => (index % 2 === 1 ? [`${words[index - 1]} ${word}`] : []))
}

function hideToken(text: string, remote: GitRemote | undefined): string {
  return remote?.token === undefined ? text : text.replaceAll(reveal(remote.token), '[secret]')
}

function make(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return
  try {
    makeDirectory(directory)
  } catch (error) {
    throw new Failure(errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied', `${directory} can't be made: ${messageOf(error)}`, { cause: error })
  }
}
