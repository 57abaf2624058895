import type { GitObserver, GitWorker } from './git.ts'

export type FileKind = 'file' | 'directory' | 'link' | 'other'

export interface FileStat {
  readonly kind: FileKind
  /** Permission bits as octal text, e.g. '0644'. */
  readonly mode: string
  readonly uid: number
  readonly gid: number
  /** Bytes. */
  readonly size: number
  readonly mtimeMs: number
  readonly ino: number
  readonly dev: number
}

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
  readonly shell: string
}

export interface AccountGroup {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

export interface CommandOptions {
  /** A path as resources name it (below the root in a staging root). Default: '/'. */
  readonly cwd?: string | undefined
  /** Added to a small, fixed environment (PATH, LC_ALL=C, HOME). */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly user?: string | undefined
  readonly input?: string | undefined
  /** What it can be found by: the next run ends it, should this one be killed before it. */
  readonly mark?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Gets each line as it comes. */
  readonly onLine?: ((stream: 'stdout' | 'stderr', line: string) => void) | undefined
}

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The machine as a check sees it: to look, not to touch. Paths are absolute, as resources name them; in a staging root they are
 *  resolved below it. Looking at files is synchronous: local, microseconds, and a settled run is a thousand of them. */
export interface Observer {
  /** '/', or the staging root. */
  readonly root: string
  readonly staging: boolean
  /** Whether owners can be set: effective uid 0. */
  readonly privileged: boolean
  /** Without following a link. `undefined`: there is nothing.
   *  @throws Failure `file.denied` when it could not be looked at */
  stat(path: string): FileStat | undefined
  /** The file's bytes, following links (inside the root). `undefined`: there is nothing.
   *  @throws Failure `file.denied`, `file.kind` (a directory) */
  read(path: string): Buffer | undefined
  readText(path: string): string | undefined
  /** Names in a directory, sorted. `undefined`: there is none. */
  list(path: string): readonly string[] | undefined
  readLink(path: string): string | undefined
  /** From the root's own passwd and group files, then (not in a staging root) from the name service. `undefined`: no such account. */
  account(name: string): Account | undefined
  accountOf(uid: number): Account | undefined
  group(name: string): AccountGroup | undefined
  groupOf(gid: number): AccountGroup | undefined
  /** Runs a command that changes nothing, on the host, without a shell; any exit code is an answer.
   *  @throws Failure `absent.command`, `command.timeout`, `command.failed` (killed by a signal) */
  probe(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /** The path on the host, for arguments of commands. Links are resolved as the root's own. @throws Failure `file.escape` */
  hostPath(path: string): string
  readonly git: GitObserver
}

export interface WriteOptions {
  /** Octal text; default '0644'. */
  readonly mode?: string | undefined
  /** User name, or a uid as text; default: whoever runs. In a staging root skipped when unprivileged. @throws Failure `absent.user` */
  readonly owner?: string | undefined
  readonly group?: string | undefined
}

/** The machine as an apply has it: to change. Everything an Observer can, and writing. */
export interface Machine extends Observer {
  /** Replaces the file in one rename; mode and owner are set before it becomes visible. Makes missing parents (0755).
   *  @throws Failure `file.denied`, `disk.full`; the old file is then untouched and nothing is left beside it */
  write(path: string, content: string | Uint8Array, options?: WriteOptions): void
  setMode(path: string, mode: string): void
  /** Does not follow a link. */
  setOwner(path: string, owner?: string, group?: string): void
  /** With its missing parents (0755, root's). */
  makeDirectory(path: string, options?: WriteOptions): void
  /** Swings a symbolic link in one rename. */
  link(path: string, to: string): void
  rename(from: string, to: string): void
  /** A file, a link or a whole tree; never follows a link. Absent is fine. */
  remove(path: string): void
  /** Runs a command on the host without a shell. In a staging root SUNUP_ROOT is set.
   *  @throws Failure `absent.command`, `command.failed` (any exit code but 0; last lines in `output`), `command.timeout` */
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /** When every command and git that its signal ended is gone, with what it had started: 6 s after the signal at the latest. */
  ended(): Promise<void>
  readonly git: GitWorker
}
