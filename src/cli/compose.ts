import { fstatSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { output } from './output.ts'

declare const SUNUP_VERSION: string

/** What the process has around it. Made here alone; everything else gets it as a value. */
export interface World {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** @throws Failure `file.denied` when it was removed: absolute paths do without it */
  readonly cwd: () => string
  readonly version: string
  readonly write: (text: string) => void
  readonly writeError: (text: string) => void
  /** Standard output, and standard input, is a terminal. */
  readonly interactive: boolean
  readonly attended: boolean
  readonly colour: boolean
  readonly errorColour: boolean
  /** The terminal's width now; 100 where there is none. */
  readonly columns: () => number
  /** Aborted by SIGINT, SIGTERM and SIGHUP (a lost session), with the Failure as its reason. */
  readonly signal: AbortSignal
  /** Says where recipes are, so that what they throw when nobody is there to catch it is theirs. */
  readonly blame?: (source: string) => void
  /** What the program came as, and with: bin/, packer/ and the like. */
  readonly home: string
  /** The folder of the program: where recipes that come with it are. */
  readonly program: string
  /** The module that `import … from 'sunup'` means in recipes. */
  readonly indexUrl: string
}

export function compose(): World {
  const bundled = typeof SUNUP_VERSION !== 'undefined'
  const { env } = process
  // dist/main.js, or src/cli/compose.ts
  const home = bundled ? dirname(import.meta.dirname) : dirname(dirname(import.meta.dirname))
  const program = bundled ? join(home, 'dist') : home
  const interactive = isTerminal(1)
  const attended = isTerminal(0)
  // Who is at a terminal may have stopped it to read.
  const leavesOut = !attended && MUST_GO_ON.has(process.argv[2] ?? '')
  // Before recipes can reach it. Called when a width is asked for: that loads Node's streams.
  const terminal = Object.getOwnPropertyDescriptor(process, 'stdout')?.get as () => typeof process.stdout
  return {
    argv: process.argv.slice(2),
    env,
    cwd: workingDirectory(),
    version: bundled ? SUNUP_VERSION : (JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }).version,
    write: output(1, leavesOut),
    writeError: output(2, leavesOut),
    interactive: interactive && env.TERM !== 'dumb',
    attended,
    colour: hasColour(interactive, env),
    errorColour: hasColour(isTerminal(2), env),
    columns: () => (interactive ? (terminal.call(process).columns ?? 80) : 100),
    signal: signals(process.argv[2]),
    home,
    program,
    indexUrl: new URL(bundled ? `file://${program}/index.js` : `file://${program}/src/index.ts`).href,
  }
}

/** On which somebody’s traffic depends. */
const MUST_GO_ON: ReadonlySet<string> = new Set(['boot', 'bake', 'close', 'watch'])

function workingDirectory(): () => string {
  try {
    const directory = process.cwd()
    return () => directory
  } catch (error) {
    // Libraries ask for one as they are loaded, whatever they need it for.
    process.chdir('/')
    const failure = new Failure('file.denied', `the directory that this runs in can't be had: ${errnoOf(error) === 'ENOENT' ? 'it was removed' : messageOf(error)}`, {
      cause: error,
      hint: 'Run it in another directory, or with --config and absolute paths.',
    })
    return () => {
      throw failure
    }
  }
}

/** Of the kernel's list of devices: /dev/null, /dev/zero and their like. */
const MEMORY_DEVICES = 1

/** node:tty loads Node's sockets, which costs a settled `close` a fifth of what it adds to a bare Node: only what may be a terminal is asked about by it. */
function isTerminal(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor)
    return stat.isCharacterDevice() && stat.rdev >> 8 !== MEMORY_DEVICES && process.getBuiltinModule('node:tty').isatty(descriptor)
  } catch {
    // It is closed.
    return false
  }
}

function hasColour(terminal: boolean, env: World['env']): boolean {
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== '') return true
  return terminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}

/** Ends the run in order: the first signal counts, more of them change nothing.
 *  @param verb what is run: those that change a machine take up where they were */
function signals(verb: string | undefined): AbortSignal {
  const hint = verb === 'boot' || verb === 'bake' ? `Run \`sunup ${verb}\` again: it takes up where this run was ended.` : undefined
  const controller = new AbortController()
  const end = (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void => {
    controller.abort(new Failure(name === 'SIGINT' ? 'signal.int' : 'signal.term', `ended by ${name}`, { hint }))
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  process.on('SIGHUP', end)
  return controller.signal
}
