import type { World } from './compose.ts'

/** A command line option, as commander and the completion take it. */
export interface Option {
  /** e.g. '--root <dir>' */
  readonly flags: string
  readonly summary: string
  readonly values?: readonly string[]
}

export interface Verb {
  readonly name: string
  readonly summary: string
  /** What --help says below the options. */
  readonly more?: string
  /** Positional arguments, as commander writes them: '<shell>', '[run]'. */
  readonly arguments?: readonly { readonly name: string; readonly summary: string; readonly values?: readonly string[] }[]
  /** One with the flags of an option that goes everywhere stands in its place. */
  readonly options?: readonly Option[]
  /** Loaded when called. */
  readonly load: () => Promise<{ readonly default: Command }>
}

/** What every command accepts, before or after its own arguments, and ignores when it has no use for it. */
export const EVERYWHERE: readonly Option[] = [
  { flags: '--config <file>', summary: 'configuration (default: $SUNUP_CONFIG, ./sunup.yaml, /etc/sunup/sunup.yaml)' },
  { flags: '--source <dir>', summary: 'where roles/, recipes/ and templates/ are (default: as configured)' },
  { flags: '--cloud <cloud>', summary: 'where this machine runs', values: ['aws', 'local'] },
  { flags: '--role <name>', summary: 'the role, instead of the one its security groups say' },
  { flags: '--root <dir>', summary: 'a staging root: converge into DIR instead of /' },
  { flags: '--format <format>', summary: 'what is written to standard output', values: ['text', 'json'] },
  { flags: '--verbose', summary: 'also what is settled, output of commands, stacks of errors' },
]

/** What a command accepts: its own, and what every command does. */
export function optionsOf({ options = [] }: Verb): readonly Option[] {
  return [...options, ...EVERYWHERE.filter(({ flags }) => !options.some(own => own.flags === flags))]
}

