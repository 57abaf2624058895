import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { $ as zx, quote } from 'zx/core'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import type { Account, CommandOptions, CommandResult, Machine, Observer } from '../core/machine.ts'
import { groupEnding, type Endings } from './endings.ts'
import { MARK } from './leftovers.ts'
import { cut, lines } from './lines.ts'
import { PATH } from './path.ts'

export interface CommandGround {
  /** '/', or the staging root: a directory of the host. */
  readonly root: string
  hostPath(path: string): string
  account(name: string): Account | undefined
  readonly endings: Endings
}

/** How long output is waited for once the command itself has ended: a daemon it left behind may hold the pipe for ever. */
const LINGER_MS = 500
/** Of each stream the last so many characters are kept; what was said last is what matters of a command that says more. */
const KEPT = 4 * 1024 * 1024
const LINES_SHOWN = 20

/** Runs commands without a shell: zx gathers, and the program is spawned as it is, in a process group of its own, so that what it
 *  started ends with it. The environment is PATH, LC_ALL=C, HOME (with `user`: that user's, with USER and LOGNAME), SUNUP_ROOT in a
 *  staging root, and what `env` adds. A staging root that is not there yet is an empty directory to them. Standard input is empty unless `input` is given.
 *  An aborted signal sends SIGTERM to the whole group, and SIGKILL 5 s later; what is thrown is the signal's reason.
 *  `user` is taken on with all its groups by setpriv(1). In a staging root and without privileges it is left as it is, like all owners there. */
export function commands(ground: CommandGround): { readonly probe: Observer['probe']; readonly run: Machine['run'] } {
  const staging = ground.root !== '/'
  const $ = zx({ shell: 'sh', quote, nothrow: true, quiet: true, verbose: false, detached: true })

  async function probe(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return (await execute(argv, options)).result
  }

  async function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { result, said } = await execute(argv, options)
    if (result.code === 0) return result
    throw new Failure('command.failed', `${show(argv)} ended with exit code ${result.code}`, { output: lastLines(said), hint: byHand(options) })
  }

  /** What is otherwise than in a shell, and so the first thing to suspect. */
  function byHand({ cwd, user, env = {} }: CommandOptions): string {
    const names = ['PATH', 'LC_ALL', 'HOME', ...Object.keys(env)].join(', ')
    return `To see more, run it by hand in ${ground.hostPath(cwd ?? '/')}${user === undefined ? '' : ` as ${user}`}. Of the environment it gets ${names} alone.`
  }

  async function execute(argv: readonly string[], options: CommandOptions): Promise<{ result: CommandResult; said: string }> {
    const { signal } = options
    signal?.throwIfAborted()
    const wanted = ground.hostPath(options.cwd ?? '/')
    if (!staging || statSync(ground.root, { throwIfNoEntry: false }) !== undefined) return await executeIn(wanted, argv, options)
    const empty = mkdtempSync(join(tmpdir(), 'sunup-root-'))
    try {
      return await executeIn(empty, argv, options)
    } finally {
      rmSync(empty, { recursive: true, force: true })
    }
  }

  async function executeIn(cwd: string, argv: readonly string[], options: CommandOptions): Promise<{ result: CommandResult; said: string }> {
    const { signal, input } = options
    const user = options.user === undefined ? undefined : wear(options.user, argv)
    const env = { PATH, LC_ALL: 'C', ...(user?.env ?? { HOME: homedir() }), ...(staging && { SUNUP_ROOT: ground.root }), ...options.env, ...(options.mark !== undefined && { [MARK]: options.mark }) }
    const program = find(argv, cwd, env.PATH)
    const [file, ...rest] = [...(user?.prefix ?? []), program, ...argv.slice(1)] as [string, ...string[]]

    let child: ChildProcess | undefined
    let release = (): void => {}
    const output = await $({
      cwd,
      env,
      store: { stdout: tail(KEPT), stderr: tail(KEPT), stdall: tail(KEPT) },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(input !== undefined && { input }),
      spawn: ((_text: string, _none: readonly string[], spawning: object) => {
        child = spawn(file, rest, { ...spawning, shell: false })
        attend(child, options)
        release = obey(child, signal, ground.endings)
        return child
      }) as unknown as typeof spawn,
    })`${argv}`
    release()

    if (signal?.aborted) throw signal.reason
    if (child?.pid === undefined) throw unstarted(argv, cwd, output.cause)
    if (output.signal !== null) {
      throw new Failure('command.failed', `${show(argv)} was ended by ${output.signal}`, { output: lastLines(output.stdall), hint: byHand(options) })
    }
    return { result: { code: output.exitCode ?? 1, stdout: output.stdout, stderr: output.stderr }, said: output.stdall }
  }

  /** What stands before a command so that it runs as `name`. undefined: it does so anyway. */
  function wear(name: string, argv: readonly string[]): { prefix: readonly string[]; env: Record<string, string> } | undefined {
    const me = process.geteuid?.()
    if (staging && me !== 0) return undefined
    const account = ground.account(name)
    if (account === undefined) throw new Failure('absent.user', `there is no user ${name} to run ${show(argv)}`, { subject: name })
    const env = { HOME: account.home, USER: name, LOGNAME: name }
    if (account.uid === me) return { prefix: [], env }
    if (me !== 0) throw new Failure('command.failed', `${show(argv)} is to run as ${name}, which needs root`, { hint: 'Run sunup as root.' })
    const setpriv = find(['setpriv'], '/', PATH)
    // The groups of an account that only a staging root knows can't be asked of the host.
    const groups = staging ? '--clear-groups' : '--init-groups'
    return { prefix: [setpriv, '--reuid', String(account.uid), '--regid', String(account.gid), groups, '--'], env }
  }

  return { probe, run }
}

