import type { Secret } from './secret.ts'

/** Where a repository is and how one gets in. Nothing of it but the URL and the known-hosts path stands in an argv. */
export interface GitRemote {
  readonly url: string
  /** A private key's path on the host, or its text as a secret. */
  readonly key?: string | Secret | undefined
  /** An HTTPS token. */
  readonly token?: Secret | undefined
  /** Lines as in a known_hosts file; hosts not listed are refused. */
  readonly knownHosts?: string | undefined
}

/** Asking git; changes nothing on the machine. Directories are paths as resources name them. */
export interface GitObserver {
  /** The commit that a branch, tag (peeled) or full SHA stands for at the remote; `undefined`: no such ref.
   *  A full SHA (40 or 64 hex digits) is answered without asking.
   *  @throws Failure `network.failed`, `git.denied`, `git.failed`, `absent.command` */
  resolve(remote: GitRemote, ref: string, signal: AbortSignal): Promise<string | undefined>
  /** Whether a repository (bare, or a work tree's .git) holds the commit with all its objects readable. */
  has(gitDirectory: string, commit: string, signal: AbortSignal): Promise<boolean>
  /** Paths in the work tree that differ from the commit checked out, as `git status --porcelain` prints them. */
  status(checkout: Checkout, signal: AbortSignal): Promise<readonly string[]>
}

/** A work tree and the git directory and index that belong to it. */
export interface Checkout {
  readonly gitDirectory: string
  readonly workTree: string
  /** Default: the git directory's own index. */
  readonly index?: string | undefined
}

export interface GitWorker extends GitObserver {
  /** Makes an empty repository there, if there is none. */
  init(gitDirectory: string, options: { readonly bare: boolean }, signal: AbortSignal): Promise<void>
  /** Fetches the ref (and what the commit needs) into the repository. */
  fetch(gitDirectory: string, remote: GitRemote, ref: string, commit: string, signal: AbortSignal): Promise<void>
  /** Makes the work tree exactly the commit; local changes are overwritten, untracked files stay. */
  checkout(checkout: Checkout, commit: string, signal: AbortSignal): Promise<void>
}