export const VERBS: readonly Verb[] = [
  {
    name: 'boot',
    summary: 'provision this instance and open the gate',
    more: 'Takes a serving instance out of traffic while it runs: the gate is closed first and opened last.\nExit codes: 0 open (or kept closed as the group wants it), 1 failed, 3 not settled, 4 deadline, 5 another run holds the lock, 78 wrong configuration.',
    load: () => import('./commands/boot.ts'),
  },
  {
    name: 'plan',
    summary: 'say what boot would change, with diffs; change nothing',
    more: 'Exit codes: 0 nothing would change, 2 something would or can’t be known, 1 a check failed, 78 wrong configuration.',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'close',
    summary: 'close the gate and nothing else',
    more: 'Needs no role, source, identity or network: the first unit of a boot.',
    options: [
      { flags: '--unless-booted', summary: 'do nothing once a boot has begun since the machine was started: for the unit that closes before all else, and may be started again' },
      { flags: '--failed', summary: 'also tell the group, if sunup.service was cut off before it could: for the unit that systemd starts then' },
    ],
    load: () => import('./commands/close.ts'),
  },
  {
    name: 'watch',
    summary: 'keep this instance’s lease in the registry, with its load, while it serves',
    more: 'Runs until a signal ends it (143), and leaves the gate as it is then. A registry that is out of reach is waited for.\nA row that a later boot owns, or that was taken away, closes the gate: 1. Wrong configuration: 78.',
    load: () => import('./commands/watch.ts'),
  },
  {
    name: 'bake',
    summary: 'prepare the role inside an image build',
    more: 'Needs --role, and asks no cloud. What reads the instance, needs a secret or activates is left to boot, and named.\nCloses the gate and never opens it; services are enabled and not started.\nExit codes: 0 baked, 1 failed, 3 not settled, 5 another run holds the lock, 64 no role, 78 wrong configuration, or nothing to prepare.',
    options: [{ flags: '--units-only', summary: 'install and enable the units of sunup, and do nothing else' }],
    load: () => import('./commands/bake.ts'),
  },
  {
    name: 'seal',
    summary: 'refuse an image that carries state, secrets or an identity',
    more: 'Looks, and lists every finding. Exit codes: 0 nothing is to be refused, 1 something is (or could not be removed), 5 another run holds the lock.',
    options: [
      { flags: '--fix', summary: 'remove what may be removed' },
      { flags: '--keep <paths...>', summary: 'what is meant to be in the image: paths, * matches any run of characters' },
    ],
    load: () => import('./commands/seal.ts'),
  },
  {
    name: 'check',
    summary: 'validate configuration, roles, recipes’ params and templates without touching the machine',
    load: () => import('./commands/check.ts'),
  },
  {
    name: 'test',
    summary: 'run the tests of the repository’s recipes',
    more: 'By Node’s own runner, with this Node; `sunup` is this program in them.\nExit codes: 0 all passed, 1 one failed, 64 no such file, 78 there is none.',
    arguments: [{ name: '[files...]', summary: 'test files (default: recipes/**/*.test.ts)' }],
    load: () => import('./commands/test.ts'),
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of role files, recipes’ params included',
    options: [{ flags: '--of <file>', summary: 'whose schema (default: role)', values: ['role', 'sunup.yaml'] }],
    load: () => import('./commands/schema.ts'),
  },
  {
    name: 'policy',
    summary: 'print the least IAM policy that the role needs',
    more: 'Without --role: one policy for all roles that a security group leads to.\nAsks no cloud: region and account are AWS_REGION and AWS_ACCOUNT_ID, or any.',
    options: [{ flags: '--terraform', summary: 'as a data "aws_iam_policy_document"' }],
    load: () => import('./commands/policy.ts'),
  },
  { name: 'status', summary: 'the last run and the gate, in words', load: () => import('./commands/status.ts') },
  {
    name: 'report',
    summary: 'a run in full, as text, as JSON, or as a page with its timeline',
    arguments: [{ name: '[run]', summary: 'a run’s id (default: the last)' }],
    options: [
      { flags: '--list', summary: 'the runs that are kept, newest first' },
      { flags: '--html <file>', summary: 'write one self-contained page with the run’s timeline (-: to standard output)' },
    ],
    load: () => import('./commands/report.ts'),
  },
  {
    name: 'registry',
    summary: 'the list of who is running: show it, put an instance in, take one away, make its table',
    more: 'list   members of --role, or of all roles, with their state and lease; suspect: the lease is past for 30 s\n'
      + 'put    registers this instance with its identity; a named one keeps what is known of it, with a new lease (with --role it may be new)\n'
      + 'remove takes an instance away; nobody is asked whether it lives\n'
      + 'init   makes the table of `registry.table`; again: no change',
    arguments: [
      { name: '<action>', summary: 'what to do', values: ['list', 'put', 'remove', 'init'] },
      { name: '[instances...]', summary: 'instance ids, for put and remove (default: this one)' },
    ],
    options: [{ flags: '--format <format>', summary: 'how it is written (default: table)', values: ['table', 'text', 'json'] }],
    load: () => import('./commands/registry.ts'),
  },
  {
    name: 'init',
    summary: 'write a new provisioning repository',
    more: 'Into a new directory, or one that has none of what is written: never overwrites. One that was cut off is completed by the next.\nExit codes: 0 written, 1 something is there already, or can’t be written, 64.',
    arguments: [{ name: '<dir>', summary: 'the directory: new, or empty but for .git and files of your own' }],
    options: [
      { flags: '--repository <url>', summary: 'where the repository will be, as instances reach it' },
      { flags: '--archive <url>', summary: 'where sunup-<version>-linux-<arch>.tar.gz is fetched from' },
      { flags: '--sha256 <hex>', summary: 'its checksum' },
      { flags: '--types', summary: 'write types/ alone: for a repository that has none, or after an upgrade' },
    ],
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    arguments: [{ name: '<shell>', summary: 'the shell', values: ['bash', 'zsh', 'fish'] }],
    more: 'For bash: source <(sunup completion bash)',
    load: () => import('./commands/completion.ts'),
  },
]

export interface Asked {
  readonly config?: string
  readonly source?: string
  readonly cloud?: 'aws' | 'local'
  readonly role?: string
  readonly root?: string
  /** text or json, and what more a command knows. */
  readonly format?: string
  readonly verbose?: boolean
  /** Options of the command's own. */
  readonly [own: string]: unknown
  readonly arguments: readonly string[]
}

/** A command line that was read. */
export interface Called {
  readonly verb: Verb
  readonly asked: Asked
}

/** A command: what was asked, and the world around it, give the exit code. */
export type Command = (asked: Asked, world: World) => Promise<number>