/** Output as text, line by line to who listens; and an end to it once the command has ended. */
function attend(child: ChildProcess, { onLine }: CommandOptions): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = child[name]
    stream?.setEncoding('utf8')
    if (onLine && stream) lines(stream, line => onLine(name, line))
  }
  // A command that does not read its input is not to blame for it: its exit code says how it went.
  child.stdin?.on('error', () => {})
  child.once('exit', () => {
    const timer = setTimeout(() => {
      child.stdout?.destroy()
      child.stderr?.destroy()
    }, LINGER_MS)
    child.once('close', () => clearTimeout(timer))
  })
}

/** Ends the child's whole group when the signal says so. Returns what lets go of the signal. */
function obey(child: ChildProcess, signal: AbortSignal | undefined, endings: Endings): () => void {
  const { pid } = child
  if (signal === undefined || pid === undefined) return () => {}
  const end = (): void => endings.end(groupEnding(pid))
  signal.addEventListener('abort', end, { once: true })
  return () => signal.removeEventListener('abort', end)
}

/** The program that a name means: looked up here, so that "not there" is known before anything is started. */
function find(argv: readonly string[], cwd: string, path: string): string {
  const name = argv[0] as string
  if (name.includes('/')) {
    const file = isAbsolute(name) ? name : resolve(cwd, name)
    if (statSync(file, { throwIfNoEntry: false }) === undefined) throw absent(name)
    return file
  }
  for (const directory of path.split(':')) {
    const file = join(directory, name)
    if (isProgram(file)) return file
  }
  throw absent(name)
}

function isProgram(file: string): boolean {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return false
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function absent(name: string): Failure {
  return new Failure('absent.command', `there is no command ${name}`, { subject: name, hint: 'Put the package that brings it before this in the run list.' })
}

function unstarted(argv: readonly string[], cwd: string, cause: unknown): Failure {
  const reasons: Record<string, string> = {
    EACCES: 'it may not be executed',
    ENOENT: statSync(cwd, { throwIfNoEntry: false })?.isDirectory() ? 'the interpreter that its first line names is not there' : `there is no directory ${cwd} to run it in`,
    ENOEXEC: 'it is no program: its first line names no interpreter',
    E2BIG: 'its arguments are too long',
  }
  return new Failure('command.failed', `${show(argv)} can't be started: ${reasons[errnoOf(cause) ?? ''] ?? messageOf(cause)}`, { cause })
}

/** A list that forgets its beginning: zx pushes what it reads. */
function tail(limit: number): string[] {
  const kept: string[] = []
  let size = 0
  return Object.assign(kept, {
    push(...texts: string[]): number {
      for (const text of texts) {
        size += text.length
        kept[kept.length] = text
      }
      while (size - (kept[0]?.length ?? 0) > limit) size -= (kept.shift() as string).length
      return kept.length
    },
  })
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-LINES_SHOWN).map(cut).join('\n')
}

/** For people to read: words that a shell would take apart are quoted. */
function show(argv: readonly string[]): string {
  const text = argv.map(word => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`)).join(' ')
  return text.length > 300 ? `${text.slice(0, 299)}…` : text
}
