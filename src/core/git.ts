import type { Secret } from './secret.ts'

/** Where a repository is and how one gets in. Nothing of it but the URL stands in an argv. */
export interface GitRemote {
  readonly url: string
  /** A private key's path, as resources name paths, or its text as a secret. */
  readonly key?: string | Secret | undefined
  /** Sent as the password, over HTTPS, to the URL's own host and no other. */
  readonly token?: Secret | undefined
  /** Lines as in a known_hosts file; hosts not listed are refused. Default: the known hosts of the machine, and nobody else. */
  readonly knownHosts?: string | undefined
}

/** A work tree and the git directory and index that belong to it. Paths as resources name them. */
export interface Checkout {
  readonly gitDirectory: string
  readonly workTree: string
  /** Default: the git directory's own index; a checkout then moves its HEAD, too. */
  readonly index?: string | undefined
}

export interface WhyUnsigned {
  /** After "it": e.g. 'carries no signature'. */
  readonly reason: string
  /** What git and ssh-keygen said, if anything. */
  readonly output: string | undefined
}

/** Asking git; changes nothing on the machine. Directories are paths as resources name them. */
export interface GitObserver {
  /** The commit that a tag (peeled), a branch or a full SHA stands for at the remote; `undefined`: no such ref.
   *  A tag wins over a branch of its name, as in git itself; `refs/heads/<name>` means the branch. `HEAD` is the remote's default branch.
   *  A full SHA (40 or 64 hex digits) is answered without asking.
   *  @throws Failure `network.failed`, `git.denied`, `git.missing` (no such repository), `git.failed`, `absent.command` */
  resolve(remote: GitRemote, ref: string, signal: AbortSignal): Promise<string | undefined>
  /** Whether a repository (bare, or a work tree's .git) holds the commit and its tree. */
  has(gitDirectory: string, commit: string, signal: AbortSignal): Promise<boolean>
  /** Why the commit does not count as signed, by ssh, by one of the signers; undefined: it is. Signatures of other kinds (PGP, X.509) count as none.
   *  @param allowedSigners a file as ssh-keygen(1) has it under ALLOWED SIGNERS
   *  @throws Failure `absent.command` (ssh-keygen), `git.failed` (a git older than 2.34), `git.broken` */
  whyUnsigned(gitDirectory: string, commit: string, allowedSigners: string, signal: AbortSignal): Promise<WhyUnsigned | undefined>
  /** Tracked files that differ from the commit checked out, as `M path` or `D path`, sorted; files git does not track do not count.
   *  Where nothing differs it reads the index and asks no git.
   *  @throws Failure `git.failed`, `git.broken` */
  status(checkout: Checkout, commit: string, signal: AbortSignal): Promise<readonly string[]>
}

export interface GitWorker extends GitObserver {
  /** Makes an empty repository there, or completes one. */
  init(gitDirectory: string, options: { readonly bare: boolean }, signal: AbortSignal): Promise<void>
  /** Fetches the commit into the repository: the ref alone if that brings it, else the commit itself, else all branches and tags.
   *  The remote is not stored. @throws Failure `git.missing` when the remote does not have it, and as resolve; `git.locked`, `git.broken` */
  fetch(gitDirectory: string, remote: GitRemote, ref: string, commit: string, signal: AbortSignal): Promise<void>
  /** Makes the tracked files exactly the commit's; local changes are overwritten, untracked files stay. Neither submodules nor LFS.
   *  @throws Failure `git.locked`, `git.broken`, `file.denied`, `disk.full` */
  checkout(checkout: Checkout, commit: string, signal: AbortSignal): Promise<void>
}

/** Whether a ref is a full SHA: it needs no remote to be understood. */
export function isFullSha(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref)
}
